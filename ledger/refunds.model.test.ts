/** Random lives of orders with refunds, against a small model of the rules, as the application's own role. */
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fen, feeOf } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { account, paymentPosting, releasePosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import { proveLedger, walletOf } from './balances.js';
import { post } from './post.js';
import { failRefund, settleRefund } from './refund-ends.js';
import { approveRefund, rejectRefund, requestRefund } from './refunds.js';

const FEE_BPS = 333;
const AMOUNT = 1_000;

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
});
afterAll(() => database.close());

const newId = (): string => randomBytes(12).toString('hex');

/** What is known of one order, and of its seller. */
interface Model {
  money: 'held' | 'released';
  left: number;
  hold: number;
  onItsWay: number;
  open: null | { id: string; amount: number; status: 'requested' | 'processing'; source: 'hold' | 'seller' };
  /** The seller's withdrawable, less the debt. */
  seller: number;
  ended: string[];
}

interface Real {
  order: OrderRow;
  sellerId: string;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

const verdict = () => ({ by: 'user:operator', reason: 'looked into', nowMs: Date.now() });
const feeOn = (left: number): number => feeOf(fen(left), FEE_BPS);

abstract class Step implements fc.AsyncCommand<Model, Real> {
  check(): boolean {
    return true;
  }
  abstract run(model: Model, real: Real): Promise<void>;
  abstract toString(): string;
}

class Ask extends Step {
  readonly amount: number | null;
  constructor(amount: number | null) {
    super();
    this.amount = amount;
  }
  async run(model: Model, { order }: Real): Promise<void> {
    const id = newId();
    const amount = this.amount ?? model.left;
    const possible = model.open === null && amount >= 1 && amount <= model.left;
    const wish = {
      refundId: id,
      orderNo: order.orderNo,
      amountFen: this.amount as Fen | null,
      reason: 'x',
      by: 'user:test',
      windowMs: 3_600_000,
      nowMs: Date.now(),
    };
    expect(await codeOf(requestRefund(db, wish))).toBe(possible ? 'done' : 'refund_not_possible');
    if (!possible) return;
    model.open = { id, amount, status: 'requested', source: model.money === 'held' ? 'hold' : 'seller' };
    expect(await codeOf(requestRefund(db, wish))).toBe('done');
  }
  toString(): string {
    return `ask(${this.amount ?? 'all'})`;
  }
}

class Release extends Step {
  async run(model: Model, { order, sellerId }: Real): Promise<void> {
    if (model.money === 'released') return;
    const amountFen = fen(model.left);
    const { orderNo } = order;
    const by = 'auto-confirm';
    const work = post(
      db,
      releasePosting({ orderNo, sellerId, amountFen, feeBps: FEE_BPS, by, atMs: Date.now() }),
    );
    expect(await codeOf(work)).toBe(model.open === null ? 'done' : 'state_conflict');
    if (model.open !== null) return;
    model.money = 'released';
    model.seller += model.left - feeOn(model.left);
    model.hold = 0;
  }
  toString(): string {
    return 'release';
  }
}

class Approve extends Step {
  async run(model: Model): Promise<void> {
    const { open } = model;
    if (open === null) return;
    expect(await codeOf(approveRefund(db, open.id, verdict()))).toBe('done');
    if (open.status === 'processing') return;
    open.status = 'processing';
    model.onItsWay = open.amount;
    if (open.source === 'hold') model.hold -= open.amount;
    else model.seller -= open.amount - (feeOn(model.left) - feeOn(model.left - open.amount));
  }
  toString(): string {
    return 'approve';
  }
}

class Reject extends Step {
  async run(model: Model): Promise<void> {
    const { open } = model;
    if (open === null) return;
    const expected = open.status === 'requested' ? 'done' : 'refund_decided';
    expect(await codeOf(rejectRefund(db, open.id, verdict()))).toBe(expected);
    if (open.status !== 'requested') return;
    model.ended.push(open.id);
    model.open = null;
  }
  toString(): string {
    return 'reject';
  }
}

class Settle extends Step {
  async run(model: Model): Promise<void> {
    const { open } = model;
    if (open === null) return;
    const done = { providerRefundNo: open.id, settledAtMs: Date.now(), nowMs: Date.now() };
    const possible = open.status === 'processing';
    expect(await codeOf(settleRefund(db, open.id, done))).toBe(possible ? 'done' : 'state_conflict');
    if (!possible) return;
    expect(await codeOf(settleRefund(db, open.id, done))).toBe('done');
    model.left -= open.amount;
    model.onItsWay = 0;
    if (model.left === 0) model.money = 'released';
    model.ended.push(open.id);
    model.open = null;
  }
  toString(): string {
    return 'settle';
  }
}

class Fail extends Step {
  async run(model: Model): Promise<void> {
    const { open } = model;
    if (open?.status !== 'processing') return;
    const failure = { error: { code: 'channel_refused', message: 'no' }, nowMs: Date.now() };
    expect(await codeOf(failRefund(db, open.id, failure))).toBe('done');
    expect(await codeOf(failRefund(db, open.id, failure))).toBe('done');
    model.onItsWay = 0;
    if (open.source === 'hold') model.hold += open.amount;
    else model.seller += open.amount - (feeOn(model.left) - feeOn(model.left - open.amount));
    model.ended.push(open.id);
    model.open = null;
  }
  toString(): string {
    return 'fail';
  }
}

class Spend extends Step {
  readonly amount: number;
  constructor(amount: number) {
    super();
    this.amount = amount;
  }
  async run(model: Model, { order, sellerId }: Real): Promise<void> {
    const work = post(db, chargePosting(newId(), sellerId, fen(this.amount), order.orderNo));
    const withdrawable = Math.max(0, model.seller);
    expect(await codeOf(work)).toBe(this.amount <= withdrawable ? 'done' : 'insufficient_funds');
    if (this.amount <= withdrawable) model.seller -= this.amount;
  }
  toString(): string {
    return `spend(${this.amount})`;
  }
}

/** What has ended stays as it ended. */
class Again extends Step {
  async run(model: Model): Promise<void> {
    const [id] = model.ended;
    if (id === undefined) return;
    const done = { providerRefundNo: id, settledAtMs: Date.now(), nowMs: Date.now() };
    const codes = [await codeOf(settleRefund(db, id, done)), await codeOf(rejectRefund(db, id, verdict()))];
    expect(codes.filter((code) => code === 'done').length).toBeLessThanOrEqual(1);
  }
  toString(): string {
    return 'again';
  }
}

async function balanceOf(name: string): Promise<number> {
  const [row] = await db.execute<{ balance: string }>(
    sql`SELECT balance FROM balances WHERE account = ${name}`,
  );
  return Number(row?.balance ?? 0);
}

async function start(): Promise<{ model: Model; real: Real }> {
  const [buyerId, sellerId] = [newId(), newId()];
  await addUsers(db, buyerId, sellerId);
  const order = await insertOrder(db, { buyerId, sellerId, amount: AMOUNT, feeBps: FEE_BPS });
  const payment = await openAttempt(db, order);
  const at = Date.now();
  const received = {
    paymentId: payment.id,
    channel: 'alipay' as const,
    providerTradeNo: order.orderNo,
    inboxId: null,
    paidAtMs: at,
    receivedAtMs: at,
  };
  await post(db, paymentPosting({ ...order, amountFen: fen(AMOUNT) }, received));
  const model: Model = {
    money: 'held',
    left: AMOUNT,
    hold: AMOUNT,
    onItsWay: 0,
    open: null,
    seller: 0,
    ended: [],
  };
  return { model, real: { order, sellerId } };
}

async function assertEqual(model: Model, { order, sellerId }: Real): Promise<void> {
  expect(await orderByNo(db, order.orderNo)).toMatchObject({
    money: model.money,
    refunded: AMOUNT - model.left,
    refundOpen: model.open !== null,
  });
  expect(await balanceOf(account.hold(order.orderNo))).toBe(model.hold);
  if (model.open !== null) expect(await balanceOf(account.refunding(model.open.id))).toBe(model.onItsWay);
  const { withdrawable } = await walletOf(db, sellerId);
  const debt = await balanceOf(account.debt(sellerId));
  expect(withdrawable - debt).toBe(model.seller);
  // Who owes has nothing, and who has something owes nothing.
  expect(Math.min(withdrawable, debt)).toBe(0);
}

describe('M1 M3 M4 M6 any life of an order with refunds', () => {
  it('leaves what the rules say, and the books balance', async () => {
    const amount = fc.integer({ min: 0, max: AMOUNT + 1 });
    const commands: fc.Arbitrary<Iterable<fc.AsyncCommand<Model, Real>>> = fc.commands(
      [
        fc.oneof(fc.constant(null), amount).map((asked) => new Ask(asked)),
        fc.constant(new Release()),
        fc.constant(new Approve()),
        fc.constant(new Reject()),
        fc.constant(new Settle()),
        fc.constant(new Fail()),
        fc.constant(new Again()),
        fc.integer({ min: 1, max: AMOUNT }).map((spent) => new Spend(spent)),
      ] satisfies fc.Arbitrary<Step>[],
      { maxCommands: 25 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const { model, real } = await start();
        await fc.asyncModelRun(() => ({ model, real }), steps);
        await assertEqual(model, real);
      }),
      { numRuns: 300 },
    );
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
