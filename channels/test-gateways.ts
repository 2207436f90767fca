/** Channels whose gateway, on the loopback, says whatever a test wants: signed as the provider signs, or forged. */
import { createAlipay } from './alipay.js';
import { type Loopback, type LoopbackAnswer, makeKeys, signRsa, startLoopback } from './test-support.js';
import { createWechat } from './wechat.js';

export const NO = '9f8e7d6c5b4a3921';
export const ALIPAY_APP = '2021000000000001';
export const WECHAT_APP = 'wx0000000000000001';
export const WECHAT_MCH = '1900000001';
export const merchantKeys = makeKeys();
export const providerKeys = makeKeys();

const WECHAT_SERIAL = 'PUB_KEY_ID_0000000000000024101100397200000006';
const TIMEOUT_MS = 400;

const started: Loopback[] = [];

export async function stopGateways(): Promise<void> {
  await Promise.all(started.splice(0).map((gateway) => gateway.stop()));
}

export function alipayConfig(url: string) {
  return {
    appId: ALIPAY_APP,
    privateKey: merchantKeys.privateKey,
    alipayPublicKey: providerKeys.publicKey,
    gateway: `${url}gateway.do`,
    timeoutMs: TIMEOUT_MS,
  };
}

/** `asked` collects what the gateway was sent: the query, and `biz_content` out of the body. */
export async function alipayThatHears(answer: (method: string) => LoopbackAnswer | undefined) {
  const asked: URLSearchParams[] = [];
  const gateway = await startLoopback((request, body) => {
    const query = new URL(request.url ?? '', 'http://127.0.0.1').searchParams;
    query.append('biz_content', new URLSearchParams(body).get('biz_content') ?? '');
    asked.push(query);
    return answer(query.get('method') ?? '');
  });
  started.push(gateway);
  const config = alipayConfig(gateway.url);
  return { alipay: createAlipay(config), asked, config, gateway };
}

/** As Alipay signs: over the raw text of the inner object, byte for byte. */
export function signAlipay(method: string, inner: object, key = providerKeys.privateKey): LoopbackAnswer {
  const text = JSON.stringify(inner);
  const name = `${method.replaceAll('.', '_')}_response`;
  return { body: `{"${name}":${text},"sign":"${signRsa(text, key)}"}` };
}

export function refuseAlipay(code: string, sub_code?: string): object {
  return { code, msg: 'Business Failed', sub_code, sub_msg: '文字' };
}

export const ALIPAY_PAID = {
  code: '10000',
  msg: 'Success',
  out_trade_no: NO,
  trade_no: '2026112422',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '12.30',
  send_pay_date: '2026-11-24 20:00:02',
};

export interface WechatAsked {
  method: string;
  path: string;
  body: string;
}

export async function wechatThatHears(answer: (asked: WechatAsked) => LoopbackAnswer | undefined) {
  const asked: WechatAsked[] = [];
  const gateway = await startLoopback((request, body) => {
    const one = { method: request.method ?? '', path: request.url ?? '', body };
    asked.push(one);
    return answer(one);
  });
  started.push(gateway);
  const wechat = createWechat({
    appId: WECHAT_APP,
    mchId: WECHAT_MCH,
    serial: '7132D72A03E93CDDF8C03BBD1F37EEDF00000000',
    privateKey: merchantKeys.privateKey,
    apiV3Key: '0123456789abcdef0123456789abcdef',
    publicKeyId: WECHAT_SERIAL,
    publicKey: providerKeys.publicKey,
    baseUrl: gateway.url,
    timeoutMs: TIMEOUT_MS,
  });
  return { wechat, asked };
}

/** As WeChat Pay signs: in the headers, over the body; without content it is a 204. */
export function signWechatAnswer(
  content?: object,
  changes: { offsetS?: number; serial?: string; key?: string } = {},
): LoopbackAnswer {
  const body = content === undefined ? '' : JSON.stringify(content);
  const timestamp = Math.floor(Date.now() / 1000) + (changes.offsetS ?? 0);
  const key = changes.key ?? providerKeys.privateKey;
  return {
    status: content === undefined ? 204 : 200,
    headers: {
      'content-type': 'application/json',
      'wechatpay-timestamp': String(timestamp),
      'wechatpay-nonce': 'n0nce',
      'wechatpay-serial': changes.serial ?? WECHAT_SERIAL,
      'wechatpay-signature': signRsa(`${timestamp}\nn0nce\n${body}\n`, key),
    },
    body,
  };
}

/** WeChat Pay does not sign its refusals in a way that the client checks. */
export function refuseWechat(status: number, code: string): LoopbackAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, message: '文字' }),
  };
}

export const WECHAT_PAID = {
  appid: WECHAT_APP,
  mchid: WECHAT_MCH,
  out_trade_no: NO,
  transaction_id: '4200000000202611240000000001',
  trade_state: 'SUCCESS',
  success_time: '2026-11-24T20:00:02+08:00',
  amount: { total: 1230, payer_total: 1000, currency: 'CNY' },
};
