/** What an order's money becomes, by its kind and by who pays. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import type { Db } from '../../db/client.js';
import { orderByNo } from '../../db/orders.js';
import { inbox, settings } from '../../db/schema.js';
import { fen } from '../../domain/money.js';
import { type Wallet, proveLedger, walletOf } from '../../ledger/balances.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  PAY_PASSWORD,
  end,
  paidOrder,
  pay,
  setPayPassword,
  shopOrder,
  stepStatuses,
  timelineOf,
  unpaidOrder,
} from '../support/journeys.js';
import { addUsers, giveCash, newOrder } from '../support/world.js';

let flow: Flow;
let db: Db;
let pair = 0;
let people: { buyerId: string; sellerId: string };

beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
});
afterAll(() => flow.close());
beforeEach(async () => {
  pair += 1;
  people = { buyerId: `buyer${pair}`, sellerId: `seller${pair}` };
  await addUsers(db, people.buyerId, people.sellerId);
  await setPayPassword(db);
});

const buyer = (): Promise<Wallet> => walletOf(db, people.buyerId);
const seller = (): Promise<Wallet> => walletOf(db, people.sellerId);

async function platform(account: 'sales' | 'fees'): Promise<number> {
  const { accounts } = await proveLedger(db);
  return accounts.find((row) => row.account === `platform:${account}`)?.balance ?? 0;
}

async function setFee(basisPoints: number): Promise<void> {
  const value = { key: 'fee.platformBps', value: basisPoints, updatedBy: 'test' };
  await db.insert(settings).values(value).onConflictDoUpdate({ target: settings.key, set: value });
}

describe('a deal', () => {
  it('is held for the seller, then theirs', async () => {
    const order = await paidOrder(flow, people);
    expect([(await seller()).held, (await seller()).withdrawable]).toEqual([10_000, 0]);
    await end(flow, order);
    expect([(await seller()).held, (await seller()).withdrawable]).toEqual([0, 10_000]);
    expect((await buyer()).cash).toBe(0);
  });

  it('gives the platform its floored fee, as it was when the order was created', async () => {
    await setFee(250);
    const order = await unpaidOrder(flow, { ...people, amountFen: fen(9_999) });
    await setFee(10_000);
    const before = await platform('fees');
    await pay(flow, order);
    await setFee(0);
    await end(flow, order);
    // 2.5 % of 99.99 yuan is 249.975 fen.
    expect([(await seller()).withdrawable, (await platform('fees')) - before]).toEqual([9_750, 249]);
  });
});

describe('a course', () => {
  it('is held like a deal, without a chat, and released by time', async () => {
    const order = await paidOrder(flow, { kind: 'course', ...people });
    expect(order).toMatchObject({ money: 'held', chatClosesAt: null });
    expect(await end(flow, order)).toMatchObject({ status: 'completed', releasedBy: 'auto-confirm' });
    expect((await seller()).withdrawable).toBe(10_000);
  });
});

describe('a topup', () => {
  it('is the payer’s own cash at once', async () => {
    const order = await paidOrder(flow, { kind: 'topup', buyerId: people.buyerId });
    expect(order).toMatchObject({ status: 'completed', money: 'released', releasedBy: 'payment' });
    expect(await buyer()).toEqual({ cash: 10_000, withdrawable: 0, held: 0, frozen: 0 });
    await end(flow, order);
  });

  it('is completed when its chain is', async () => {
    const id = await shopOrder(flow, 4_000, people.buyerId);
    const order = await paidOrder(flow, {
      kind: 'topup',
      buyerId: people.buyerId,
      nextAction: { type: 0, id },
    });
    expect(await end(flow, order)).toMatchObject({ status: 'completed', chain: 'done' });
    expect((await buyer()).cash).toBe(6_000);
  });

  it('is not paid from the wallet that it fills', async () => {
    const order = await unpaidOrder(flow, { kind: 'topup', buyerId: people.buyerId });
    expect(await refusalOf(payFromWallet(flow.context, order, PAY_PASSWORD))).toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('a package', () => {
  it.each([
    ['without a chain', false],
    ['with a chain', true],
  ])('is the platform’s sale at payment, %s', async (_what, chained) => {
    await giveCash(db, people.buyerId, 500);
    const before = await platform('sales');
    const nextAction = chained ? { type: 0, id: await shopOrder(flow, 500, people.buyerId) } : null;
    const order = await paidOrder(flow, { kind: 'package', buyerId: people.buyerId, nextAction });
    expect(order).toMatchObject({ money: 'released', status: 'completed' });
    expect((await platform('sales')) - before).toBe(chained ? 10_500 : 10_000);
    await end(flow, order);
  });
});

describe('a free order', () => {
  it('is paid as it is created, without a provider, and runs its actions', async () => {
    await giveCash(db, people.buyerId, 30);
    const nextAction = { type: 0, id: await shopOrder(flow, 30, people.buyerId) };
    await flow.readClock();
    const order = await newOrder(flow.context, { ...people, amountFen: fen(0), nextAction });
    expect(order).toMatchObject({ status: 'paid', money: 'held', captured: 0, paidChannel: null });
    await flow.settled(order.orderNo);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    expect(await end(flow, order)).toMatchObject({ status: 'completed' });
    expect([(await buyer()).cash, (await seller()).withdrawable]).toEqual([0, 0]);
  });

  it('takes no payment', async () => {
    const order = await newOrder(flow.context, { ...people, amountFen: fen(0) });
    expect(await refusalOf(payFromWallet(flow.context, order, PAY_PASSWORD))).toMatchObject({
      code: 'order_not_payable',
    });
  });
});

describe('a payment from the wallet', () => {
  async function paidFromWallet(cash: number) {
    await giveCash(db, people.buyerId, cash);
    await flow.readClock();
    const order = await newOrder(flow.context, people);
    await flow.settled(order.orderNo);
    return { order, payment: await payFromWallet(flow.context, order, PAY_PASSWORD) };
  }

  it('holds the money before it answers, and the workflow hears of it', async () => {
    const { order, payment } = await paidFromWallet(10_000);
    expect(payment).toMatchObject({ channel: 'wallet', status: 'paid', outTradeNo: order.orderNo });
    expect(await orderByNo(db, order.orderNo)).toMatchObject({ money: 'held', paidChannel: 'wallet' });
    expect([(await buyer()).cash, (await seller()).held]).toEqual([0, 10_000]);
    await flow.context.inline.drain();
    await flow.settled(order.orderNo);
    const [row] = await db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo));
    expect(row).toMatchObject({ state: 'applied', source: 'wallet' });
    expect(await flow.workflow(order.orderNo).query('state')).toMatchObject({ money: 'held' });
    expect(await timelineOf(db, order)).toEqual(['order.created', 'payment.received', 'order.paid']);
    await end(flow, order);
  });

  it('M5 answers a repeat with the first payment, and moves nothing', async () => {
    const { order, payment } = await paidFromWallet(20_000);
    await flow.context.inline.drain();
    const repeat = await payFromWallet(flow.context, await orderByNo(db, order.orderNo), PAY_PASSWORD);
    expect(repeat.id).toBe(payment.id);
    expect((await buyer()).cash).toBe(10_000);
    await end(flow, order);
  });

  it('M5 counts once when it is asked for five times at once', async () => {
    await giveCash(db, people.buyerId, 50_000);
    await flow.readClock();
    const order = await newOrder(flow.context, people);
    await flow.settled(order.orderNo);
    const calls = Array.from({ length: 5 }, () => payFromWallet(flow.context, order, PAY_PASSWORD));
    const answers = await Promise.allSettled(calls);
    const ids = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.id] : []));
    expect(new Set(ids).size).toBe(1);
    expect((await buyer()).cash).toBe(40_000);
    await flow.context.inline.drain();
    await end(flow, order);
  });

  it('hears of too little money at once, and can be tried again', async () => {
    await giveCash(db, people.buyerId, 9_999);
    await flow.readClock();
    const order = await newOrder(flow.context, people);
    await flow.settled(order.orderNo);
    expect(await refusalOf(payFromWallet(flow.context, order, PAY_PASSWORD))).toMatchObject({
      code: 'insufficient_funds',
    });
    expect(await orderByNo(db, order.orderNo)).toEqual(order);
    await giveCash(db, people.buyerId, 1);
    expect((await payFromWallet(flow.context, order, PAY_PASSWORD)).outTradeNo).toBe(order.orderNo);
    await flow.context.inline.drain();
    await end(flow, order);
  });

  it('S3 with a wrong password moves nothing', async () => {
    await giveCash(db, people.buyerId, 10_000);
    const order = await newOrder(flow.context, people);
    expect(await refusalOf(payFromWallet(flow.context, order, 'wrong-password'))).toMatchObject({
      code: 'wrong_password',
    });
    expect((await buyer()).cash).toBe(10_000);
  });
});
