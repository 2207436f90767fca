/** Which credentials make a channel, and what is said when some are missing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pem = (what: string): string => `-----BEGIN ${what}-----\nMA==\n-----END ${what}-----\n`;
const APP = { ALIPAY_APP_ID: '2021', ALIPAY_PRIVATE_KEY: pem('PRIVATE KEY') };
const CERTIFICATES = {
  ALIPAY_APP_CERT: pem('CERTIFICATE'),
  ALIPAY_PUBLIC_CERT: pem('CERTIFICATE'),
  ALIPAY_ROOT_CERT: pem('CERTIFICATE').repeat(2),
};

const alipayOf = (given: Record<string, string>) =>
  readConfig({ DATABASE_URL: 'postgres://127.0.0.1/none', ...given }).channels.alipay;

describe("Alipay's credentials", () => {
  it('by its public key have no certificates', () => {
    const alipay = alipayOf({ ...APP, ALIPAY_PUBLIC_KEY: pem('PUBLIC KEY') });
    expect(alipay).toMatchObject({ appId: '2021', alipayPublicKey: pem('PUBLIC KEY') });
    expect(alipay?.certificates).toBeUndefined();
  });

  it('by certificates need no public key; each is a path, or a PEM with its line ends written out', () => {
    const file = path.join(folder, 'alipayRootCert.crt');
    writeFileSync(file, CERTIFICATES.ALIPAY_ROOT_CERT);
    const written = CERTIFICATES.ALIPAY_APP_CERT.replaceAll('\n', String.raw`\n`);
    expect(
      alipayOf({ ...APP, ...CERTIFICATES, ALIPAY_APP_CERT: written, ALIPAY_ROOT_CERT: file }),
    ).toMatchObject({
      alipayPublicKey: undefined,
      certificates: {
        app: CERTIFICATES.ALIPAY_APP_CERT,
        alipay: CERTIFICATES.ALIPAY_PUBLIC_CERT,
        root: CERTIFICATES.ALIPAY_ROOT_CERT,
      },
    });
  });

  it.each([
    ['ALIPAY_APP_CERT, ALIPAY_ROOT_CERT: missing beside ALIPAY_PUBLIC_CERT', ['ALIPAY_PUBLIC_CERT']],
    ['ALIPAY_PUBLIC_CERT: missing beside ALIPAY_APP_CERT', ['ALIPAY_APP_CERT', 'ALIPAY_ROOT_CERT']],
    ['ALIPAY_ROOT_CERT: missing beside ALIPAY_APP_CERT', ['ALIPAY_APP_CERT', 'ALIPAY_PUBLIC_CERT']],
  ] as const)('say what is missing: %s', (message, names) => {
    const some = Object.fromEntries(names.map((name) => [name, CERTIFICATES[name]]));
    const given = { ...APP, ALIPAY_PUBLIC_KEY: pem('PUBLIC KEY'), ...some };
    expect(() => alipayOf(given)).toThrow(message);
  });

  it('say so when there are certificates and no application, or an application and nothing of Alipay', () => {
    expect(() => alipayOf(CERTIFICATES)).toThrow(
      'ALIPAY_APP_ID, ALIPAY_PRIVATE_KEY: missing beside ALIPAY_PUBLIC_CERT',
    );
    expect(() => alipayOf(APP)).toThrow('ALIPAY_PUBLIC_KEY: missing beside ALIPAY_APP_ID');
  });

  it('say so when a certificate is neither a PEM nor a path', () => {
    expect(() => alipayOf({ ...APP, ...CERTIFICATES, ALIPAY_APP_CERT: '/nowhere.crt' })).toThrow(
      'ALIPAY_APP_CERT: must be a PEM or the path to one',
    );
  });
});
