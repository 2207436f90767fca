/** Certificate mode, by the official client with certificates of the sandbox's own. */
import type { AlipaySdk } from 'alipay-sdk';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { forms } from '../../notify/test-support.js';
import { tamperingProxy } from '../../test-proxy.js';
import {
  alipayCertificateClient,
  alipayClient,
  orderNo,
  testReceiver,
  testSandbox,
  type TestSandbox,
} from '../../test-support.js';
import { exec, order, signedOrder } from './test-support.js';

const PRECREATE = 'alipay.trade.precreate';
const NOBODYS_SN = '0'.repeat(32);

let sandbox: TestSandbox;
let sdk: AlipaySdk;

beforeAll(async () => {
  sandbox = await testSandbox();
  sdk = await alipayCertificateClient(sandbox);
});

/** The call as the client signs it, posted as it is; the answer as text. */
async function post(signed: string): Promise<string> {
  const answer = await fetch(sandbox.environment['ALIPAY_GATEWAY'] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
    body: signed,
  });
  return answer.text();
}

async function handedOut(of: TestSandbox): Promise<Record<string, string>> {
  const { body } = await of.control('GET', '/keys');
  return body['alipay'] as Record<string, string>;
}

describe('the certificates', () => {
  it('are of both sides’ keys, and signed by the root', async () => {
    const keys = await handedOut(sandbox);
    const [app, alipay, root] = ['appCertificate', 'alipayCertificate', 'rootCertificate'].map(
      (name) => new X509Certificate(keys[name] ?? ''),
    );
    if (!app || !alipay || !root) throw new Error('there are three');
    for (const certificate of [app, alipay, root]) {
      expect(certificate.checkIssued(root)).toBe(true);
      expect(certificate.verify(root.publicKey)).toBe(true);
      expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now());
    }
    expect([app.ca, alipay.ca, root.ca]).toEqual([false, false, true]);
    const pem = (one: X509Certificate): string =>
      one.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(pem(app)).toBe(keys['merchantPublicKey']);
    expect(pem(alipay)).toBe(keys['alipayPublicKey']);
  });

  it('lie in files too, and stay the same over a restart', async () => {
    const own = await testSandbox();
    const before = await handedOut(own);
    expect(await readFile(before['appCertificatePath'] ?? '', 'utf8')).toBe(before['appCertificate']);
    await own.close();
    expect(await handedOut(await testSandbox({ home: own.home }))).toMatchObject({
      appCertificate: before['appCertificate'],
      alipayCertificate: before['alipayCertificate'],
      rootCertificate: before['rootCertificate'],
    });
  });
});

describe('a call in certificate mode', () => {
  it('is answered under a signature that the client verifies', async () => {
    const no = orderNo();
    expect(await exec(sdk, PRECREATE, order(no))).toMatchObject({ code: '10000', outTradeNo: no });
    await sandbox.control('POST', `/trades/${no}/pay`, { notify: false });
    expect(await exec(sdk, 'alipay.trade.query', { out_trade_no: no })).toMatchObject({
      tradeStatus: 'TRADE_SUCCESS',
    });
    const refund = { out_trade_no: no, refund_amount: '12.34', out_request_no: no };
    expect(await exec(sdk, 'alipay.trade.refund', refund)).toMatchObject({ code: '10000' });
  });

  it('is told which certificate the signature is of; one in public-key mode is not', async () => {
    const byCertificate = await post(sdk.sdkExecute(PRECREATE, signedOrder(orderNo())));
    expect(byCertificate).toContain(`,"alipay_cert_sn":"${sdk.config.alipayCertSn}","sign":"`);
    const byKey = await alipayClient(sandbox.environment);
    const answer = await post(byKey.sdkExecute(PRECREATE, signedOrder(orderNo())));
    expect(answer).toContain('"code":"10000"');
    expect(answer).not.toContain('alipay_cert_sn');
  });

  it('may be carried by the buyer’s device', async () => {
    const no = orderNo();
    const credential = sdk.sdkExecute('alipay.trade.app.pay', signedOrder(no));
    expect(await sandbox.control('POST', '/trades', { channel: 'alipay', credential })).toMatchObject({
      body: { outTradeNo: no },
    });
  });

  it.each([
    ['another app_cert_sn', { appCertSn: NOBODYS_SN }, '40002', 'isv.app-cert-not-exist'],
    ['another root', { alipayRootCertSn: NOBODYS_SN }, '40002', 'isv.invalid-alipay-root-cert-sn'],
    [
      'another key',
      {
        privateKey: generateKeyPairSync('rsa', { modulusLength: 2048 })
          .privateKey.export({ type: 'pkcs8', format: 'pem' })
          .toString(),
      },
      '40002',
      'isv.invalid-signature',
    ],
  ])('is refused under %s, in an answer that is signed', async (_what, change, code, subCode) => {
    const other = await alipayCertificateClient(sandbox);
    Object.assign(other.config, change);
    const no = orderNo();
    expect(await exec(other, PRECREATE, order(no))).toMatchObject({ code, subCode });
    expect((await sandbox.control('GET', `/trades/${no}`)).status).toBe(404);
  });

  it.each([
    ['app_cert_sn', 'isv.missing-app-cert-sn'],
    ['alipay_root_cert_sn', 'isv.missing-alipay-root-cert-sn'],
  ])('is refused without %s alone', async (name, subCode) => {
    const signed = sdk.sdkExecute(PRECREATE, signedOrder(orderNo()));
    const without = signed.replace(new RegExp(`(^|&)${name}=[^&]*`), '');
    expect(await post(without)).toContain(`"sub_code":"${subCode}"`);
  });
});

describe('what the client is told', () => {
  it('is refused by it when an answer was changed on its way', async () => {
    const no = orderNo();
    await exec(sdk, PRECREATE, order(no));
    const gateway = sandbox.environment['ALIPAY_GATEWAY'] ?? '';
    const proxy = await tamperingProxy(gateway, (body) => body.replace('12.34', '99.99'));
    const fooled = await alipayCertificateClient(sandbox);
    fooled.config.gateway = `${proxy.url}gateway.do`;
    const asked = exec(fooled, 'alipay.trade.query', { out_trade_no: no });
    await expect(asked).rejects.toThrow('验签失败');
    await proxy.close();
  });

  it('is verified in a notification, and refused when that was changed', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    const no = orderNo();
    await exec(sdk, PRECREATE, order(no), { notifyUrl: receiver.url });
    await sandbox.control('POST', `/trades/${no}/pay`);
    await receiver.until(1);
    const [form = {}] = forms(receiver);
    expect(sdk.checkNotifySignV2({ ...form })).toBe(true);
    expect(sdk.checkNotifySignV2({ ...form, total_amount: '99.99' })).toBe(false);
  });
});
