import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { account, rsaPair, throwawayKey, type RsaPair } from '../../values/keys.js';
import { digits } from '../../values/random.js';
import { checkCertificates, writeCertificates, type AlipayCertificates } from './certificates.js';
import { AlipayRefusal } from './refusal.js';
import { signedText, verifyText, type Params } from './wire.js';

const ids = z.object({ appId: z.string(), sellerId: z.string(), buyerId: z.string() });

/** Parameters of every call, each with the word that Alipay calls it by when it is missing. */
const REQUIRED = [
  ['method', 'method'],
  ['app_id', 'app-id'],
  ['sign_type', 'signature-type'],
  ['sign', 'signature'],
  ['timestamp', 'timestamp'],
  ['version', 'version'],
] as const;

/** Who is who at this Alipay, and both sides' keys. */
export interface AlipayAccount extends z.infer<typeof ids> {
  /** The merchant's application key. */
  readonly merchant: RsaPair;
  /** Alipay's own key. */
  readonly provider: RsaPair;
  /** For a merchant in certificate mode. */
  readonly certificates: AlipayCertificates;
  /** A key that is nobody's, for the `wrongKey` fault. */
  readonly forgersKey: () => Promise<KeyObject>;
}

export async function loadAccount(folder: string): Promise<AlipayAccount> {
  const [known, merchant, provider, authority] = await Promise.all([
    account(folder, 'alipay-account', ids, () => ({
      appId: `2021${digits(12)}`,
      sellerId: `2088${digits(12)}`,
      buyerId: `2088${digits(12)}`,
    })),
    rsaPair(folder, 'alipay-merchant'),
    rsaPair(folder, 'alipay'),
    rsaPair(folder, 'alipay-root'),
  ]);
  const certificates = await writeCertificates(folder, {
    appId: known.appId,
    merchant,
    provider,
    authority,
  });
  let forged: Promise<KeyObject> | null = null;
  return { ...known, merchant, provider, certificates, forgersKey: () => (forged ??= throwawayKey()) };
}

/**
 * Checks who is calling, as Alipay's gateway does before it looks at the method.
 * @throws AlipayRefusal
 */
export function authenticate(params: Params, alipay: AlipayAccount): void {
  for (const [name, word] of REQUIRED) {
    if (!params[name]) throw new AlipayRefusal('40001', `isv.missing-${word}`, `缺少参数 ${name}`);
  }
  if (params['app_id'] !== alipay.appId) {
    throw new AlipayRefusal('40002', 'isv.invalid-app-id', '无效的AppID参数');
  }
  if (params['charset'] && params['charset'].toLowerCase() !== 'utf-8') {
    throw new AlipayRefusal('40002', 'isv.invalid-charset', '字符集错误，只支持 utf-8');
  }
  if (params['sign_type'] !== 'RSA2') {
    throw new AlipayRefusal('40002', 'isv.invalid-signature-type', '无效的签名类型，只支持 RSA2');
  }
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(params['timestamp'] ?? '')) {
    throw new AlipayRefusal('40002', 'isv.invalid-timestamp', '非法的时间戳参数');
  }
  checkCertificates(params, alipay.certificates);
  const text = signedText(params, ['sign']);
  if (!verifyText(text, params['sign'] ?? '', alipay.merchant.publicKey)) {
    const shown = text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
    throw new AlipayRefusal(
      '40002',
      'isv.invalid-signature',
      `验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：${shown}`,
    );
  }
}
