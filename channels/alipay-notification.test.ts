import { describe, expect, it } from 'vitest';
import { createAlipay } from './alipay.js';
import type { Notification } from './channel.js';
import { failureOf, makeKeys, signAlipayForm, signRsa, toAlipayText, toForm } from './test-support.js';

const merchantKeys = makeKeys();
const alipayKeys = makeKeys();
const APP = '2021000000000001';
const SELLER = '2088000000000001';

const config = {
  appId: APP,
  privateKey: merchantKeys.privateKey,
  alipayPublicKey: alipayKeys.publicKey,
  gateway: 'http://127.0.0.1:9/gateway.do',
};
const alipay = createAlipay(config);
const alipayOfSeller = createAlipay({ ...config, sellerId: SELLER });

const PAID: Readonly<Record<string, string>> = {
  notify_time: '2026-11-24 20:00:03',
  notify_type: 'trade_status_sync',
  notify_id: '2026112400222200002',
  app_id: APP,
  auth_app_id: APP,
  charset: 'utf-8',
  version: '1.0',
  trade_no: '2026112422001400000000000001',
  out_trade_no: '9f8e7d6c5b4a3921',
  buyer_id: '2088999999999999',
  buyer_logon_id: '138****0000',
  seller_id: SELLER,
  trade_status: 'TRADE_SUCCESS',
  total_amount: '12.30',
  receipt_amount: '12.30',
  subject: '一小时 100% 设计+咨询',
  gmt_create: '2026-11-24 19:59:50',
  gmt_payment: '2026-11-24 20:00:02',
  fund_bill_list: '[{"amount":"12.30","fundChannel":"ALIPAYACCOUNT"}]',
};

function receive(changes: Record<string, string | undefined>, channel = alipay): Notification {
  const parameters = Object.fromEntries(
    Object.entries({ ...PAID, ...changes }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  return channel.verifyNotification(signAlipayForm(parameters, alipayKeys.privateKey));
}

describe('an Alipay notification that verifies', () => {
  it('is the payment that it reports', () => {
    expect(receive({})).toMatchObject({
      kind: 'paid',
      eventKey: '2026112400222200002',
      outTradeNo: '9f8e7d6c5b4a3921',
      payment: {
        outTradeNo: '9f8e7d6c5b4a3921',
        providerTradeNo: '2026112422001400000000000001',
        amountFen: 1230,
        currency: 'CNY',
        merchant: APP,
        paidAt: new Date('2026-11-24T12:00:02Z'),
      },
    });
  });

  it('keeps words for people, and no payer among them', () => {
    const { facts } = receive({});
    expect(facts).toMatchObject({ trade_status: 'TRADE_SUCCESS', total_amount: '12.30' });
    expect(JSON.stringify(facts)).not.toMatch(/2088999999999999|138\*/);
  });

  it.each<[string, Record<string, string | undefined>, object]>([
    ['finished is paid too', { trade_status: 'TRADE_FINISHED' }, { kind: 'paid' }],
    [
      'without a payment time, its own',
      { gmt_payment: undefined },
      { kind: 'paid', payment: { paidAt: new Date('2026-11-24T12:00:03Z') } },
    ],
    ['another currency is said', { trans_currency: 'USD' }, { kind: 'paid', payment: { currency: 'USD' } }],
    [
      'a partial refund',
      { out_biz_no: 'r1', refund_fee: '1.00', gmt_refund: '2026-11-25 10:00:00' },
      {
        kind: 'refund',
        outTradeNo: '9f8e7d6c5b4a3921',
        refundNo: 'r1',
        providerStatus: 'TRADE_SUCCESS with REFUND',
      },
    ],
    [
      'a full refund',
      { trade_status: 'TRADE_CLOSED', out_biz_no: 'r1', refund_fee: '12.30' },
      { kind: 'refund', refundNo: 'r1', providerStatus: 'TRADE_CLOSED with REFUND' },
    ],
    [
      'a refund of a finished trade',
      { trade_status: 'TRADE_FINISHED', out_biz_no: 'r1', gmt_refund: '2026-11-25 10:00:00' },
      { kind: 'refund', refundNo: 'r1' },
    ],
    ['a payment with a business number', { out_biz_no: 'r1' }, { kind: 'paid' }],
    [
      'a refund of no trade',
      { out_biz_no: 'r1', refund_fee: '1.00', out_trade_no: undefined },
      { kind: 'other', outTradeNo: '' },
    ],
    [
      'a partial refund by hand, without a number of ours',
      { refund_fee: '1.00', gmt_refund: '2026-11-25 10:00:00' },
      { kind: 'other', providerStatus: 'TRADE_SUCCESS with REFUND' },
    ],
    ['a refund named by its time alone', { gmt_refund: '2026-11-25 10:00:00.123' }, { kind: 'other' }],
    [
      'a full refund by hand',
      { trade_status: 'TRADE_CLOSED', refund_fee: '12.30' },
      { kind: 'other', providerStatus: 'TRADE_CLOSED with REFUND' },
    ],
    ['closed unpaid', { trade_status: 'TRADE_CLOSED' }, { kind: 'other', providerStatus: 'TRADE_CLOSED' }],
    [
      'closed unpaid, with a business number',
      { trade_status: 'TRADE_CLOSED', out_biz_no: 'r1' },
      { kind: 'other', providerStatus: 'TRADE_CLOSED' },
    ],
    ['waiting', { trade_status: 'WAIT_BUYER_PAY' }, { kind: 'other', providerStatus: 'WAIT_BUYER_PAY' }],
    [
      'an unknown word is never paid',
      { trade_status: 'TRADE_SUCCESSFUL' },
      { kind: 'other', providerStatus: 'TRADE_SUCCESSFUL' },
    ],
    ['an amount that is none', { total_amount: '1e3' }, { kind: 'other', providerStatus: 'TRADE_SUCCESS' }],
    ['an amount of three decimals', { total_amount: '12.300' }, { kind: 'other' }],
    ['a payment time that never was', { gmt_payment: '2026-02-30 00:00:00' }, { kind: 'other' }],
    ['no number of Alipay', { trade_no: undefined }, { kind: 'other' }],
    [
      'an event about no trade',
      { trade_status: undefined, out_trade_no: undefined },
      { kind: 'other', outTradeNo: '', providerStatus: 'trade_status_sync' },
    ],
  ])('%s', (_title, changes, expected) => {
    expect(receive(changes)).toMatchObject(expected);
  });

  it.each<[string, typeof alipay, Record<string, string>, string]>([
    ['another app', alipay, { app_id: '2021999999999999' }, '2021999999999999'],
    [
      'another app of our seller',
      alipayOfSeller,
      { app_id: '2021999999999999' },
      `2021999999999999/${SELLER}`,
    ],
    ['another seller', alipayOfSeller, { seller_id: '2088111111111111' }, `${APP}/2088111111111111`],
  ])('W3: %s is named truly, for the caller to keep', (_title, channel, changes, merchant) => {
    const notification = receive(changes, channel);
    expect(notification).toMatchObject({ kind: 'paid', payment: { merchant } });
    expect(merchant).not.toBe(channel.merchant);
  });

  it('W3: has the merchant of the channel when app and seller are ours', () => {
    expect(receive({}, alipayOfSeller)).toMatchObject({ payment: { merchant: alipayOfSeller.merchant } });
    expect(alipayOfSeller.merchant).toBe(`${APP}/${SELLER}`);
  });
});

describe('an Alipay notification that does not verify', () => {
  const sign = signRsa(toAlipayText(PAID), alipayKeys.privateKey);
  const signed = { ...PAID, sign_type: 'RSA2', sign };
  const sha1 = signRsa(toAlipayText(PAID), alipayKeys.privateKey, 'RSA-SHA1');
  const { notify_id: _noId, ...withoutId } = PAID;
  // One subject, chosen by a payer, and the same signed text read with another amount.
  const injected = toAlipayText({ ...PAID, subject: 'x&total_amount=99.00&total_zz=' });
  const reread = {
    ...PAID,
    subject: 'x',
    total_amount: '99.00',
    total_zz: '&total_amount=12.30',
    sign_type: 'RSA2',
    sign: signRsa(injected, alipayKeys.privateKey),
  };

  it('is refused although the same signature covers both readings of it', () => {
    expect(toAlipayText(reread)).toBe(injected);
  });

  it.each([
    ['a changed amount', toForm({ ...signed, total_amount: '0.01' }), 'signature'],
    ['an added parameter', toForm({ ...signed, extra: '1' }), 'signature'],
    ['a signature of somebody else', signAlipayForm(PAID, merchantKeys.privateKey), 'signature'],
    ['no signature', toForm({ ...PAID, sign_type: 'RSA2' }), 'signature'],
    ['a signature that is no base64', toForm({ ...signed, sign: '%%%' }), 'signature'],
    ['a true signature over SHA-1', toForm({ ...PAID, sign_type: 'RSA', sign: sha1 }), 'signature_type'],
    ['an unknown signature type', toForm({ ...signed, sign_type: 'MD5' }), 'signature_type'],
    ['no signature type', toForm({ ...PAID, sign }), 'signature_type'],
    [
      'a parameter said twice',
      { ...toForm(signed), body: Buffer.from(`${toForm(signed).body.toString()}&total_amount=12.30`) },
      'duplicate_parameter',
    ],
    ['a parameter inside another', toForm(reread), 'ambiguous_parameter'],
    ['what a browser brings back', signAlipayForm(withoutId, alipayKeys.privateKey), 'not_a_notification'],
    ['an empty body', toForm({}), 'signature_type'],
    ['bytes that are no text', { ...toForm(signed), body: Buffer.from([0xff, 0xfe, 0x00]) }, 'malformed'],
    ['JSON', { ...toForm(signed), body: Buffer.from('{"sign_type":"RSA2"}') }, 'signature_type'],
  ])('W2: %s', async (_title, raw, reason) => {
    const error = await failureOf(() => alipay.verifyNotification(raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { channel: 'alipay', reason } });
  });

  it('accepts the untouched one, so that the table above refuses for its reasons', () => {
    expect(alipay.verifyNotification(toForm(signed)).kind).toBe('paid');
  });

  it.each(['', 'no key', merchantKeys.privateKey.replace('PRIVATE', 'PUBLIC')])(
    'W2: a channel with no key of Alipay is not made at all',
    async (alipayPublicKey) => {
      const error = await failureOf(() => createAlipay({ ...config, alipayPublicKey }));
      expect(error.code).toBe('channel_not_configured');
      expect(error.message).not.toContain('BEGIN');
    },
  );
});
