/** Alipay in certificate mode, against the local provider's certificates. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { certificatePem } from '../sandbox/values/certificates.js';
import type { AlipayCertificates } from './alipay-client.js';
import { type AlipayConfig, createAlipay } from './alipay.js';
import type { Attempt, Channel } from './channel.js';
import type { Merchant } from './test-merchant.js';
import { type PayoutBench, openPayoutBench } from './test-payout-bench.js';
import { payouts } from './test-payouts.js';
import { failureOf, makeKeys, refunds } from './test-support.js';

let bench: PayoutBench;
let merchant: Merchant;
let config: AlipayConfig & { certificates: AlipayCertificates };
let alipay: Channel;

beforeAll(async () => {
  bench = await openPayoutBench();
  ({ merchant } = bench);
  const { alipay: keys } = (await merchant.control('GET', '/keys')) as { alipay: Record<string, string> };
  config = {
    ...merchant.configs.alipay,
    alipayPublicKey: undefined,
    certificates: {
      app: keys['appCertificate'] ?? '',
      alipay: keys['alipayCertificate'] ?? '',
      root: keys['rootCertificate'] ?? '',
    },
  };
  alipay = createAlipay(config);
});

afterEach(async () => {
  await merchant.control('DELETE', '/faults');
});

afterAll(() => bench.close());

/** A certificate that Alipay never made: of this public key, or of a stranger's. */
function foreignCertificate(publicKey = makeKeys().publicKey): string {
  const { privateKey } = makeKeys();
  const issuer = { country: 'CN', organization: 'Elsewhere', commonName: 'Nobody' };
  return certificatePem({
    subject: issuer,
    publicKey: createPublicKey(publicKey),
    issuer,
    issuerKey: createPrivateKey(privateKey),
    isRoot: false,
  });
}

const withCertificates = (change: Partial<AlipayCertificates>): Channel =>
  createAlipay({ ...config, certificates: { ...config.certificates, ...change } });

async function paid(notify = false): Promise<Attempt & { tradeNo: string }> {
  const attempt = merchant.attempt('qr');
  const credential = await alipay.create(attempt);
  const trade = await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify });
  return { ...attempt, credential, tradeNo: (trade as { tradeNo: string }).tradeNo };
}

describe('alipay by certificates', () => {
  it('takes a payment, and finds it', async () => {
    const attempt = merchant.attempt('qr');
    await alipay.create(attempt);
    expect(await alipay.query(attempt)).toEqual({ state: 'unpaid' });
    await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify: false });
    expect(await alipay.query(attempt)).toMatchObject({
      state: 'paid',
      payment: { outTradeNo: attempt.outTradeNo, amountFen: attempt.amountFen },
    });
  });

  it.each(['app', 'h5', 'page'] as const)('makes what a payer’s device opens: %s', async (scene) => {
    const attempt = merchant.attempt(scene);
    const [credential] = Object.values(await alipay.create(attempt));
    const opened = await merchant.control('POST', '/trades', { channel: 'alipay', credential });
    expect(opened).toMatchObject({ outTradeNo: attempt.outTradeNo, status: 'unpaid' });
  });

  it('refunds', async () => {
    const attempt = await paid();
    const request = {
      outTradeNo: attempt.outTradeNo,
      providerTradeNo: attempt.tradeNo,
      refundNo: `${attempt.outTradeNo}r1`,
      amountFen: attempt.amountFen,
      capturedFen: attempt.amountFen,
      currency: 'CNY',
      reason: 'the lesson was cut short',
      notifyUrl: attempt.notifyUrl,
    } as const;
    const { refund, queryRefund } = refunds(alipay);
    expect(await refund(request)).toEqual({ state: 'processing' });
    await merchant.control('POST', `/refunds/${request.refundNo}/settle`, { result: 'success' });
    expect((await queryRefund(request)).state).toBe('succeeded');
  });

  it('pays out', async () => {
    const one = bench.request('alipay');
    const { payout, queryPayout } = payouts(alipay);
    expect(await payout(one)).toEqual({ state: 'processing' });
    await bench.settle(one, 'success');
    expect((await queryPayout(one)).state).toBe('paid');
  });

  it('W1: verifies a notification', async () => {
    const { outTradeNo, amountFen } = await paid(true);
    const raw = await bench.receiver.next(outTradeNo);
    expect(alipay.verifyNotification(raw)).toMatchObject({
      kind: 'paid',
      payment: { outTradeNo, amountFen },
    });
  });

  it.each([{ tamper: true }, { wrongKey: true }])('W2: refuses a notification under %j', async (fault) => {
    // For all: a refund or a payout of the tests before may still end by itself, and use a single fault up.
    await merchant.control('POST', '/faults', { channel: 'alipay', times: 100, ...fault });
    const { outTradeNo } = await paid(true);
    const raw = await bench.receiver.next(outTradeNo);
    expect(await failureOf(() => alipay.verifyNotification(raw))).toMatchObject({
      code: 'notification_refused',
      details: { reason: 'signature' },
    });
  });

  it('W2: believes no answer and no notification of a key that is not in the certificate it knows', async () => {
    const deceived = withCertificates({ alipay: foreignCertificate() });
    const attempt = await paid(true);
    expect((await failureOf(() => deceived.query(attempt))).code).toBe('channel_unknown_outcome');
    const raw = await bench.receiver.next(attempt.outTradeNo);
    expect((await failureOf(() => deceived.verifyNotification(raw))).code).toBe('notification_refused');
  });

  it.each([
    ['app', 'isv.app-cert-not-exist'],
    ['root', 'isv.invalid-alipay-root-cert-sn'],
  ] as const)(
    'M9: is refused with another certificate as %s, and gives no payout up',
    async (which, code) => {
      const ours = createPublicKey(config.privateKey).export({ type: 'spki', format: 'pem' }).toString();
      const other = withCertificates({ [which]: foreignCertificate(ours) });
      const one = bench.request('alipay');
      expect(await failureOf(() => payouts(other).payout(one))).toMatchObject({
        code: 'channel_unknown_outcome',
        details: { providerCode: code },
      });
      expect(await bench.known(one)).toEqual([]);
    },
  );
});

describe('certificates that are none', () => {
  it.each<[string, () => Partial<AlipayCertificates>, RegExp]>([
    ['of another key', () => ({ app: foreignCertificate() }), /of another private key/],
    ['that is a key', () => ({ app: makeKeys().publicKey }), /PEM certificates/],
    ['of Alipay that is none', () => ({ alipay: 'none' }), /PEM certificates/],
    ['of the root that is none', () => ({ root: '' }), /PEM certificates/],
  ])('make no channel: one %s', async (_what, change, message) => {
    const error = await failureOf(() => withCertificates(change()));
    expect(error.code).toBe('channel_not_configured');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('BEGIN');
  });
});
