/** How refunds end at Alipay and WeChat Pay, by the local providers, and what each of them says of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RefundRequest } from './channel.js';
import type { Merchant } from './test-merchant.js';
import { type RefundBench, openRefundBench } from './test-refund-bench.js';
import type { Receiver } from './test-receiver.js';
import { failureOf, refunds } from './test-support.js';

let bench: RefundBench;
let merchant: Merchant;
let receiver: Receiver;

beforeAll(async () => {
  bench = await openRefundBench();
  ({ merchant, receiver } = bench);
});

afterAll(() => bench.close());

describe('alipay refunds', () => {
  const refund = (request: RefundRequest) => refunds(merchant.channels.alipay).refund(request);
  const queryRefund = (request: RefundRequest) => refunds(merchant.channels.alipay).queryRefund(request);

  it('M6: is made once under the same number after it came to nothing, however often that was', async () => {
    const attempt = await bench.paid('alipay');
    const request = bench.whole(attempt);
    for (let time = 0; time < 2; time += 1) {
      expect(await refund(request)).toEqual({ state: 'processing' });
      await bench.settle(request.refundNo, 'fail');
      expect(await queryRefund(request)).toEqual({ state: 'unknown', providerStatus: 'no refund_status' });
      expect(await bench.refunded(attempt)).toBe(0);
    }
    expect(await refund(request)).toEqual({ state: 'processing' });
    await bench.settle(request.refundNo, 'success');
    expect((await refund(request)).state).toBe('succeeded');
    expect(await bench.refunded(attempt)).toBe(attempt.amountFen);
    expect(await bench.known(attempt)).toHaveLength(1);
  });

  it('M6: is not made when another one has taken what was left, and is refused for good', async () => {
    const attempt = await bench.paid('alipay');
    const [first, second] = [bench.part(attempt, 800, 'r1'), bench.part(attempt, 800, 'r2')];
    await refund(first);
    await bench.settle(first.refundNo, 'fail');
    await refund(second);
    await bench.settle(second.refundNo, 'success');
    expect((await failureOf(() => refund(first))).code).toBe('channel_refused');
    expect(await bench.refunded(attempt)).toBe(800);
  });

  it('M9: stays unknown, and is not given up, while the balance is too low', async () => {
    const attempt = await bench.paid('alipay');
    const request = bench.whole(attempt);
    await refund(request);
    await bench.settle(request.refundNo, 'abnormal');
    expect(await queryRefund(request)).toMatchObject({ state: 'unknown' });
    expect(await failureOf(() => refund(request))).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { providerCode: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' },
    });
    expect(await bench.refunded(attempt)).toBe(0);
  });

  it.each([
    [400, 'TRADE_SUCCESS with REFUND'],
    [1230, 'TRADE_CLOSED with REFUND'],
  ])('are notified by the payment over again: %i fen', async (amount, providerStatus) => {
    const attempt = await bench.paid('alipay');
    const request = bench.part(attempt, amount);
    await refund(request);
    await bench.settle(request.refundNo, 'success', { notify: true });
    const raw = await receiver.next(request.outTradeNo);
    expect(merchant.channels.alipay.verifyNotification(raw)).toMatchObject({
      kind: 'refund',
      outTradeNo: request.outTradeNo,
      refundNo: request.refundNo,
      providerStatus,
    });
  });
});

describe('wechat refunds', () => {
  it.each([
    ['success', 'REFUND.SUCCESS', { state: 'succeeded' }],
    ['fail', 'REFUND.CLOSED', { state: 'failed', providerStatus: 'CLOSED' }],
    ['abnormal', 'REFUND.ABNORMAL', { state: 'failed', providerStatus: 'ABNORMAL' }],
  ])('end by %s, and are notified so', async (result, providerStatus, state) => {
    const { refund, queryRefund } = refunds(merchant.channels.wechat);
    const attempt = await bench.paid('wechat');
    const request = bench.whole(attempt);
    expect(await refund(request)).toEqual({ state: 'processing' });
    await bench.settle(request.refundNo, result);
    const raw = await receiver.next(request.refundNo);
    expect(merchant.channels.wechat.verifyNotification(raw)).toMatchObject({
      kind: 'refund',
      outTradeNo: request.outTradeNo,
      refundNo: request.refundNo,
      providerStatus,
    });
    expect(await queryRefund(request)).toMatchObject(state);
    expect(await refund(request)).toMatchObject(state);
    expect(await bench.known(attempt)).toHaveLength(1);
  });
});
