import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { certificatePem, type CertificateOrder } from '../../values/certificates.js';
import { writeWhole, type RsaPair } from '../../values/keys.js';
import { AlipayRefusal } from './refusal.js';
import type { Params } from './wire.js';

interface AlipayCertificate {
  readonly pem: string;
  readonly path: string;
  /** What Alipay calls it by: `app_cert_sn` and its like. */
  readonly sn: string;
}

/** What the merchant downloads from Alipay in certificate mode. */
export interface AlipayCertificates {
  readonly app: AlipayCertificate;
  readonly alipay: AlipayCertificate;
  readonly root: AlipayCertificate;
}

const named = (commonName: string) => ({ country: 'CN', organization: 'Sandbox', commonName });
const ROOT = named('Sandbox Certification Authority R1');

/** Makes the certificates of both sides' keys, and of the root that signs them. */
export async function writeCertificates(
  folder: string,
  {
    appId,
    merchant,
    provider,
    authority,
  }: { appId: string; merchant: RsaPair; provider: RsaPair; authority: RsaPair },
): Promise<AlipayCertificates> {
  const issue = async (
    file: string,
    order: Pick<CertificateOrder, 'subject' | 'publicKey' | 'isRoot'>,
  ): Promise<AlipayCertificate> => {
    const pem = certificatePem({ ...order, issuer: ROOT, issuerKey: authority.privateKey });
    const path = join(folder, `${file}.pem`);
    await writeWhole(path, pem);
    return { pem, path, sn: snOf(pem) };
  };
  const [app, alipay, root] = await Promise.all([
    issue('alipay-app-cert', { subject: named(appId), publicKey: merchant.publicKey, isRoot: false }),
    issue('alipay-cert', { subject: named('Alipay'), publicKey: provider.publicKey, isRoot: false }),
    issue('alipay-root-cert', { subject: ROOT, publicKey: authority.publicKey, isRoot: true }),
  ]);
  return { app, alipay, root };
}

/** Alipay's number of a certificate: the MD5 of who issued it, last part first, and of its serial in decimal. */
function snOf(pem: string): string {
  const { issuer, serialNumber } = new X509Certificate(pem);
  const text = issuer.split('\n').reverse().join(',') + BigInt(`0x${serialNumber}`).toString();
  return createHash('md5').update(text).digest('hex');
}

/** In certificate mode a call names the certificates that it goes by. */
export function isByCertificate(params: Params): boolean {
  return params['app_cert_sn'] !== undefined || params['alipay_root_cert_sn'] !== undefined;
}

/**
 * Both numbers, and both right; a call that sends neither is in public-key mode.
 * @throws AlipayRefusal
 */
export function checkCertificates(params: Params, { app, root }: AlipayCertificates): void {
  if (!isByCertificate(params)) return;
  const { app_cert_sn: appSn, alipay_root_cert_sn: rootSn } = params;
  if (!appSn) throw new AlipayRefusal('40001', 'isv.missing-app-cert-sn', '缺少应用公钥证书SN');
  if (!rootSn) throw new AlipayRefusal('40001', 'isv.missing-alipay-root-cert-sn', '缺少支付宝根证书SN');
  if (appSn !== app.sn) throw new AlipayRefusal('40002', 'isv.app-cert-not-exist', '应用公钥证书不存在');
  if (rootSn !== root.sn) {
    throw new AlipayRefusal('40002', 'isv.invalid-alipay-root-cert-sn', '无效的支付宝根证书SN');
  }
}
