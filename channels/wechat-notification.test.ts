import { describe, expect, it } from 'vitest';
import type { Notification, RawNotification } from './channel.js';
import { failureOf, makeKeys, signWechat, toWechatEnvelope } from './test-support.js';
import { createWechat } from './wechat.js';

const merchantKeys = makeKeys();
const wechatKeys = makeKeys();
const API_V3_KEY = '0123456789abcdef0123456789abcdef';
const SERIAL = 'PUB_KEY_ID_0000000000000024101100397200000006';
const RECEIVED_AT = new Date('2026-11-24T12:00:05.250Z');
const RECEIVED_S = 1_795_521_605;

const config = {
  appId: 'wx0000000000000001',
  mchId: '1900000001',
  serial: '7132D72A03E93CDDF8C03BBD1F37EEDF00000000',
  privateKey: merchantKeys.privateKey,
  apiV3Key: API_V3_KEY,
  publicKeyId: SERIAL,
  publicKey: wechatKeys.publicKey,
  baseUrl: 'http://127.0.0.1:9/',
};
const wechat = createWechat(config);

const PAID = {
  appid: config.appId,
  mchid: config.mchId,
  out_trade_no: '9f8e7d6c5b4a3921',
  transaction_id: '4200000000202611240000000001',
  trade_type: 'NATIVE',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  bank_type: 'OTHERS',
  attach: '',
  success_time: '2026-11-24T20:00:02+08:00',
  payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
  amount: { total: 1230, payer_total: 1230, currency: 'CNY', payer_currency: 'CNY' },
};

const NOTICE = { receivedAt: RECEIVED_AT, timestamp: RECEIVED_S, nonce: 'n0nce', serial: SERIAL };

function make(
  body: string,
  changes: Partial<typeof NOTICE> = {},
  key = wechatKeys.privateKey,
): RawNotification {
  return signWechat({ ...NOTICE, body, ...changes }, key);
}

function receive(resource: object, types: { eventType?: string; originalType?: string } = {}): Notification {
  return wechat.verifyNotification(make(toWechatEnvelope(resource, API_V3_KEY, types)));
}

function flipCipher(text: string): string {
  return text.replace(
    /"ciphertext":"(.)/,
    (_all, first: string) => `"ciphertext":"${first === 'A' ? 'B' : 'A'}`,
  );
}

describe('a WeChat Pay notification that verifies', () => {
  it('is the payment that it reports', () => {
    expect(receive(PAID)).toMatchObject({
      kind: 'paid',
      eventKey: 'EV-2018022511223320873',
      outTradeNo: '9f8e7d6c5b4a3921',
      payment: {
        outTradeNo: '9f8e7d6c5b4a3921',
        providerTradeNo: '4200000000202611240000000001',
        amountFen: 1230,
        currency: 'CNY',
        merchant: wechat.merchant,
        paidAt: new Date('2026-11-24T12:00:02Z'),
      },
    });
    expect(wechat.merchant).toBe('wx0000000000000001/1900000001');
  });

  it('keeps words for people, and no payer among them', () => {
    const { facts } = receive(PAID);
    expect(facts).toMatchObject({
      trade_state: 'SUCCESS',
      amount_total: '1230',
      event_type: 'TRANSACTION.SUCCESS',
    });
    expect(JSON.stringify(facts)).not.toContain(PAID.payer.openid);
  });

  const refund = {
    mchid: config.mchId,
    out_trade_no: PAID.out_trade_no,
    transaction_id: PAID.transaction_id,
    out_refund_no: 'r1',
    refund_id: '50',
    refund_status: 'SUCCESS',
    amount: { total: 1230, refund: 30 },
  };
  const payout = { mch_id: config.mchId, out_bill_no: 'w1', state: 'SUCCESS', transfer_amount: 1000 };

  it.each<[string, object, { eventType?: string; originalType?: string }, object]>([
    ...['REFUND.SUCCESS', 'REFUND.ABNORMAL', 'REFUND.CLOSED'].map(
      (eventType): [string, object, object, object] => [
        eventType,
        refund,
        { eventType, originalType: 'refund' },
        { kind: 'refund', providerStatus: eventType, outTradeNo: PAID.out_trade_no, refundNo: 'r1' },
      ],
    ),
    [
      'a refund without a number of ours',
      { ...refund, out_refund_no: undefined },
      { eventType: 'REFUND.SUCCESS', originalType: 'refund' },
      { kind: 'other', providerStatus: 'REFUND.SUCCESS' },
    ],
    [
      'a refund of no trade',
      { ...refund, out_trade_no: undefined },
      { eventType: 'REFUND.SUCCESS', originalType: 'refund' },
      { kind: 'other', outTradeNo: '' },
    ],
    ['a refund inside a payment event', refund, {}, { kind: 'other' }],
    [
      'a payout',
      payout,
      { eventType: 'MCHTRANSFER.BILL.FINISHED', originalType: 'mch_payment' },
      { kind: 'payout', payoutNo: payout.out_bill_no, providerStatus: payout.state, outTradeNo: '' },
    ],
    [
      'a payment inside a refund event',
      PAID,
      { eventType: 'REFUND.SUCCESS', originalType: 'refund' },
      { kind: 'other' },
    ],
    ['a refunded trade', { ...PAID, trade_state: 'REFUND' }, {}, { kind: 'other', providerStatus: 'REFUND' }],
    ['closed', { ...PAID, trade_state: 'CLOSED' }, {}, { kind: 'other', providerStatus: 'CLOSED' }],
    [
      'an unknown word is never paid',
      { ...PAID, trade_state: 'PAID' },
      {},
      { kind: 'other', providerStatus: 'PAID' },
    ],
    [
      'another currency is said',
      { ...PAID, amount: { total: 1230, currency: 'HKD' } },
      {},
      { kind: 'paid', payment: { currency: 'HKD' } },
    ],
    [
      'an amount with a part of a fen',
      { ...PAID, amount: { total: 12.3, currency: 'CNY' } },
      {},
      { kind: 'other' },
    ],
    ['a negative amount', { ...PAID, amount: { total: -1, currency: 'CNY' } }, {}, { kind: 'other' }],
    ['an amount in a string', { ...PAID, amount: { total: '1230', currency: 'CNY' } }, {}, { kind: 'other' }],
    ['no amount', { ...PAID, amount: undefined }, {}, { kind: 'other' }],
    [
      'a payment time without its zone',
      { ...PAID, success_time: '2026-11-24T20:00:02' },
      {},
      { kind: 'other' },
    ],
    ['no number of WeChat Pay', { ...PAID, transaction_id: undefined }, {}, { kind: 'other' }],
    ['no merchant', { ...PAID, mchid: undefined }, {}, { kind: 'other' }],
  ])('%s', (_title, resource, types, expected) => {
    expect(receive(resource, types)).toMatchObject(expected);
  });

  it.each([
    [{ appid: 'wx9999999999999999' }, 'wx9999999999999999/1900000001'],
    [{ mchid: '1999999999' }, 'wx0000000000000001/1999999999'],
  ])('W3: another merchant is named truly, for the caller to keep', (changes, merchant) => {
    expect(receive({ ...PAID, ...changes })).toMatchObject({ kind: 'paid', payment: { merchant } });
  });

  it.each([-300, 300])('may be %i s from our clock', (offset) => {
    const raw = make(toWechatEnvelope(PAID, API_V3_KEY), {
      timestamp: RECEIVED_S + offset,
      receivedAt: new Date(RECEIVED_S * 1000),
    });
    expect(wechat.verifyNotification(raw).kind).toBe('paid');
  });
});

describe('a WeChat Pay notification that does not verify', () => {
  const body = toWechatEnvelope(PAID, API_V3_KEY);
  const good = make(body);
  const withHeader = (name: string, value: string | string[] | undefined): RawNotification => ({
    ...good,
    headers: { ...good.headers, [name]: value },
  });
  const tamperedText = body.replace('TRANSACTION.SUCCESS', 'TRANSACTION.SUCCESZ');

  it.each([
    ['a changed body', { ...good, body: Buffer.from(tamperedText) }, 'signature'],
    ['one byte more', { ...good, body: Buffer.from(`${body} `) }, 'signature'],
    ['a signature of somebody else', make(body, {}, merchantKeys.privateKey), 'signature'],
    ['a signature that is no base64', withHeader('wechatpay-signature', '%%%'), 'signature'],
    ['another nonce', withHeader('wechatpay-nonce', 'other'), 'signature'],
    ['a probe', withHeader('wechatpay-signature', 'WECHATPAY/SIGNTEST/abc'), 'signature_probe'],
    [
      'another signature type',
      withHeader('wechatpay-signature-type', 'WECHATPAY2-SM2-WITH-SM3'),
      'signature_type',
    ],
    ['301 s old', make(body, { timestamp: RECEIVED_S - 301 }), 'stale'],
    ['301 s ahead', make(body, { timestamp: RECEIVED_S + 302 }), 'stale'],
    ['a day old, although signed', make(body, { timestamp: RECEIVED_S - 86_400 }), 'stale'],
    ['a time that is none', withHeader('wechatpay-timestamp', 'now'), 'stale'],
    ['a time in hexadecimal', withHeader('wechatpay-timestamp', '0x6b'), 'stale'],
    ['a key we do not have', make(body, { serial: 'PUB_KEY_ID_1' }), 'unknown_serial'],
    ['a key named like a property', make(body, { serial: '__proto__' }), 'unknown_serial'],
    ['a repeated header', withHeader('wechatpay-nonce', ['n0nce', 'n0nce']), 'headers_missing'],
    ['an empty header', withHeader('wechatpay-signature', ''), 'headers_missing'],
    ['a resource of another key', make(toWechatEnvelope(PAID, 'f'.repeat(32))), 'decryption'],
    ['a flipped ciphertext under a true signature', make(flipCipher(body)), 'decryption'],
    [
      'a ciphertext shorter than its tag',
      make(body.replace(/"ciphertext":"[^"]*"/, '"ciphertext":"AAAA"')),
      'decryption',
    ],
    [
      'other associated data',
      make(body.replace('"associated_data":"transaction"', '"associated_data":""')),
      'decryption',
    ],
    ['another algorithm', make(body.replace('AEAD_AES_256_GCM', 'NONE')), 'malformed'],
    ['signed text that is no JSON', make('<xml/>'), 'malformed'],
    ['bytes that are no text', { ...good, body: Buffer.from([0xff]) }, 'malformed'],
  ])('W2: %s', async (_title, raw, reason) => {
    const error = await failureOf(() => wechat.verifyNotification(raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { channel: 'wechat', reason } });
  });

  it.each(['serial', 'signature', 'timestamp', 'nonce', 'signature-type'])(
    'W2: no wechatpay-%s',
    async (name) => {
      const error = await failureOf(() =>
        wechat.verifyNotification(withHeader(`wechatpay-${name}`, undefined)),
      );
      expect(error.details['reason']).toBe('headers_missing');
    },
  );

  it('accepts the untouched one, so that the tables above refuse for their reasons', () => {
    expect(wechat.verifyNotification(good).kind).toBe('paid');
  });

  it.each([{ apiV3Key: 'short' }, { publicKey: '' }, { privateKey: 'no key' }])(
    'W2: a channel with a key missing is not made at all',
    async (changes) => {
      const error = await failureOf(() => createWechat({ ...config, ...changes }));
      expect(error.code).toBe('channel_not_configured');
    },
  );
});
