/** Payouts of both channels against the local providers: real signatures both ways, over real sockets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import { createAlipay } from './alipay.js';
import type { PayoutRequest } from './channel.js';
import type { Merchant } from './test-merchant.js';
import { type KnownPayout, openPayoutBench, type PayoutBench, RECEIVERS } from './test-payout-bench.js';
import { payouts } from './test-payouts.js';
import type { Receiver } from './test-receiver.js';
import { failureOf, makeKeys } from './test-support.js';
import { createWechat } from './wechat.js';

let bench: PayoutBench;
let merchant: Merchant;
let receiver: Receiver;

beforeAll(async () => {
  bench = await openPayoutBench();
  ({ merchant, receiver } = bench);
});

afterEach(async () => {
  await merchant.control('DELETE', '/faults');
});

afterAll(() => bench.close());

type Name = keyof typeof RECEIVERS;

const request = (name: Name, changes: Partial<PayoutRequest> = {}): PayoutRequest =>
  bench.request(name, changes);
const settle = (one: PayoutRequest, result: string): Promise<KnownPayout> => bench.settle(one, result);
const known = (one: PayoutRequest): Promise<KnownPayout[]> => bench.known(one);

/** Payouts of the tests before may still end by themselves, and their notifications would use a single fault up. */
const EVERY_ONE = 100;

/** Providers write whole seconds. */
function toSecond(time: string): Date {
  return new Date(Math.trunc(Date.parse(time) / 1000) * 1000);
}

/** The channel of a merchant with a key that the provider does not know. */
function strangerOf(name: Name) {
  const { privateKey } = makeKeys();
  const { configs } = merchant;
  return name === 'alipay'
    ? createAlipay({ ...configs.alipay, privateKey })
    : createWechat({ ...configs.wechat, privateKey });
}

const NOT_THERE = { alipay: 'ORDER_NOT_EXIST', wechat: 'NOT_FOUND' } as const;
/** How a payout stands that was just accepted. */
const ACCEPTED = {
  alipay: { state: 'processing' },
  wechat: { state: 'awaiting_receiver', packageInfo: expect.stringMatching(/^[\w+/=]{40,}$/) as string },
} as const;

describe.each(['alipay', 'wechat'] as const)('%s payouts', (name) => {
  const payout = (one: PayoutRequest) => payouts(merchant.channels[name]).payout(one);
  const queryPayout = (one: PayoutRequest) => payouts(merchant.channels[name]).queryPayout(one);

  it('are accepted, then paid, to the fen and the second', async () => {
    const one = request(name);
    expect(await payout(one)).toEqual(ACCEPTED[name]);
    expect(await queryPayout(one)).toEqual(ACCEPTED[name]);
    const { payoutNo, paidAt, amount } = await settle(one, 'success');
    expect(amount).toBe(530);
    const paid = { state: 'paid', providerPayoutNo: payoutNo, paidAt: toSecond(paidAt) };
    expect(await queryPayout(one)).toEqual(paid);
    expect(await payout(one)).toEqual(paid);
  });

  it('M9: pay once, when the same number is asked for many times at once and again', async () => {
    const one = request(name);
    const states = await Promise.all(Array.from({ length: 5 }, () => payout(one)));
    expect(states).toEqual(Array.from({ length: 5 }, () => ACCEPTED[name]));
    await settle(one, 'success');
    expect((await payout(one)).state).toBe('paid');
    expect(await known(one)).toHaveLength(1);
  });

  it.each<[string, Partial<PayoutRequest>]>([
    ['amount', { amountFen: fen(531) }],
    ['receiver', { account: { no: 'somebody-else', name: '沈括' } }],
    ['name', { account: { no: RECEIVERS[name].no, name: '苏颂' } }],
  ])('M9: pay nothing more when a number comes with another %s', async (what, changes) => {
    const one = request(name);
    await payout(one);
    const other = { ...one, ...changes };
    // What is asked about is a payout of ours all the same: by amount and, at WeChat Pay, by receiver.
    if (name === 'wechat' && what === 'name') {
      expect(await payout(other)).toEqual({ state: 'processing' });
    } else {
      expect((await failureOf(() => payout(other))).code).toBe('channel_unknown_outcome');
    }
    expect(await known(one)).toMatchObject([{ amount: 530, receiverName: '沈括' }]);
  });

  it('M9: pay once, when the provider accepted it and its answer never came', async () => {
    const one = request(name);
    await merchant.control('POST', '/faults', { channel: name, requestTimeout: true, operation: 'payout' });
    expect((await failureOf(() => payout(one))).code).toBe('channel_unknown_outcome');
    expect(await known(one)).toHaveLength(1);
    // WeChat Pay's waits for its receiver, Alipay's is settled by nobody: the notification is what the test waits for.
    if (name === 'wechat') await settle(one, 'confirm');
    await receiver.next(one.payoutNo);
    expect((await queryPayout(one)).state).toBe('paid');
    expect((await payout(one)).state).toBe('paid');
    expect(await known(one)).toHaveLength(1);
  });

  it('M9: know nothing while the provider fails, and pay once afterwards', async () => {
    const one = request(name);
    await merchant.control('POST', '/faults', { channel: name, errorRate: 1 });
    expect((await failureOf(() => payout(one))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryPayout(one))).code).toBe('channel_unknown_outcome');
    await merchant.control('DELETE', '/faults');
    expect(await queryPayout(one)).toEqual({ state: 'unknown', providerStatus: NOT_THERE[name] });
    expect(await payout(one)).toEqual(ACCEPTED[name]);
    expect(await known(one)).toHaveLength(1);
  });

  it('M9: know nothing while the provider takes too long to answer', async () => {
    const one = request(name);
    await merchant.control('POST', '/faults', { channel: name, hangMs: 30_000 });
    expect((await failureOf(() => payout(one))).code).toBe('channel_unknown_outcome');
    await merchant.control('DELETE', '/faults');
    expect((await queryPayout(one)).state).toBe(ACCEPTED[name].state);
  });

  it('M9: are not given up while our balance is too low, and pay once it is not', async () => {
    const one = request(name);
    await merchant.control('POST', '/faults', { channel: name, lowBalance: true });
    expect(await failureOf(() => payout(one))).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { providerCode: name === 'alipay' ? 'PAYER_BALANCE_NOT_ENOUGH' : 'NOT_ENOUGH' },
    });
    expect(await queryPayout(one)).toMatchObject({ state: 'unknown' });
    await merchant.control('DELETE', '/faults');
    expect(await payout(one)).toEqual(ACCEPTED[name]);
  });

  it('M9: are not given up because our key was refused', async () => {
    const one = request(name);
    const stranger = payouts(strangerOf(name));
    expect((await failureOf(() => stranger.payout(one))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => stranger.queryPayout(one))).code).toBe('channel_unknown_outcome');
    expect(await known(one)).toEqual([]);
  });

  it('are refused for good when nobody is the receiver', async () => {
    const one = request(name, { account: { no: 'nobody-1', name: '沈括' } });
    expect((await failureOf(() => payout(one))).code).toBe('channel_refused');
    expect(await known(one)).toEqual([]);
  });

  it.each([
    ['success', { state: 'paid' }],
    ['fail', { state: 'failed' }],
    ['abnormal', { state: 'failed' }],
    ['cancel', { state: 'failed' }],
  ])('that end by %s are notified so, and say so when asked', async (result, state) => {
    const one = request(name);
    await payout(one);
    await settle(one, result);
    const raw = await receiver.next(one.payoutNo);
    const shown = await queryPayout(one);
    expect(shown).toMatchObject(state);
    expect(merchant.channels[name].verifyNotification(raw)).toMatchObject({
      kind: 'payout',
      payoutNo: one.payoutNo,
      outTradeNo: '',
      ...('providerStatus' in shown && { providerStatus: shown.providerStatus }),
    });
    expect(await payout(one)).toMatchObject(state);
  });

  it('may come back after they were paid', async () => {
    const one = request(name);
    await payout(one);
    await settle(one, 'success');
    expect((await queryPayout(one)).state).toBe('paid');
    await settle(one, 'bounce');
    expect((await queryPayout(one)).state).toBe('bounced');
    expect((await payout(one)).state).toBe('bounced');
    await receiver.next(one.payoutNo);
    const raw = await receiver.next(one.payoutNo);
    expect(merchant.channels[name].verifyNotification(raw)).toMatchObject({ kind: 'payout' });
  });

  it.each([{ tamper: true }, { wrongKey: true }])('W2: refuse their notification under %j', async (fault) => {
    const one = request(name);
    await payout(one);
    await merchant.control('POST', '/faults', { channel: name, times: EVERY_ONE, ...fault });
    await settle(one, 'success');
    const raw = await receiver.next(one.payoutNo);
    const error = await failureOf(() => merchant.channels[name].verifyNotification(raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { reason: 'signature' } });
  });

  it('M9: take every delivery of one event for the same, early, late or twice', async () => {
    const one = request(name);
    await payout(one);
    await merchant.control('POST', '/faults', { channel: name, times: EVERY_ONE, duplicate: 2, delayMs: 50 });
    await settle(one, 'success');
    const keys = new Set<string>();
    for (let delivery = 0; delivery < 3; delivery += 1) {
      const notification = merchant.channels[name].verifyNotification(await receiver.next(one.payoutNo));
      expect(notification).toMatchObject({ kind: 'payout', payoutNo: one.payoutNo });
      keys.add(notification.eventKey);
    }
    expect(keys.size).toBe(1);
    // The word came late; what counts is what the provider shows.
    expect((await queryPayout(one)).state).toBe('paid');
  });
});

describe('alipay payouts', () => {
  it('M9: are refused for good when the name is not the receiver’s', async () => {
    const one = request('alipay', { account: { no: 'seller@example.com', name: '张冠李戴' } });
    expect(await failureOf(() => payouts(merchant.channels.alipay).payout(one))).toMatchObject({
      code: 'channel_refused',
      details: { providerCode: 'PAYEE_USER_INFO_ERROR' },
    });
  });
});
