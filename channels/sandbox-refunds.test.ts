/** Refunds of every channel against the local providers: real signatures both ways, over real sockets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RefundRequest } from './channel.js';
import type { Merchant, MerchantChannel } from './test-merchant.js';
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

afterEach(async () => {
  await merchant.control('DELETE', '/faults');
});

afterAll(() => bench.close());

/** Providers write whole seconds. */
function toSecond(time: string): Date {
  return new Date(Math.trunc(Date.parse(time) / 1000) * 1000);
}

/** Alipay posts the payment's notification again, to the payment's address; Ping++ has one address. */
function notifiedAt(name: MerchantChannel, request: RefundRequest): string {
  return name === 'alipay' || name === 'pingpp' ? request.outTradeNo : request.refundNo;
}

const NOT_THERE = {
  alipay: 'no refund_status',
  wechat: 'RESOURCE_NOT_EXISTS',
  pingpp: 'no such refund',
  stripe: 'no such refund',
} as const;

describe.each(['alipay', 'wechat', 'pingpp', 'stripe'] as const)('%s refunds', (name) => {
  const channel = () => merchant.channels[name];
  const refund = (request: RefundRequest) => refunds(channel()).refund(request);
  const queryRefund = (request: RefundRequest) => refunds(channel()).queryRefund(request);

  it('a whole payment: under way, then settled, to the fen and the second', async () => {
    const attempt = await bench.paid(name);
    const request = bench.whole(attempt);
    expect(await refund(request)).toEqual({ state: 'processing' });
    const { refundNo, settledAt, createdAt } = await bench.settle(request.refundNo, 'success');
    const succeeded = {
      state: 'succeeded',
      providerRefundNo: name === 'alipay' ? request.refundNo : refundNo,
      // Stripe tells when a refund was asked for, and no other time.
      settledAt: toSecond(name === 'stripe' ? createdAt : settledAt),
    };
    expect(await queryRefund(request)).toEqual(succeeded);
    expect(await refund(request)).toEqual(succeeded);
    expect(await bench.refunded(attempt)).toBe(attempt.amountFen);
  });

  it('M6: in two parts, and not a fen more than was captured', async () => {
    const attempt = await bench.paid(name);
    for (const request of [bench.part(attempt, 530, 'r1'), bench.part(attempt, 700, 'r2')]) {
      await refund(request);
      await bench.settle(request.refundNo, 'success');
      expect((await queryRefund(request)).state).toBe('succeeded');
    }
    const error = await failureOf(() => refund(bench.part(attempt, 1, 'r3')));
    expect(error.code).toBe('channel_refused');
    expect(await bench.refunded(attempt)).toBe(attempt.amountFen);
  });

  it('M6: nothing at all when more than was captured is asked for', async () => {
    const attempt = await bench.paid(name);
    const error = await failureOf(() => refund(bench.part(attempt, attempt.amountFen + 1)));
    expect(error.code).toBe('channel_refused');
    expect(await bench.known(attempt)).toEqual([]);
  });

  it('M6: once, when the same number is asked for many times at once and again', async () => {
    const attempt = await bench.paid(name);
    const request = bench.part(attempt, 400);
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => refund(request)));
    // Where each call would make a refund of its own, the others wait until the first one has its answer.
    const states = answers.map((one) => (one.status === 'fulfilled' ? one.value.state : one.reason.code));
    const waiting = name === 'pingpp' ? 'channel_unknown_outcome' : 'processing';
    expect(states).toEqual(expect.arrayContaining(['processing']));
    expect(states.filter((state) => state !== 'processing' && state !== waiting)).toEqual([]);
    await bench.settle(request.refundNo, 'success');
    expect((await refund(request)).state).toBe('succeeded');
    expect(await bench.refunded(attempt)).toBe(400);
    expect(await bench.known(attempt)).toHaveLength(1);
  });

  it('M6: neither twice nor by a second amount, when a number comes with another one', async () => {
    const attempt = await bench.paid(name);
    await refund(bench.part(attempt, 400));
    expect((await failureOf(() => refund(bench.part(attempt, 500)))).code).toBe('channel_unknown_outcome');
    await bench.settle(bench.part(attempt, 400).refundNo, 'success');
    expect((await failureOf(() => refund(bench.part(attempt, 500)))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryRefund(bench.part(attempt, 500)))).code).toBe(
      'channel_unknown_outcome',
    );
    expect(await bench.refunded(attempt)).toBe(400);
  });

  it('M9: once, when the provider accepted it and its answer never came', async () => {
    const attempt = await bench.paid(name);
    const request = bench.part(attempt, 400);
    await merchant.control('POST', '/faults', { channel: name, requestTimeout: true, operation: 'refund' });
    expect((await failureOf(() => refund(request))).code).toBe('channel_unknown_outcome');
    expect(await bench.known(attempt)).toHaveLength(1);
    // Nobody settles it: it succeeds by itself, and the notification is what the test waits for.
    await receiver.next(notifiedAt(name, request));
    expect((await queryRefund(request)).state).toBe('succeeded');
    expect((await refund(request)).state).toBe('succeeded');
    expect(await bench.refunded(attempt)).toBe(400);
    expect(await bench.known(attempt)).toHaveLength(1);
  });

  it('M9: knows nothing while the provider fails, and refunds once afterwards', async () => {
    const attempt = await bench.paid(name);
    const request = bench.part(attempt, 400);
    await merchant.control('POST', '/faults', { channel: name, errorRate: 1 });
    expect((await failureOf(() => refund(request))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryRefund(request))).code).toBe('channel_unknown_outcome');
    await merchant.control('DELETE', '/faults');
    expect(await queryRefund(request)).toEqual({ state: 'unknown', providerStatus: NOT_THERE[name] });
    expect(await refund(request)).toEqual({ state: 'processing' });
    expect(await bench.known(attempt)).toHaveLength(1);
  });

  it('M9: does not give a refund up because our key was refused', async () => {
    const stranger = merchant.stranger(name);
    const attempt = await bench.paid(name);
    const error = await failureOf(() => refunds(stranger).refund(bench.whole(attempt)));
    expect(error.code).toBe('channel_unknown_outcome');
    expect(await bench.known(attempt)).toEqual([]);
  });

  it('M9: does not give a refund up because the provider says that nobody paid', async () => {
    const attempt = await bench.opened(name);
    expect((await failureOf(() => refund(bench.whole(attempt)))).code).toBe('channel_unknown_outcome');
  });

  it('M5: a payment that came after we closed it', async () => {
    const attempt = await bench.opened(name);
    await channel().close(attempt);
    await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify: false, force: true });
    await refund(bench.whole(attempt));
    await bench.settle(bench.whole(attempt).refundNo, 'success');
    expect((await queryRefund(bench.whole(attempt))).state).toBe('succeeded');
    expect(await bench.refunded(attempt)).toBe(attempt.amountFen);
  });

  it.each([{ tamper: true }, { wrongKey: true }])('W2: refuses its notification under %j', async (fault) => {
    const attempt = await bench.paid(name);
    const request = bench.part(attempt, 400);
    await refund(request);
    // For all: refunds of the tests before may still settle by themselves, and use a single fault up.
    await merchant.control('POST', '/faults', { channel: name, times: 100, ...fault });
    await bench.settle(request.refundNo, 'success');
    const raw = await receiver.next(notifiedAt(name, request));
    const error = await failureOf(() => channel().verifyNotification(raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { reason: 'signature' } });
  });

  it('finds the payment still paid after a part of it went back', async () => {
    const attempt = await bench.paid(name);
    const request = bench.part(attempt, 400);
    await refund(request);
    await bench.settle(request.refundNo, 'success');
    expect(await channel().query(attempt)).toMatchObject({
      state: 'paid',
      payment: { amountFen: attempt.amountFen },
    });
  });
});
