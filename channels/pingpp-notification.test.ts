import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyPingppNotification } from './pingpp-notification.js';
import { NO, providerKeys } from './test-gateways.js';
import {
  APP,
  CHARGE,
  PAID,
  makeCharge,
  makeEvent,
  makeRefundObject,
  makeTransfer,
  signPingpp,
} from './test-pingpp.js';
import { failureOf, makeKeys } from './test-support.js';

const publicKey = createPublicKey(providerKeys.publicKey);
const verified = (body: string) => verifyPingppNotification(publicKey, signPingpp(body));
const PAYMENT = makeEvent('charge.succeeded', makeCharge(PAID));

describe('the event that Ping++ publishes with its client', () => {
  const BODY =
    '{"id":"evt_eYa58Wd44Glerl8AgfYfd1sL","created":1434368075,"livemode":true,"type":"charge.succeeded","data":{"object":{"id":"ch_bq9IHKnn6GnLzsS0swOujr4x","object":"charge","created":1434368069,"livemode":true,"paid":true,"refunded":false,"app":"app_vcPcqDeS88ixrPlu","channel":"wx","order_no":"2015d019f7cf6c0d","client_ip":"140.227.22.72","amount":100,"amount_settle":0,"currency":"cny","subject":"An Apple","body":"A Big Red Apple","extra":{},"time_paid":1434368074,"time_expire":1434455469,"time_settle":null,"transaction_no":"1014400031201506150354653857","refunds":{"object":"list","url":"/v1/charges/ch_bq9IHKnn6GnLzsS0swOujr4x/refunds","has_more":false,"data":[]},"amount_refunded":0,"failure_code":null,"failure_msg":null,"metadata":{},"credential":{},"description":null}},"object":"event","pending_webhooks":0,"request":"iar_Xc2SGjrbdmT0eeKWeCsvLhbL"}';
  const SIGNATURE =
    'BX5sToHUzPSJvAfXqhtJicsuPjt3yvq804PguzLnMruCSvZ4C7xYS4trdg1blJPh26eeK/P2QfCCHpWKedsRS3bPKkjAvugnMKs+3Zs1k+PshAiZsET4sWPGNnf1E89Kh7/2XMa1mgbXtHt7zPNC4kamTqUL/QmEVI8LJNq7C9P3LR03kK2szJDhPzkWPgRyY2YpD2eq1aCJm0bkX9mBWTZdSYFhKt3vuM1Qjp5PWXk0tN5h9dNFqpisihK7XboB81poER2SmnZ8PIslzWu2iULM7VWxmEDA70JKBJFweqLCFBHRszA8Nt3AXF0z5qe61oH1oSUmtPwNhdQQ2G5X3g==';
  const KEY = createPublicKey(`-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAy0d0QxZFYeHXGeWWneib
4Q0jUFjj4ro7bMnIJ8DjZ4w2NtLJi8p1mcFMbrIS5g95U5FUBCfAZXFb2QIaJfft
BByCQRbon7Jb97XoTP6kfk65tLz8Q9Cank1Ah/qivPIY0aNwvq8stedq9rcuJ6OQ
ncbfQ1217/Za50vKotYa+MEcFo9Y65biEmzq7BZeNYzuU4dGrPaCi917cfwNa8ey
ZSpoIOBe8e5JGOtZKCfgsgfecbXxdh6jq8Qn6mmrJILapEdxlj4xfzBzAuM3snqt
5XnDzzFWlI5Z+4lhyZr7eFVmnQSqn1HWt4VPzz/EWvxP8Rkvy89XuRXBAiO3/7Ur
8wIDAQAB
-----END PUBLIC KEY-----
`);
  const raw = (body: string) => ({
    body: Buffer.from(body),
    headers: { 'x-pingplusplus-signature': SIGNATURE },
    receivedAt: new Date(),
  });

  it('verifies, and is read to the fen and the second', () => {
    expect(verifyPingppNotification(KEY, raw(BODY))).toMatchObject({
      kind: 'paid',
      eventKey: 'evt_eYa58Wd44Glerl8AgfYfd1sL',
      outTradeNo: '2015d019f7cf6c0d',
      payment: {
        outTradeNo: '2015d019f7cf6c0d',
        providerTradeNo: 'ch_bq9IHKnn6GnLzsS0swOujr4x',
        amountFen: 100,
        currency: 'CNY',
        merchant: 'app_vcPcqDeS88ixrPlu',
        paidAt: new Date(1_434_368_074_000),
      },
    });
  });

  it('W2: is refused when a byte of it is another', async () => {
    for (const body of [BODY.replace('"amount":100', '"amount":900'), BODY.replaceAll(',', ', ')]) {
      const error = await failureOf(() => verifyPingppNotification(KEY, raw(body)));
      expect(error).toMatchObject({ code: 'notification_refused', details: { reason: 'signature' } });
    }
  });
});

describe('W2: an event', () => {
  const good = signPingpp(PAYMENT);
  const latin = Buffer.from('{"id":"\u00e9"}', 'latin1');

  it.each([
    ['without a signature', { ...good, headers: {} }, 'headers_missing'],
    ['with an empty one', { ...good, headers: { 'x-pingplusplus-signature': '' } }, 'headers_missing'],
    ['with two', { ...good, headers: { 'x-pingplusplus-signature': ['a', 'b'] } }, 'headers_missing'],
    ['with some text', { ...good, headers: { 'x-pingplusplus-signature': 'c2ln' } }, 'signature'],
    ['signed by somebody else', signPingpp(PAYMENT, makeKeys().privateKey), 'signature'],
    ['with a byte more', { ...good, body: Buffer.concat([good.body, Buffer.from(' ')]) }, 'signature'],
    ['that is none', signPingpp('{}'), 'malformed'],
    ['that is no JSON', signPingpp('paid'), 'malformed'],
    ['without a number', signPingpp('{"id":"","type":"x","data":{"object":{}}}'), 'malformed'],
    ['that is no UTF-8', { ...signPingpp(latin.toString('latin1')), body: latin }, 'signature'],
  ])('is refused %s', async (_what, raw, reason) => {
    const error = await failureOf(() => verifyPingppNotification(publicKey, raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { channel: 'pingpp', reason } });
  });
});

describe('an event about a payment', () => {
  it('is paid, with what its charge says', () => {
    expect(verified(PAYMENT)).toEqual({
      kind: 'paid',
      eventKey: 'evt_401150901213300000000001',
      outTradeNo: NO,
      facts: {
        event_type: 'charge.succeeded',
        livemode: 'true',
        id: CHARGE,
        order_no: NO,
        channel: 'alipay_qr',
        amount: '1230',
      },
      payment: {
        outTradeNo: NO,
        providerTradeNo: CHARGE,
        amountFen: 1230,
        currency: 'CNY',
        merchant: APP,
        paidAt: new Date(1_795_550_460_000),
      },
    });
  });

  it.each([
    ['another app', { app: 'app_other' }, { merchant: 'app_other' }],
    ['test mode', { livemode: false }, { merchant: `${APP}/test` }],
    ['another currency', { currency: 'usd' }, { currency: 'USD' }],
    ['another amount', { amount: 1 }, { amountFen: 1 }],
    ['no time', { time_paid: null }, { paidAt: new Date('2026-11-24T20:00:00Z') }],
  ])('W3: is told as it is: %s', (_what, change, payment) => {
    expect(verified(makeEvent('charge.succeeded', makeCharge({ ...PAID, ...change })))).toMatchObject({
      kind: 'paid',
      payment,
    });
  });

  it.each([
    ['an unpaid charge', 'charge.succeeded', makeCharge()],
    ['one that was taken back', 'charge.succeeded', makeCharge({ ...PAID, reversed: true })],
    ['an amount of nothing', 'charge.succeeded', makeCharge({ ...PAID, amount: 0 })],
    ['an amount in yuan', 'charge.succeeded', makeCharge({ ...PAID, amount: 12.3 })],
    ['a yes that is text', 'charge.succeeded', makeCharge({ ...PAID, paid: 'true' })],
    ['a paid charge under another word', 'charge.expired', makeCharge(PAID)],
    ['a recharge', 'recharge.succeeded', { ...makeCharge(PAID), object: 'recharge' }],
    ['a day’s sum', 'summary.daily.available', { amount: 'x' }],
    ['nothing', 'charge.succeeded', null],
  ])('M7: is never a payment for %s', (_what, type, object) => {
    expect(verified(makeEvent(type, object))).toMatchObject({ kind: 'other', providerStatus: type });
  });
});

describe('an event about a refund', () => {
  it.each(['refund.succeeded', 'refund.failed'])('is a hint that names ours: %s', (type) => {
    expect(verified(makeEvent(type, makeRefundObject()))).toMatchObject({
      kind: 'refund',
      outTradeNo: NO,
      refundNo: `${NO}r1`,
      providerStatus: type,
    });
  });

  it.each([
    ['made by hand', { description: '客户要求退款' }],
    ['without a description', { description: null }],
    ['of no order', { charge_order_no: null }],
  ])('is of no effect for one %s', (_what, change) => {
    const found = verified(makeEvent('refund.succeeded', makeRefundObject(change)));
    expect(found).toMatchObject({ kind: 'other', providerStatus: 'refund.succeeded' });
  });
});

it.each(['transfer.succeeded', 'transfer.failed'])('an event about a payout is a hint: %s', (type) => {
  expect(verified(makeEvent(type, makeTransfer()))).toMatchObject({
    kind: 'payout',
    outTradeNo: '',
    payoutNo: 'payout0123456789',
    providerStatus: type,
  });
});
