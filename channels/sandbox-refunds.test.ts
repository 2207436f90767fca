/** Refunds of every channel against the local providers: real signatures both ways, over real sockets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import type { Attempt, RefundRequest } from './channel.js';
import { type Merchant, type MerchantChannel, openMerchant } from './test-merchant.js';
import { type Receiver, startReceiver } from './test-receiver.js';
import { failureOf, refunds } from './test-support.js';

let home: string;
let sandbox: Sandbox;
let receiver: Receiver;
let merchant: Merchant;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'refunds-'));
  sandbox = await startSandbox({ home, port: 0, speed: 1_000 });
  receiver = await startReceiver();
  merchant = await openMerchant(sandbox, receiver);
});

afterEach(async () => {
  await merchant.control('DELETE', '/faults');
});

afterAll(async () => {
  await sandbox.close();
  await receiver.stop();
  await rm(home, { recursive: true });
});

/** What the provider itself knows of a refund. */
interface Known {
  refundNo: string;
  amount: number;
  status: string;
  createdAt: string;
  settledAt: string;
}

/** An attempt that its provider knows: by which number, and how we ask about it. */
type Opened = Attempt & { tradeNo: string };

async function opened(name: MerchantChannel): Promise<Opened> {
  const attempt = merchant.attempt('qr');
  const credential = await merchant.channels[name].create(attempt);
  const trade = await merchant.control('GET', `/trades/${attempt.outTradeNo}`);
  return { ...attempt, credential, tradeNo: (trade as { tradeNo: string }).tradeNo };
}

async function paid(name: MerchantChannel): Promise<Opened> {
  const attempt = await opened(name);
  await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify: false });
  return attempt;
}

function part(attempt: Opened, amount: number, suffix = 'r1'): RefundRequest {
  const refundNo = `${attempt.outTradeNo}${suffix}`;
  return {
    outTradeNo: attempt.outTradeNo,
    providerTradeNo: attempt.tradeNo,
    refundNo,
    amountFen: fen(amount),
    capturedFen: attempt.amountFen,
    currency: 'CNY',
    reason: '课程取消 100% & more',
    notifyUrl: receiver.urlFor(refundNo),
  };
}

const whole = (attempt: Opened): RefundRequest => part(attempt, attempt.amountFen);

async function settle(refundNo: string, result: string, more: object = {}): Promise<Known> {
  return (await merchant.control('POST', `/refunds/${refundNo}/settle`, { result, ...more })) as Known;
}

async function known({ outTradeNo }: Attempt): Promise<Known[]> {
  return ((await merchant.control('GET', `/refunds?outTradeNo=${outTradeNo}`)) as { data: Known[] }).data;
}

async function refunded({ outTradeNo }: Attempt): Promise<number> {
  const trade = await merchant.control('GET', `/trades/${outTradeNo}`);
  return (trade as { refundedAmount: number }).refundedAmount;
}

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
    const attempt = await paid(name);
    const request = whole(attempt);
    expect(await refund(request)).toEqual({ state: 'processing' });
    const { refundNo, settledAt, createdAt } = await settle(request.refundNo, 'success');
    const succeeded = {
      state: 'succeeded',
      providerRefundNo: name === 'alipay' ? request.refundNo : refundNo,
      // Stripe tells when a refund was asked for, and no other time.
      settledAt: toSecond(name === 'stripe' ? createdAt : settledAt),
    };
    expect(await queryRefund(request)).toEqual(succeeded);
    expect(await refund(request)).toEqual(succeeded);
    expect(await refunded(attempt)).toBe(attempt.amountFen);
  });

  it('M6: in two parts, and not a fen more than was captured', async () => {
    const attempt = await paid(name);
    for (const request of [part(attempt, 530, 'r1'), part(attempt, 700, 'r2')]) {
      await refund(request);
      await settle(request.refundNo, 'success');
      expect((await queryRefund(request)).state).toBe('succeeded');
    }
    const error = await failureOf(() => refund(part(attempt, 1, 'r3')));
    expect(error.code).toBe('channel_refused');
    expect(await refunded(attempt)).toBe(attempt.amountFen);
  });

  it('M6: nothing at all when more than was captured is asked for', async () => {
    const attempt = await paid(name);
    const error = await failureOf(() => refund(part(attempt, attempt.amountFen + 1)));
    expect(error.code).toBe('channel_refused');
    expect(await known(attempt)).toEqual([]);
  });

  it('M6: once, when the same number is asked for many times at once and again', async () => {
    const attempt = await paid(name);
    const request = part(attempt, 400);
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => refund(request)));
    // Where each call would make a refund of its own, the others wait until the first one has its answer.
    const states = answers.map((one) => (one.status === 'fulfilled' ? one.value.state : one.reason.code));
    const waiting = name === 'pingpp' ? 'channel_unknown_outcome' : 'processing';
    expect(states).toEqual(expect.arrayContaining(['processing']));
    expect(states.filter((state) => state !== 'processing' && state !== waiting)).toEqual([]);
    await settle(request.refundNo, 'success');
    expect((await refund(request)).state).toBe('succeeded');
    expect(await refunded(attempt)).toBe(400);
    expect(await known(attempt)).toHaveLength(1);
  });

  it('M6: neither twice nor by a second amount, when a number comes with another one', async () => {
    const attempt = await paid(name);
    await refund(part(attempt, 400));
    expect((await failureOf(() => refund(part(attempt, 500)))).code).toBe('channel_unknown_outcome');
    await settle(part(attempt, 400).refundNo, 'success');
    expect((await failureOf(() => refund(part(attempt, 500)))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryRefund(part(attempt, 500)))).code).toBe('channel_unknown_outcome');
    expect(await refunded(attempt)).toBe(400);
  });

  it('M9: once, when the provider accepted it and its answer never came', async () => {
    const attempt = await paid(name);
    const request = part(attempt, 400);
    await merchant.control('POST', '/faults', { channel: name, requestTimeout: true, operation: 'refund' });
    expect((await failureOf(() => refund(request))).code).toBe('channel_unknown_outcome');
    expect(await known(attempt)).toHaveLength(1);
    // Nobody settles it: it succeeds by itself, and the notification is what the test waits for.
    await receiver.next(notifiedAt(name, request));
    expect((await queryRefund(request)).state).toBe('succeeded');
    expect((await refund(request)).state).toBe('succeeded');
    expect(await refunded(attempt)).toBe(400);
    expect(await known(attempt)).toHaveLength(1);
  });

  it('M9: knows nothing while the provider fails, and refunds once afterwards', async () => {
    const attempt = await paid(name);
    const request = part(attempt, 400);
    await merchant.control('POST', '/faults', { channel: name, errorRate: 1 });
    expect((await failureOf(() => refund(request))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryRefund(request))).code).toBe('channel_unknown_outcome');
    await merchant.control('DELETE', '/faults');
    expect(await queryRefund(request)).toEqual({ state: 'unknown', providerStatus: NOT_THERE[name] });
    expect(await refund(request)).toEqual({ state: 'processing' });
    expect(await known(attempt)).toHaveLength(1);
  });

  it('M9: does not give a refund up because our key was refused', async () => {
    const stranger = merchant.stranger(name);
    const attempt = await paid(name);
    const error = await failureOf(() => refunds(stranger).refund(whole(attempt)));
    expect(error.code).toBe('channel_unknown_outcome');
    expect(await known(attempt)).toEqual([]);
  });

  it('M9: does not give a refund up because the provider says that nobody paid', async () => {
    const attempt = await opened(name);
    expect((await failureOf(() => refund(whole(attempt)))).code).toBe('channel_unknown_outcome');
  });

  it('M5: a payment that came after we closed it', async () => {
    const attempt = await opened(name);
    await channel().close(attempt);
    await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify: false, force: true });
    await refund(whole(attempt));
    await settle(whole(attempt).refundNo, 'success');
    expect((await queryRefund(whole(attempt))).state).toBe('succeeded');
    expect(await refunded(attempt)).toBe(attempt.amountFen);
  });

  it.each([{ tamper: true }, { wrongKey: true }])('W2: refuses its notification under %j', async (fault) => {
    const attempt = await paid(name);
    const request = part(attempt, 400);
    await refund(request);
    await merchant.control('POST', '/faults', { channel: name, ...fault });
    await settle(request.refundNo, 'success');
    const raw = await receiver.next(notifiedAt(name, request));
    const error = await failureOf(() => channel().verifyNotification(raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { reason: 'signature' } });
  });

  it('finds the payment still paid after a part of it went back', async () => {
    const attempt = await paid(name);
    const request = part(attempt, 400);
    await refund(request);
    await settle(request.refundNo, 'success');
    expect(await channel().query(attempt)).toMatchObject({
      state: 'paid',
      payment: { amountFen: attempt.amountFen },
    });
  });
});

describe('alipay refunds', () => {
  const refund = (request: RefundRequest) => refunds(merchant.channels.alipay).refund(request);

  it('M9: stays unknown, and is not given up, when the balance was too low', async () => {
    const attempt = await paid('alipay');
    const request = whole(attempt);
    await refund(request);
    await settle(request.refundNo, 'fail');
    expect(await refunds(merchant.channels.alipay).queryRefund(request)).toMatchObject({ state: 'unknown' });
    expect(await failureOf(() => refund(request))).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { providerCode: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' },
    });
    expect(await refunded(attempt)).toBe(0);
  });

  it.each([
    [400, 'TRADE_SUCCESS with REFUND'],
    [1230, 'TRADE_CLOSED with REFUND'],
  ])('are notified by the payment over again: %i fen', async (amount, providerStatus) => {
    const attempt = await paid('alipay');
    const request = part(attempt, amount);
    await refund(request);
    await settle(request.refundNo, 'success', { notify: true });
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
    const attempt = await paid('wechat');
    const request = whole(attempt);
    expect(await refund(request)).toEqual({ state: 'processing' });
    await settle(request.refundNo, result);
    const raw = await receiver.next(request.refundNo);
    expect(merchant.channels.wechat.verifyNotification(raw)).toMatchObject({
      kind: 'refund',
      outTradeNo: request.outTradeNo,
      refundNo: request.refundNo,
      providerStatus,
    });
    expect(await queryRefund(request)).toMatchObject(state);
    expect(await refund(request)).toMatchObject(state);
    expect(await known(attempt)).toHaveLength(1);
  });
});
