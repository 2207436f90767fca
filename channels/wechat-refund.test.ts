import { afterEach, describe, expect, it } from 'vitest';
import {
  NO,
  merchantKeys,
  refuseWechat,
  signWechatAnswer,
  stopGateways,
  wechatThatHears,
} from './test-gateways.js';
import { failureOf, type LoopbackAnswer, makeRefund, refunds } from './test-support.js';

const PATH = '/v3/refund/domestic/refunds';
const OPERATION = 'v3/refund/domestic/refunds';
const REQUEST = makeRefund();

const REFUNDED = {
  refund_id: '50300000002026112500000001',
  out_refund_no: REQUEST.refundNo,
  transaction_id: '4200000000202611240000000001',
  out_trade_no: NO,
  channel: 'ORIGINAL',
  user_received_account: '支付用户零钱',
  success_time: '2026-11-25T10:00:00+08:00',
  create_time: '2026-11-25T09:59:58+08:00',
  status: 'SUCCESS',
  amount: { total: 1230, refund: 530, payer_total: 1230, payer_refund: 530, currency: 'CNY' },
};
const { success_time: _time, ...UNSETTLED } = REFUNDED;
const ABSENT = refuseWechat(404, 'RESOURCE_NOT_EXISTS');

afterEach(stopGateways);

async function refundThen(refunding: LoopbackAnswer, queried: LoopbackAnswer) {
  const { wechat, asked } = await wechatThatHears(({ method }) => (method === 'POST' ? refunding : queried));
  return { ...refunds(wechat), asked };
}

const STATES: [string, object, object][] = [
  [
    'refunded',
    REFUNDED,
    {
      state: 'succeeded',
      providerRefundNo: REFUNDED.refund_id,
      settledAt: new Date('2026-11-25T02:00:00Z'),
    },
  ],
  ['under way', { ...UNSETTLED, status: 'PROCESSING' }, { state: 'processing' }],
  ['closed', { ...UNSETTLED, status: 'CLOSED' }, { state: 'failed', providerStatus: 'CLOSED' }],
  [
    'stuck at WeChat Pay, for a person to mend',
    { ...UNSETTLED, status: 'ABNORMAL' },
    { state: 'failed', providerStatus: 'ABNORMAL' },
  ],
  [
    'a word of a later version',
    { ...UNSETTLED, status: 'CHANGE' },
    { state: 'unknown', providerStatus: 'CHANGE' },
  ],
];

const UNTRUSTED: [string, LoopbackAnswer][] = [
  ['about another trade', signWechatAnswer({ ...REFUNDED, out_trade_no: 'other' })],
  ['about another refund', signWechatAnswer({ ...REFUNDED, out_refund_no: 'other' })],
  ['about another amount', signWechatAnswer({ ...REFUNDED, amount: { ...REFUNDED.amount, refund: 1230 } })],
  ['without an amount', signWechatAnswer({ ...REFUNDED, amount: undefined })],
  ['without a number of WeChat Pay', signWechatAnswer({ ...REFUNDED, refund_id: '' })],
  ['without a status', signWechatAnswer({ ...REFUNDED, status: undefined })],
  ['of a success without its time', signWechatAnswer({ ...REFUNDED, success_time: undefined })],
  [
    'of a success at a time without a zone',
    signWechatAnswer({ ...REFUNDED, success_time: '2026-11-25T10:00:00' }),
  ],
  ['signed by somebody else', signWechatAnswer(REFUNDED, { key: merchantKeys.privateKey })],
  ['of status 500', refuseWechat(500, 'SYSTEM_ERROR')],
  ['too many calls', refuseWechat(429, 'FREQUENCY_LIMITED')],
  ['a signature of ours that was refused', refuseWechat(401, 'SIGN_ERROR')],
];

describe('wechat: what a refund query means', () => {
  it.each(STATES)('%s', async (_title, body, state) => {
    const { queryRefund, asked } = await refundThen(ABSENT, signWechatAnswer(body));
    expect(await queryRefund(REQUEST)).toEqual(state);
    expect(asked).toEqual([{ method: 'GET', path: `${PATH}/${REQUEST.refundNo}`, body: '' }]);
  });

  it('M9: a refund that is not there (yet) has not failed', async () => {
    const { queryRefund } = await refundThen(ABSENT, ABSENT);
    expect(await queryRefund(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'RESOURCE_NOT_EXISTS' });
  });

  it.each(UNTRUSTED)('is unknown when the answer is %s', async (_title, answer) => {
    const { queryRefund } = await refundThen(ABSENT, answer);
    const error = await failureOf(() => queryRefund(REQUEST));
    expect(error).toMatchObject({ code: 'channel_unknown_outcome', details: { operation: OPERATION } });
  });
});

describe('wechat: what an answered refund means', () => {
  it.each(STATES)('%s', async (_title, body, state) => {
    const { refund } = await refundThen(signWechatAnswer(body), ABSENT);
    expect(await refund(REQUEST)).toEqual(state);
  });

  it.each(UNTRUSTED)('is unknown when the answer is %s', async (_title, answer) => {
    const { refund } = await refundThen(answer, ABSENT);
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('wechat: what a refused refund means', () => {
  it.each([
    [400, 'INVALID_REQUEST'],
    [400, 'PARAM_ERROR'],
    [403, 'USER_ACCOUNT_ABNORMAL'],
  ])('%i %s is no for good when WeChat Pay shows no such refund', async (status, code) => {
    const { refund } = await refundThen(refuseWechat(status, code), ABSENT);
    expect(await failureOf(() => refund(REQUEST))).toMatchObject({
      code: 'channel_refused',
      details: { operation: OPERATION, providerCode: code, httpStatus: status },
    });
  });

  it.each(STATES)('M6: is the refund that an earlier call made: %s', async (_title, body, state) => {
    const { refund } = await refundThen(refuseWechat(400, 'INVALID_REQUEST'), signWechatAnswer(body));
    expect(await refund(REQUEST)).toEqual(state);
  });

  it.each(UNTRUSTED)('M9: is not given up when the query is answered %s', async (_title, answer) => {
    const { refund } = await refundThen(refuseWechat(400, 'INVALID_REQUEST'), answer);
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it.each([
    [403, 'NOT_ENOUGH'],
    [403, 'NO_AUTH'],
    [401, 'SIGN_ERROR'],
    [404, 'RESOURCE_NOT_EXISTS'],
    [404, 'MCH_NOT_EXISTS'],
    [400, 'A_WORD_OF_A_LATER_VERSION'],
    [429, 'FREQUENCY_LIMITED'],
    [403, 'FREQUENCY_LIMITED'],
    [500, 'SYSTEM_ERROR'],
    [502, 'INVALID_REQUEST'],
  ])('M9: %i %s is not final', async (status, code) => {
    const { refund } = await refundThen(refuseWechat(status, code), ABSENT);
    expect(await failureOf(() => refund(REQUEST))).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { operation: OPERATION, providerCode: code, httpStatus: status },
    });
  });

  it('M9: is unknown when no answer comes', async () => {
    const { wechat } = await wechatThatHears(() => undefined);
    expect((await failureOf(() => refunds(wechat).refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('wechat: what is sent for a refund', () => {
  it('M6: is the very same each time, with our number', async () => {
    const { refund, asked } = await refundThen(signWechatAnswer(REFUNDED), ABSENT);
    const request = makeRefund({ reason: '🐼'.repeat(100) });
    await refund(request);
    await refund(request);
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([`POST ${PATH}`, `POST ${PATH}`]);
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      out_trade_no: NO,
      out_refund_no: REQUEST.refundNo,
      reason: '🐼'.repeat(40),
      notify_url: REQUEST.notifyUrl,
      amount: { refund: 530, total: 1230, currency: 'CNY' },
    });
    expect(asked[1]?.body).toBe(asked[0]?.body);
  });

  it('leaves out a reason that is empty', async () => {
    const { refund, asked } = await refundThen(signWechatAnswer(REFUNDED), ABSENT);
    await refund(makeRefund({ reason: '' }));
    expect(JSON.parse(asked[0]?.body ?? '')).not.toHaveProperty('reason');
  });
});
