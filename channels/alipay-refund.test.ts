import { afterEach, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import {
  NO,
  alipayThatHears,
  merchantKeys,
  refuseAlipay,
  signAlipay,
  stopGateways,
} from './test-gateways.js';
import { failureOf, makeRefund, refunds } from './test-support.js';

const OK = { code: '10000', msg: 'Success' };
const REFUND = 'alipay.trade.refund';
const REQUEST = makeRefund();

// As Alipay answers: the trade's total over all refunds, and no word of which refund this was.
const ACCEPTED = { ...OK, out_trade_no: NO, trade_no: '2026112422', fund_change: 'Y', refund_fee: '12.30' };
const ABSENT = OK;
const REFUNDED = {
  ...OK,
  out_trade_no: NO,
  trade_no: '2026112422',
  out_request_no: REQUEST.refundNo,
  refund_status: 'REFUND_SUCCESS',
  refund_amount: '5.30',
  total_amount: '12.30',
  gmt_refund_pay: '2026-11-25 10:00:00',
};
const SUCCEEDED = {
  state: 'succeeded',
  providerRefundNo: REQUEST.refundNo,
  settledAt: new Date('2026-11-25T02:00:00Z'),
};

afterEach(stopGateways);

async function refundThen(refunding: object, queried: object) {
  const { alipay, asked } = await alipayThatHears((method) =>
    signAlipay(method, method === REFUND ? refunding : queried),
  );
  return { ...refunds(alipay), asked };
}

describe('alipay: what a refund query means', () => {
  it.each<[string, object, object]>([
    ['refunded', REFUNDED, SUCCEEDED],
    [
      'without its time, as old as our knowledge',
      { ...REFUNDED, gmt_refund_pay: undefined },
      { state: 'succeeded' },
    ],
    // Never arrived, came to nothing or is not through: not refunded, and not failed either.
    ['no status', ABSENT, { state: 'unknown', providerStatus: 'no refund_status' }],
    [
      'an empty status',
      { ...REFUNDED, refund_status: '' },
      { state: 'unknown', providerStatus: 'no refund_status' },
    ],
    [
      'a word of a later version',
      { ...REFUNDED, refund_status: 'REFUND_DONE' },
      { state: 'unknown', providerStatus: 'REFUND_DONE' },
    ],
  ])('%s', async (_title, inner, state) => {
    const { queryRefund } = await refundThen(ACCEPTED, inner);
    expect(await queryRefund(REQUEST)).toMatchObject(state);
  });

  it.each<[string, object]>([
    ['a trade that Alipay does not know', refuseAlipay('40004', 'ACQ.TRADE_NOT_EXIST')],
    ['a fault of Alipay', refuseAlipay('40004', 'ACQ.SYSTEM_ERROR')],
    ['a gateway that is down', refuseAlipay('20000', 'isp.unknow-error')],
    ['an invalid signature of ours', refuseAlipay('40002', 'isv.invalid-signature')],
    ['an answer about another trade', { ...REFUNDED, out_trade_no: 'other' }],
    ['an answer about another refund', { ...REFUNDED, out_request_no: 'other' }],
    ['an answer that names no refund', { ...REFUNDED, out_request_no: undefined }],
    ['an answer with another amount', { ...REFUNDED, refund_amount: '12.30' }],
    ['an answer with an amount that is none', { ...REFUNDED, refund_amount: '5.3e0' }],
    ['an answer without an amount', { ...REFUNDED, refund_amount: undefined }],
  ])('is unknown after %s', async (_title, inner) => {
    const { queryRefund } = await refundThen(ACCEPTED, inner);
    const error = await failureOf(() => queryRefund(REQUEST));
    expect(error).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { operation: 'alipay.trade.fastpay.refund.query' },
    });
  });

  it('does not believe a success that somebody else signed', async () => {
    const { alipay } = await alipayThatHears((method) =>
      signAlipay(method, REFUNDED, merchantKeys.privateKey),
    );
    expect((await failureOf(() => refunds(alipay).queryRefund(REQUEST))).code).toBe(
      'channel_unknown_outcome',
    );
  });
});

describe('alipay: what an accepted refund means', () => {
  it.each<[string, object, object, object]>([
    ['refunded, says the query', ACCEPTED, REFUNDED, SUCCEEDED],
    ['a repeat that moved nothing, and had before', { ...ACCEPTED, fund_change: 'N' }, REFUNDED, SUCCEEDED],
    ['under way', { ...ACCEPTED, fund_change: 'N' }, ABSENT, { state: 'processing' }],
    // `fund_change` Y and a `refund_fee` of all that was ever refunded: neither is this refund's success.
    ['under way, whatever the call said', ACCEPTED, ABSENT, { state: 'processing' }],
    ['under way, in a bare answer', OK, ABSENT, { state: 'processing' }],
    ['under way, by an empty status', ACCEPTED, { ...REFUNDED, refund_status: '' }, { state: 'processing' }],
  ])('%s', async (_title, refunding, queried, state) => {
    const { refund } = await refundThen(refunding, queried);
    expect(await refund(REQUEST)).toEqual(state);
  });

  it.each<[string, object, object]>([
    ['the answer is about another trade', { ...ACCEPTED, out_trade_no: 'other' }, REFUNDED],
    ['the query fails', ACCEPTED, refuseAlipay('40004', 'ACQ.SYSTEM_ERROR')],
    ['the query shows another amount', ACCEPTED, { ...REFUNDED, refund_amount: '5.31' }],
  ])('is unknown when %s', async (_title, refunding, queried) => {
    const { refund } = await refundThen(refunding, queried);
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

const FINAL = [
  'ACQ.TRADE_HAS_FINISHED',
  'ACQ.TRADE_HAS_CLOSE',
  'ACQ.TRADE_NOT_ALLOW_REFUND',
  'ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND',
  'ACQ.NOT_ALLOW_PARTIAL_REFUND',
  'ACQ.REASON_TRADE_REFUND_FEE_ERR',
  'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL',
  'ACQ.REFUND_FEE_ERROR',
  'ACQ.INVALID_PARAMETER',
];

describe('alipay: what a refused refund means', () => {
  it.each(FINAL)('%s is no for good when Alipay shows no such refund', async (subCode) => {
    const { refund } = await refundThen(refuseAlipay('40004', subCode), ABSENT);
    expect(await failureOf(() => refund(REQUEST))).toMatchObject({
      code: 'channel_refused',
      details: { operation: REFUND, providerCode: subCode },
    });
  });

  it('M6: is the refund that an earlier call made, when its answer was lost', async () => {
    const { refund } = await refundThen(refuseAlipay('40004', 'ACQ.REASON_TRADE_REFUND_FEE_ERR'), REFUNDED);
    expect(await refund(REQUEST)).toEqual(SUCCEEDED);
  });

  it.each<[string, object]>([
    ['Alipay does not say whether there is one', refuseAlipay('40004', 'ACQ.SYSTEM_ERROR')],
    ['there is one of another amount', { ...REFUNDED, refund_amount: '1.00' }],
  ])('M9: is not given up while %s', async (_title, queried) => {
    const { refund } = await refundThen(refuseAlipay('40004', 'ACQ.TRADE_HAS_CLOSE'), queried);
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it.each([
    ['40004', 'ACQ.SELLER_BALANCE_NOT_ENOUGH'],
    ['40004', 'ACQ.SYSTEM_ERROR'],
    ['40004', 'ACQ.REASON_TRADE_BEEN_FREEZEN'],
    ['40004', 'ACQ.DISCORDANT_REPEAT_REQUEST'],
    ['40004', 'ACQ.TRADE_NOT_EXIST'],
    ['40004', 'ACQ.TRADE_STATUS_ERROR'],
    ['40004', 'ACQ.A_WORD_OF_A_LATER_VERSION'],
    ['40004', undefined],
    ['40002', 'isv.invalid-signature'],
    ['40006', 'isv.insufficient-isv-permissions'],
    ['40005', 'isv.app-call-limited'],
    ['20000', 'isp.unknow-error'],
    ['20000', 'ACQ.INVALID_PARAMETER'],
  ])('M9: %s %s is not final', async (code, subCode) => {
    const { refund } = await refundThen(refuseAlipay(code, subCode), ABSENT);
    expect(await failureOf(() => refund(REQUEST))).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { operation: REFUND, providerCode: subCode ?? code },
    });
  });

  it('M9: is unknown when no answer comes', async () => {
    const { alipay } = await alipayThatHears(() => undefined);
    expect((await failureOf(() => refunds(alipay).refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('alipay: what is sent for a refund', () => {
  const toBiz = (query: URLSearchParams): unknown => JSON.parse(query.get('biz_content') ?? '');

  it('M6: is the very same each time, with our number', async () => {
    const { refund, asked } = await refundThen(ACCEPTED, REFUNDED);
    const request = makeRefund({ amountFen: fen(530), reason: '🐼'.repeat(200) });
    await refund(request);
    await refund(request);
    const sent = asked.filter((query) => query.get('method') === REFUND).map(toBiz);
    const same = {
      out_trade_no: NO,
      out_request_no: REQUEST.refundNo,
      refund_amount: '5.30',
      refund_reason: '🐼'.repeat(128),
    };
    expect(sent).toEqual([same, same]);
  });

  it('leaves out a reason that is empty', async () => {
    const { refund, asked } = await refundThen(ACCEPTED, REFUNDED);
    await refund(makeRefund({ reason: '' }));
    expect(asked.map(toBiz)[0]).not.toHaveProperty('refund_reason');
  });

  it('asks for the time as well', async () => {
    const { queryRefund, asked } = await refundThen(ACCEPTED, REFUNDED);
    await queryRefund(REQUEST);
    expect(asked.map(toBiz)).toEqual([
      { out_trade_no: NO, out_request_no: REQUEST.refundNo, query_options: ['gmt_refund_pay'] },
    ]);
  });
});
