import { afterEach, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import { APP, list, makeTransfer, pingppThatHears, refusePingpp, say, stopPingpp } from './test-pingpp.js';
import { makePayout, payouts } from './test-payouts.js';
import { type LoopbackAnswer, failureOf } from './test-support.js';

afterEach(stopPingpp);

const REQUEST = makePayout({
  payoutNo: 'payout0123456789',
  amountFen: fen(5_000),
  account: { no: 'seller@example.com', name: '张三' },
  remark: '提现',
});

async function payoutsThat(
  listed: (LoopbackAnswer | undefined)[],
  posted: LoopbackAnswer | null = say(makeTransfer()),
) {
  const pages = [...listed];
  const { pingpp, asked } = await pingppThatHears(({ method }) =>
    method === 'POST' ? (posted ?? undefined) : (pages.shift() ?? listed.at(-1)),
  );
  const { payout, queryPayout } = payouts(pingpp);
  return {
    payout: (request = REQUEST) => payout(request),
    queryPayout: () => queryPayout(REQUEST),
    posts: () => asked.filter(({ method }) => method === 'POST'),
  };
}

describe('a payout', () => {
  it.each([
    ['seller@example.com', 'alipay', { recipient_name: '张三', recipient_account_type: 'ALIPAY_LOGONID' }],
    ['13800138000', 'alipay', { recipient_name: '张三', recipient_account_type: 'ALIPAY_LOGONID' }],
    ['2088123412341234', 'alipay', { recipient_name: '张三', recipient_account_type: 'ALIPAY_USERID' }],
    ['oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', 'wx_pub', { user_name: '张三', force_check: true }],
  ])('to %s goes by %s, and the name is compared', async (no, channel, extra) => {
    const { payout, posts } = await payoutsThat([list([])], say(makeTransfer({ recipient: no })));
    expect(await payout({ ...REQUEST, account: { no, name: '张三' } })).toEqual({ state: 'processing' });
    expect(posts()[0]?.body).toEqual({
      order_no: 'payout0123456789',
      app: { id: APP },
      channel,
      amount: 5_000,
      currency: 'cny',
      type: 'b2c',
      recipient: no,
      description: '提现',
      extra,
    });
  });

  it.each([
    ['pending', { state: 'processing' }],
    ['scheduled', { state: 'processing' }],
    ['paid', { state: 'paid', providerPayoutNo: 'tr_9f8e7d6c5b4a3921abcdefgh' }],
    ['failed', { state: 'failed', providerStatus: 'failed', message: '余额不足' }],
    ['canceled', { state: 'failed', providerStatus: 'canceled' }],
    ['approved', { state: 'unknown', providerStatus: 'approved' }],
  ])('T1: that is there already is not posted again: %s', async (status, state) => {
    const shown = list([
      makeTransfer({ order_no: 'another' }),
      makeTransfer({ status, failure_msg: '余额不足', time_transferred: 1_795_550_560 }),
    ]);
    const { payout, queryPayout, posts } = await payoutsThat([shown]);
    expect(await payout()).toMatchObject(state);
    expect(await queryPayout()).toMatchObject(state);
    expect(posts()).toEqual([]);
  });

  it('is unknown where no transfer is shown', async () => {
    const { queryPayout } = await payoutsThat([list([])]);
    expect(await queryPayout()).toEqual({ state: 'unknown', providerStatus: 'no such transfer' });
  });
});

describe('M9: a payout that is refused', () => {
  it('for good, and not shown, goes back to its owner', async () => {
    const refusal = refusePingpp(400, 'invalid_request_error', { code: 'recipient_invalid' });
    const { payout } = await payoutsThat([list([])], refusal);
    expect(await failureOf(() => payout())).toMatchObject({
      code: 'channel_refused',
      details: { providerCode: 'recipient_invalid' },
    });
  });

  it('for good, and shown all the same, is what is shown', async () => {
    const refusal = refusePingpp(400, 'invalid_request_error');
    const { payout } = await payoutsThat([list([]), list([makeTransfer()])], refusal);
    expect(await payout()).toEqual({ state: 'processing' });
  });

  it.each([
    ['its number is taken', refusePingpp(400, 'invalid_request_error', { param: 'order_no' })],
    ['the balance is too low', refusePingpp(402, 'channel_error')],
    ['our key is refused', refusePingpp(401, 'invalid_request_error')],
    ['there are too many calls', refusePingpp(403, 'invalid_request_error')],
    ['Ping++ fails', refusePingpp(500, 'api_error')],
  ])('is not given up because %s', async (_what, refusal) => {
    const { payout } = await payoutsThat([list([])], refusal);
    expect((await failureOf(() => payout())).code).toBe('channel_unknown_outcome');
  });

  it.each([
    ['no answer', null],
    ['a page', { body: '<html>' }],
    ['another amount', say(makeTransfer({ amount: 1 }))],
    ['another number', say(makeTransfer({ order_no: 'x' }))],
    ['another receiver', say(makeTransfer({ recipient: 'x@example.com' }))],
  ])('is not given up after %s', async (_what, posted) => {
    const { payout } = await payoutsThat([list([])], posted);
    expect((await failureOf(() => payout())).code).toBe('channel_unknown_outcome');
  });

  it('is not posted while the search for it fails', async () => {
    const { payout, posts } = await payoutsThat([refusePingpp(500, 'api_error')]);
    expect((await failureOf(() => payout())).code).toBe('channel_unknown_outcome');
    expect(posts()).toEqual([]);
  });
});
