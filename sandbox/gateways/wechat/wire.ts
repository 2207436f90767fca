import { createCipheriv, sign, verify, type KeyObject } from 'node:crypto';
import type { Response } from 'express';
import { base62, hex } from '../../values/random.js';
import type { WechatAccount } from './account.js';
import { signError, type WechatAnswer } from './refusal.js';

const ALGORITHM = 'RSA-SHA256';
const SCHEME = 'WECHATPAY2-SHA256-RSA2048';
const CLOCK_WINDOW_S = 300;

/** What of a request its signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query exactly as requested. */
  readonly originalUrl: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

/**
 * Checks the Authorization header of a request.
 * @throws WechatRefusal 401 SIGN_ERROR
 */
export function authenticate(request: SignedRequest, wechat: WechatAccount): void {
  const { authorization = '' } = request;
  if (!authorization.startsWith(`${SCHEME} `)) throw signError('Http头Authorization值格式错误');
  const fields = new Map(
    [...authorization.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
  const timestamp = fields.get('timestamp') ?? '';
  if (fields.get('mchid') !== wechat.mchId) throw signError('商户号与签名不匹配');
  if (fields.get('serial_no') !== wechat.serial) throw signError('商户证书序列号有误');
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > CLOCK_WINDOW_S) {
    throw signError('Http头Authorization中的timestamp与发起请求的时间不得超过5分钟');
  }
  const { method, originalUrl, body } = request;
  const text = joined(method, originalUrl, timestamp, fields.get('nonce_str') ?? '', body);
  const signature = Buffer.from(fields.get('signature') ?? '', 'base64');
  if (!verify(ALGORITHM, Buffer.from(text), wechat.merchant.publicKey, signature)) {
    throw signError('签名错误，请检查商户私钥与待签名串');
  }
}

/** Signs and sends an answer; a 204 is signed over an empty body. */
export function sendSigned(res: Response, wechat: WechatAccount, answer: WechatAnswer): void {
  const text = answer.body ? JSON.stringify(answer.body) : '';
  res.status(answer.status).set(signatureHeaders(text, wechat.provider.privateKey, wechat));
  if (text !== '') res.set('content-type', 'application/json; charset=utf-8');
  res.end(text);
}

/** The headers by which WeChat Pay vouches for a body, in answers and notifications alike. */
export function signatureHeaders(
  body: string,
  key: KeyObject,
  wechat: WechatAccount,
): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = base62(32);
  const text = joined(timestamp, nonce, body);
  return {
    'Wechatpay-Timestamp': timestamp,
    'Wechatpay-Nonce': nonce,
    'Wechatpay-Signature': sign(ALGORITHM, Buffer.from(text), key).toString('base64'),
    'Wechatpay-Serial': wechat.publicKeyId,
    'Wechatpay-Signature-Type': SCHEME,
    'Request-ID': hex(32).toUpperCase(),
  };
}

/** The `resource` of a notification: AES-256-GCM, the 16-byte tag after the cipher text, base64. */
export function encryptResource(
  originalType: string,
  plain: unknown,
  apiV3Key: string,
): Record<string, string> {
  const nonce = base62(12);
  const cipher = createCipheriv('aes-256-gcm', apiV3Key, nonce).setAAD(Buffer.from(originalType));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(plain)), cipher.final(), cipher.getAuthTag()]);
  return {
    original_type: originalType,
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: sealed.toString('base64'),
    associated_data: originalType,
    nonce,
  };
}

function joined(...lines: string[]): string {
  return `${lines.join('\n')}\n`;
}
