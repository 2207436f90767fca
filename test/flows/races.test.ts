/** Two things at once: SQL decides about money, and exactly one of them wins. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelOrder, confirmOrder } from '../../commands/decide-order.js';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { inbox } from '../../db/schema.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { deliverPayment } from '../../relay/payments.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  BY_TEST,
  HOUR_MS,
  PAY_PASSWORD,
  addRichBuyer,
  end,
  paidOrder,
  suspense,
  timelineOf,
  unpaidOrder,
} from '../support/journeys.js';
import { refundsOf } from '../support/refunds.js';
import { BUYER, SELLER, addUsers, arrive, newOrder, orderWhen, until } from '../support/world.js';

const ROUNDS = Array.from({ length: 8 }, (_, round) => [round]);

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addRichBuyer(db);
});
afterAll(() => flow.close());

const told = async (order: OrderRow): Promise<number> =>
  arrive(flow.context, { outTradeNo: order.orderNo, amount: order.amount, paidAtMs: await flow.readClock() });

describe('M5 M7 cancel and payment', () => {
  it.each(ROUNDS)('one of them wins, and no money is lost (round %d)', async () => {
    const order = await unpaidOrder(flow);
    const before = await suspense(db);
    const [cancelled, arrived] = await Promise.allSettled([
      cancelOrder(flow.context, order, 'x', BY_TEST),
      told(order),
    ]);
    const after = await orderWhen(db, order.orderNo, ({ money }) => money !== 'unpaid');
    if (after.money === 'closed') {
      await end(flow, order);
      // What the workflow did not take before it ended, the relay brings again.
      if (arrived.status === 'fulfilled') await deliverPayment(db, flow.context.temporal, arrived.value);
      expect(cancelled.status).toBe('fulfilled');
      expect(await suspense(db)).toBe(before);
      expect(await refundsOf(db, order)).toMatchObject([{ reason: 'late_payment', amount: 10_000 }]);
    } else {
      expect(cancelled).toMatchObject({
        reason: { code: expect.stringMatching(/^order_(already_paid|not_cancellable)$/) as string },
      });
      expect(await suspense(db)).toBe(before);
      expect((await end(flow, order)).status).toBe('completed');
    }
  });
});

describe('M5 wallet and provider', () => {
  it.each(ROUNDS)('one of them pays, and the other’s money is not lost (round %d)', async () => {
    const order = await unpaidOrder(flow);
    const [before, cash] = [await suspense(db), (await walletOf(db, BUYER)).cash];
    await Promise.allSettled([payFromWallet(flow.context, order, PAY_PASSWORD), told(order)]);
    await flow.context.inline.drain();
    await flow.settled(order.orderNo);
    const paid = await orderWhen(db, order.orderNo, ({ money }) => money === 'held');
    const fromWallet = paid.paidChannel === 'wallet';
    expect(cash - (await walletOf(db, BUYER)).cash).toBe(fromWallet ? 10_000 : 0);
    expect(await suspense(db)).toBe(before);
    expect(await refundsOf(db, order)).toHaveLength(fromWallet ? 1 : 0);
    expect((await end(flow, order)).status).toBe('completed');
  });
});

describe('expiry and wallet', () => {
  it('a payment that was posted before the order closed wins, even when its signal comes after the expiry', async () => {
    await flow.readClock();
    const order = await newOrder(flow.context, { expiresInMs: HOUR_MS });
    await flow.settled(order.orderNo);
    const silent = { ...flow.context, inline: { ...flow.context.inline, payment: () => undefined } };
    await payFromWallet(silent, order, PAY_PASSWORD);
    await flow.environment.sleep(2 * HOUR_MS);
    await flow.settled(order.orderNo);
    // The workflow wanted to close; SQL said that the order is paid; now it waits for the news.
    expect(await flow.workflow(order.orderNo).query('state')).toMatchObject({ money: 'unpaid' });
    expect((await orderByNo(db, order.orderNo)).money).toBe('held');
    const rows = await db.select().from(inbox);
    const row = rows.find(({ outTradeNo }) => outTradeNo === order.orderNo);
    await deliverPayment(db, flow.context.temporal, row?.id ?? 0);
    await flow.settled(order.orderNo);
    expect(await flow.workflow(order.orderNo).query('state')).toMatchObject({ money: 'held' });
    expect((await end(flow, order)).status).toBe('completed');
  });

  it('a closed or expired order takes no payment', async () => {
    await flow.readClock();
    const order = await newOrder(flow.context, { expiresInMs: HOUR_MS });
    const closed = await end(flow, order);
    await flow.readClock();
    for (const seen of [order, closed]) {
      expect(await refusalOf(payFromWallet(flow.context, seen, PAY_PASSWORD))).toMatchObject({
        code: 'order_not_payable',
      });
    }
    expect((await orderByNo(db, order.orderNo)).status).toBe('closed');
  });
});

// The real server: a skipped hour beside an activity that runs makes the other one skip no more.
describe('M8 confirm and auto-confirm', () => {
  let real: Flow;
  beforeAll(async () => {
    real = await startFlow({ realServer: true });
    await addUsers(real.context.db);
  });
  afterAll(() => real.close());

  it.each(ROUNDS)('release once (round %d)', async () => {
    const of = real.context.db;
    const before = (await walletOf(of, SELLER)).withdrawable;
    const order = await paidOrder(real, { autoConfirmAfterMs: 300 });
    // As close to the deadline as a test can aim.
    await until(() => Promise.resolve(Date.now() >= (order.releaseDueAt?.getTime() ?? 0) - 10));
    expect((await confirmOrder(real.context, order, BY_TEST)).status).toBe('completed');
    const released = await end(real, order);
    expect(['user:test', 'auto-confirm']).toContain(released.releasedBy);
    expect((await walletOf(of, SELLER)).withdrawable - before).toBe(10_000);
    expect((await timelineOf(of, order)).filter((type) => type === 'money.released')).toHaveLength(1);
  });

  it('M4 leave books that balance', async () => {
    expect(await proveLedger(real.context.db)).toMatchObject({ balanced: true });
  });
});

describe('the books', () => {
  it('M4 leave books that balance', async () => {
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
