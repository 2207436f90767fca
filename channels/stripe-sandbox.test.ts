/** What is Stripe's alone, against the local Stripe: numbers that are not ours, and a memory of one day. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import type { Attempt, BillRow, Channel, Credential, PayoutRequest, RefundRequest } from './channel.js';
import { type Merchant, openMerchant } from './test-merchant.js';
import { makePayout, payouts } from './test-payouts.js';
import { type Receiver, startReceiver } from './test-receiver.js';
import { failureOf, makeKnown, makeRefund, refunds } from './test-support.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let home: string;
let sandbox: Sandbox;
let receiver: Receiver;
let merchant: Merchant;
let stripe: Channel;
/** How far Stripe's clock is ahead of ours. */
let aheadMs = 0;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'stripe-'));
  sandbox = await startSandbox({ home, port: 0, speed: 1_000, now: () => Date.now() + aheadMs });
  receiver = await startReceiver();
  merchant = await openMerchant(sandbox, receiver);
  ({ stripe } = merchant.channels);
});

afterEach(() => merchant.control('DELETE', '/faults'));

afterAll(async () => {
  await sandbox.close();
  await receiver.stop();
  await rm(home, { recursive: true });
});

const control: Merchant['control'] = (method, path, body) => merchant.control(method, path, body);
const pay = ({ outTradeNo }: Attempt, body: object = { notify: false }) =>
  control('POST', `/trades/${outTradeNo}/pay`, body);

/** The attempt, made as long ago on our clock as Stripe's is ahead of it now. */
function daysLater(attempt: Attempt, credential: Credential | null = null): Attempt {
  aheadMs += 25 * HOUR_MS;
  return { ...attempt, credential, createdAt: new Date(attempt.createdAt.getTime() - 25 * HOUR_MS) };
}

/** How many intents Stripe has for an attempt; a second one would go by a number of its own. */
async function intentsOf({ subject }: Attempt): Promise<number> {
  const { data } = (await control('GET', '/trades?channel=stripe')) as { data: { subject: string }[] };
  return data.filter((trade) => trade.subject === subject).length;
}

describe('an attempt', () => {
  it('M4: opens one intent, also when it is posted again after Stripe has forgotten its key', async () => {
    const attempt = merchant.attempt('qr');
    const { paymentIntent } = await stripe.create(attempt);
    const later = daysLater(attempt);
    expect((await stripe.create(later))['paymentIntent']).toBe(paymentIntent);
    expect(await intentsOf(attempt)).toBe(1);
    // Were it not searched for, there would be two.
    await stripe.create({ ...later, createdAt: new Date() });
    expect(await intentsOf(attempt)).toBe(2);
  });

  it('M4: opens one intent, however often it is posted at once', async () => {
    const attempt = merchant.attempt('app');
    const all = await Promise.all(Array.from({ length: 5 }, () => stripe.create(attempt)));
    expect(new Set(all.map(({ paymentIntent }) => paymentIntent)).size).toBe(1);
    expect(await intentsOf(attempt)).toBe(1);
  });

  it('W5: whose posting had no answer is found paid, as soon as the search shows it', async () => {
    const attempt = merchant.attempt('qr');
    await control('POST', '/faults', { channel: 'stripe', requestTimeout: true });
    expect((await failureOf(() => stripe.create(attempt))).code).toBe('channel_unknown_outcome');
    await pay(attempt);
    const known = makeKnown(attempt.outTradeNo);
    expect(await stripe.query(known)).toEqual({ state: 'unpaid' });
    aheadMs += 60_000;
    expect(await stripe.query(known)).toMatchObject({ state: 'paid', payment: { amountFen: 1230 } });
    expect(await stripe.close(known)).toMatchObject({ state: 'paid' });
  });

  it('has a fresh code for a payer whose payment failed, of the same intent', async () => {
    const attempt = merchant.attempt('qr');
    const first = await stripe.create(attempt);
    await control('POST', `/trades/${attempt.outTradeNo}/fail`);
    expect(await stripe.query(makeKnown(attempt.outTradeNo, first))).toEqual({ state: 'unpaid' });
    const second = await stripe.create({ ...attempt, credential: first });
    expect(second['paymentIntent']).toBe(first['paymentIntent']);
    expect(second['qrCode']).not.toBe(first['qrCode']);
    await pay(attempt);
    expect(await stripe.query(makeKnown(attempt.outTradeNo, second))).toMatchObject({ state: 'paid' });
  });

  it('can be closed after a payment that failed', async () => {
    const attempt = merchant.attempt('page');
    const credential = await stripe.create(attempt);
    await control('POST', `/trades/${attempt.outTradeNo}/fail`);
    expect(await stripe.close(makeKnown(attempt.outTradeNo, credential))).toEqual({ state: 'closed' });
  });
});

describe('a refund', () => {
  const refund = (one: RefundRequest) => refunds(stripe).refund(one);

  async function refundable(): Promise<RefundRequest> {
    const attempt = merchant.attempt('qr');
    const { paymentIntent: providerTradeNo = '' } = await stripe.create(attempt);
    await pay(attempt);
    const { outTradeNo, amountFen: capturedFen } = attempt;
    const refundNo = `${outTradeNo}r1`;
    const notifyUrl = receiver.urlFor(refundNo);
    return makeRefund({ outTradeNo, providerTradeNo, refundNo, amountFen: fen(400), capturedFen, notifyUrl });
  }

  const known = async ({ outTradeNo }: RefundRequest) =>
    ((await control('GET', `/refunds?outTradeNo=${outTradeNo}`)) as { data: unknown[] }).data;

  it.each([
    ['success', 'refund.updated with succeeded', { state: 'succeeded' }],
    ['fail', 'refund.failed with failed', { state: 'failed', providerStatus: 'failed: declined' }],
  ])('ends by %s, and is told of so', async (result, providerStatus, state) => {
    const one = await refundable();
    expect(await refund(one)).toEqual({ state: 'processing' });
    const { outTradeNo, refundNo } = one;
    await control('POST', `/refunds/${refundNo}/settle`, { result });
    const told = stripe.verifyNotification(await receiver.next(refundNo));
    expect(told).toMatchObject({ kind: 'refund', outTradeNo, refundNo, providerStatus });
    expect(await refunds(stripe).queryRefund(one)).toMatchObject(state);
    expect(await refund(one)).toMatchObject(state);
    expect(await known(one)).toHaveLength(1);
  });

  it('M6: goes back once, also when it is posted again after Stripe has forgotten its key', async () => {
    const one = await refundable();
    await refund(one);
    aheadMs += DAY_MS + HOUR_MS;
    await refund(one);
    expect(await known(one)).toHaveLength(1);
  });
});

let made = 0;

function request(changes: Partial<PayoutRequest> = {}): PayoutRequest {
  made += 1;
  const payoutNo = `stripepayout${String(made).padStart(6, '0')}`;
  const account = { no: 'acct_seller', name: '沈括' };
  return makePayout({ payoutNo, account, notifyUrl: receiver.urlFor(payoutNo), ...changes });
}

describe('a payout', () => {
  const payout = (one: PayoutRequest) => payouts(stripe).payout(one);
  const queryPayout = (one: PayoutRequest) => payouts(stripe).queryPayout(one);
  const known = async ({ payoutNo }: PayoutRequest) =>
    ((await control('GET', `/payouts?outPayoutNo=${payoutNo}`)) as { data: unknown[] }).data;

  it('M9: is paid once, however often it is posted, and a day later too', async () => {
    const one = request();
    const states = await Promise.all(Array.from({ length: 5 }, () => payout(one)));
    expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(1);
    expect(states[0]).toMatchObject({ state: 'paid', providerPayoutNo: expect.stringMatching(/^tr_/) });
    aheadMs += DAY_MS + HOUR_MS;
    expect(await payout(one)).toEqual(states[0]);
    expect(await queryPayout(one)).toEqual(states[0]);
    expect(await known(one)).toHaveLength(1);
  });

  it('M9: is paid once when its answer never came, and not while our balance is too low', async () => {
    const one = request();
    await control('POST', '/faults', { channel: 'stripe', lowBalance: true, times: 1 });
    expect((await failureOf(() => payout(one))).code).toBe('channel_unknown_outcome');
    expect(await queryPayout(one)).toMatchObject({ state: 'unknown' });
    await control('POST', '/faults', { channel: 'stripe', requestTimeout: true, operation: 'payout' });
    expect((await failureOf(() => payout(one))).code).toBe('channel_unknown_outcome');
    expect(await queryPayout(one)).toMatchObject({ state: 'paid' });
    expect(await known(one)).toHaveLength(1);
  });

  it('is refused for good where there is no such account', async () => {
    const one = request({ account: { no: 'seller@example.com', name: '沈括' } });
    expect((await failureOf(() => payout(one))).code).toBe('channel_refused');
  });

  it('M9: pays neither twice nor a second amount under its number', async () => {
    const one = request();
    await payout(one);
    const dearer = { ...one, amountFen: fen(999) };
    expect((await failureOf(() => payout(dearer))).code).toBe('channel_unknown_outcome');
  });

  it('is told of when it is there, and when it is taken back', async () => {
    const one = request();
    await payout(one);
    for (const [result, providerStatus, state] of [
      ['success', 'transfer.created', 'paid'],
      ['bounce', 'transfer.reversed', 'bounced'],
    ]) {
      await control('POST', `/payouts/${one.payoutNo}/settle`, { result });
      const told = stripe.verifyNotification(await receiver.next(one.payoutNo));
      expect(told).toMatchObject({ kind: 'payout', payoutNo: one.payoutNo, providerStatus });
      expect(await queryPayout(one)).toMatchObject({ state });
    }
  });
});

describe('the bill', () => {
  it('has every payment, refund and payout of the day once, also behind a first page, with their fees', async () => {
    aheadMs = Date.parse('2026-03-01T04:00:00Z') - Date.now();
    const attempts = Array.from({ length: 104 }, () => merchant.attempt('qr'));
    for (const attempt of attempts) {
      await stripe.create(attempt);
      await pay(attempt);
    }
    const one = request();
    await payouts(stripe).payout(one);
    const rows: BillRow[] = [];
    for await (const row of stripe.bill?.('2026-03-01') ?? []) rows.push(row);
    const paid = rows.filter(({ kind }) => kind === 'payment');
    expect(paid.map(({ no }) => no).sort()).toEqual(attempts.map(({ outTradeNo }) => outTradeNo).sort());
    expect(paid[0]).toMatchObject({ amountFen: 1230, feeFen: 27, status: 'succeeded' });
    expect(rows.filter(({ kind }) => kind === 'payout')).toMatchObject([
      { no: one.payoutNo, amountFen: 530 },
    ]);
    aheadMs = 0;
  });
});
