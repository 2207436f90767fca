import { afterEach, describe, expect, it } from 'vitest';
import { alipayThatHears, merchantKeys, refuseAlipay, signAlipay, stopGateways } from './test-gateways.js';
import { makePayout, payouts } from './test-payouts.js';
import { failureOf, type LoopbackAnswer } from './test-support.js';

const TRANSFER = 'alipay.fund.trans.uni.transfer';
const QUERY = 'alipay.fund.trans.common.query';
const REQUEST = makePayout();
const OK = { code: '10000', msg: 'Success' };

const ACCEPTED = {
  ...OK,
  out_biz_no: REQUEST.payoutNo,
  order_id: '20261125110070000006720030209273',
  pay_fund_order_id: '20261125110070001506720030209273',
  status: 'SUCCESS',
  trans_date: '2026-11-25 10:00:00',
};
const { trans_date: _date, ...NUMBERS } = ACCEPTED;
const SHOWN = { ...NUMBERS, trans_amount: '5.30', pay_date: '2026-11-25 10:00:00' };
const ABSENT = refuseAlipay('40004', 'ORDER_NOT_EXIST');
const PAID = {
  state: 'paid',
  providerPayoutNo: ACCEPTED.order_id,
  paidAt: new Date('2026-11-25T02:00:00Z'),
};

/** Every word of Alipay's for a transfer, and one that it has not yet. */
const STATES: [string, object][] = [
  ['SUCCESS', PAID],
  ['DEALING', { state: 'processing' }],
  ['WAIT_PAY', { state: 'processing' }],
  ['FAIL', { state: 'failed', providerStatus: 'FAIL', message: 'PAYEE_USER_INFO_ERROR: 不匹配' }],
  ['CLOSED', { state: 'failed', providerStatus: 'CLOSED', message: 'PAYEE_USER_INFO_ERROR: 不匹配' }],
  ['REFUND', { state: 'bounced', providerStatus: 'REFUND', message: 'PAYEE_USER_INFO_ERROR: 不匹配' }],
  ['A_NEW_WORD', { state: 'unknown', providerStatus: 'A_NEW_WORD' }],
  ['constructor', { state: 'unknown', providerStatus: 'constructor' }],
];
const REASON = { error_code: 'PAYEE_USER_INFO_ERROR', fail_reason: '不匹配' };

const UNTRUSTED: [string, LoopbackAnswer][] = [
  ['about another payout', signAlipay(QUERY, { ...SHOWN, out_biz_no: 'other' })],
  ['about another amount', signAlipay(QUERY, { ...SHOWN, trans_amount: '5.31' })],
  ['without an amount', signAlipay(QUERY, { ...SHOWN, trans_amount: undefined })],
  [
    'of a success without a number of Alipay',
    signAlipay(QUERY, { ...SHOWN, order_id: '', pay_fund_order_id: '' }),
  ],
  ['signed by somebody else', signAlipay(QUERY, SHOWN, merchantKeys.privateKey)],
  ['a busy system', signAlipay(QUERY, refuseAlipay('20000', 'isp.unknow-error'))],
  ['a system error', signAlipay(QUERY, refuseAlipay('40004', 'SYSTEM_ERROR'))],
  ['of status 500', { status: 500, body: 'oops' }],
];

afterEach(stopGateways);

async function payoutThen(transfer: object, query: LoopbackAnswer) {
  const heard = await alipayThatHears((method) =>
    method === TRANSFER ? signAlipay(TRANSFER, transfer) : query,
  );
  return { ...payouts(heard.alipay), asked: heard.asked };
}

describe('alipay: what a payout query means', () => {
  it.each(STATES)('%s', async (status, state) => {
    const { queryPayout, asked } = await payoutThen({}, signAlipay(QUERY, { ...SHOWN, status, ...REASON }));
    expect(await queryPayout(REQUEST)).toEqual(state);
    expect(asked.map((query) => query.get('method'))).toEqual([QUERY]);
    expect(JSON.parse(asked[0]?.get('biz_content') ?? '')).toEqual({
      product_code: 'TRANS_ACCOUNT_NO_PWD',
      biz_scene: 'DIRECT_TRANSFER',
      out_biz_no: REQUEST.payoutNo,
    });
  });

  it('M9: a payout that is not there (yet) has not failed', async () => {
    const { queryPayout } = await payoutThen({}, signAlipay(QUERY, ABSENT));
    expect(await queryPayout(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'ORDER_NOT_EXIST' });
  });

  it.each(UNTRUSTED)('M9: is unknown when the answer is %s', async (_title, answer) => {
    const { queryPayout } = await payoutThen({}, answer);
    expect((await failureOf(() => queryPayout(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('alipay: what an answered payout means', () => {
  it.each(STATES)('%s', async (status, state) => {
    const { payout, asked } = await payoutThen({ ...ACCEPTED, status, ...REASON }, signAlipay(QUERY, ABSENT));
    expect(await payout(REQUEST)).toEqual(state);
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['about another payout', { ...ACCEPTED, out_biz_no: 'other' }],
    ['about another amount', { ...ACCEPTED, trans_amount: '5.31' }],
    ['without a status', { ...ACCEPTED, status: undefined }],
  ])('M9: is unknown when the answer is %s', async (_title, answer) => {
    const { payout } = await payoutThen(answer, signAlipay(QUERY, ABSENT));
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('alipay: what a refused payout means', () => {
  it.each(['PAYEE_NOT_EXIST', 'PAYEE_USER_INFO_ERROR', 'EXCEED_LIMIT_SM_MIN_AMOUNT'])(
    '%s is no for good when Alipay shows no such payout',
    async (code) => {
      const { payout } = await payoutThen(refuseAlipay('40004', code), signAlipay(QUERY, ABSENT));
      expect(await failureOf(() => payout(REQUEST))).toMatchObject({
        code: 'channel_refused',
        details: { operation: TRANSFER, providerCode: code },
      });
    },
  );

  it.each(STATES)('M9: is the payout that an earlier call made: %s', async (status, state) => {
    const refused = refuseAlipay('40004', 'PAYEE_NOT_EXIST');
    const { payout } = await payoutThen(refused, signAlipay(QUERY, { ...SHOWN, status, ...REASON }));
    expect(await payout(REQUEST)).toEqual(state);
  });

  it.each(UNTRUSTED)('M9: is not given up when the query is answered %s', async (_title, answer) => {
    const { payout } = await payoutThen(refuseAlipay('40004', 'PAYEE_NOT_EXIST'), answer);
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it.each([
    ['40004', 'PAYER_BALANCE_NOT_ENOUGH'],
    ['40004', 'PAYMENT_INFO_INCONSISTENCY'],
    ['40004', 'SYSTEM_ERROR'],
    ['40004', 'A_WORD_OF_A_LATER_VERSION'],
    ['40006', 'isv.insufficient-isv-permissions'],
    ['40002', 'isv.invalid-signature'],
    ['20000', 'isp.unknow-error'],
    ['20000', 'PAYEE_NOT_EXIST'],
    ['40005', undefined],
  ])('M9: %s %s is not final', async (code, subCode) => {
    const { payout } = await payoutThen(refuseAlipay(code, subCode), signAlipay(QUERY, ABSENT));
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it('M9: is unknown when no answer comes', async () => {
    const { alipay } = await alipayThatHears(() => undefined);
    const { payout, queryPayout } = payouts(alipay);
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryPayout(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('alipay: what is sent for a payout', () => {
  it('M9: is the very same each time, with our number', async () => {
    const { payout, asked } = await payoutThen(ACCEPTED, signAlipay(QUERY, ABSENT));
    const request = makePayout({ remark: '🐼'.repeat(100) });
    await payout(request);
    await payout(request);
    expect(asked.map((query) => query.get('method'))).toEqual([TRANSFER, TRANSFER]);
    expect(asked[0]?.get('notify_url')).toBe(REQUEST.notifyUrl);
    expect(JSON.parse(asked[0]?.get('biz_content') ?? '')).toEqual({
      product_code: 'TRANS_ACCOUNT_NO_PWD',
      biz_scene: 'DIRECT_TRANSFER',
      out_biz_no: REQUEST.payoutNo,
      trans_amount: '5.30',
      order_title: '🐼'.repeat(64),
      remark: '🐼'.repeat(100),
      payee_info: { identity: 'seller@example.com', identity_type: 'ALIPAY_LOGON_ID', name: '沈括' },
    });
    expect(asked[1]?.get('biz_content')).toBe(asked[0]?.get('biz_content'));
  });

  it.each([
    [
      { no: '2088123412341234', name: '沈括' },
      { identity_type: 'ALIPAY_USER_ID', name: '沈括' },
    ],
    [{ no: '2088123412341234', name: '' }, { identity_type: 'ALIPAY_USER_ID' }],
    [
      { no: '13800138000', name: '沈括' },
      { identity_type: 'ALIPAY_LOGON_ID', name: '沈括' },
    ],
  ])('names the receiver as Alipay knows them: %j', async (account, expected) => {
    const { payout, asked } = await payoutThen(ACCEPTED, signAlipay(QUERY, ABSENT));
    await payout(makePayout({ account }));
    const sent = JSON.parse(asked[0]?.get('biz_content') ?? '') as { payee_info: object };
    expect(sent.payee_info).toEqual({ identity: account.no, ...expected });
  });
});
