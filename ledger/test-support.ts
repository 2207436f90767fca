/** Orders that are paid and refunds of them, in a database of the test file's own; the proof is checked at its end. */
import { randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Db } from '../db/client.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { orderEvents, orders } from '../db/schema.js';
import { type Fen, fen } from '../domain/money.js';
import type { PaymentChannel } from '../domain/order.js';
import { paymentPosting, releasePosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import { proveLedger } from './balances.js';
import { post } from './post.js';
import { failRefund, settleRefund } from './refund-ends.js';
import { type RefundRow } from '../db/refunds.js';
import { approveRefund, rejectRefund, requestRefund } from './refunds.js';

const HOUR_MS = 3_600_000;
export const WINDOW_MS = 7 * 24 * HOUR_MS;

export let database: TestDatabase;
export let db: Db;
beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

export const newId = (): string => randomBytes(12).toString('hex');

export interface Case {
  order: OrderRow;
  buyerId: string;
  sellerId: string;
  paidAtMs: number;
}

/** An order of people of its own, paid now. */
export async function paid(
  change: Partial<typeof orders.$inferInsert> = {},
  channel: PaymentChannel = 'alipay',
  prepare: (people: { buyerId: string; sellerId: string }) => Promise<void> = () => Promise.resolve(),
): Promise<Case> {
  const [buyerId, sellerId] = [newId(), newId()];
  await addUsers(db, buyerId, sellerId);
  await prepare({ buyerId, sellerId });
  const isSold = change.kind === 'topup' || change.kind === 'package';
  const order = await insertOrder(db, { buyerId, sellerId: isSold ? null : sellerId, ...change });
  const payment = await openAttempt(db, order);
  if (channel === 'wallet') {
    await db.execute(sql`UPDATE payments SET channel = 'wallet', scene = NULL WHERE id = ${payment.id}`);
  }
  const paidAtMs = Date.now();
  const received = {
    paymentId: payment.id,
    channel,
    providerTradeNo: channel === 'wallet' ? null : `trade-${order.orderNo}`,
    inboxId: null,
    paidAtMs,
    receivedAtMs: paidAtMs,
  };
  await post(db, paymentPosting({ ...order, amountFen: fen(order.amount) }, received));
  return { order: await orderByNo(db, order.orderNo), buyerId, sellerId, paidAtMs };
}

export async function release({ order, sellerId }: Case, refunded = 0): Promise<void> {
  const amountFen = fen(order.amount - refunded);
  const { orderNo, feeBps } = order;
  await post(db, releasePosting({ orderNo, sellerId, amountFen, feeBps, by: 'test', atMs: Date.now() }));
}

export function ask(
  { order, paidAtMs }: Case,
  amount: number | null = null,
  change: { refundId?: string; nowMs?: number } = {},
): Promise<RefundRow> {
  return requestRefund(db, {
    refundId: newId(),
    orderNo: order.orderNo,
    amountFen: amount === null ? null : (amount as Fen),
    reason: 'no lesson',
    by: 'user:test',
    windowMs: WINDOW_MS,
    nowMs: paidAtMs + HOUR_MS,
    ...change,
  });
}

const verdict = (nowMs = Date.now()) => ({ by: 'user:operator', reason: 'looked into', nowMs });
export const approve = ({ id }: RefundRow): Promise<RefundRow> => approveRefund(db, id, verdict());
export const reject = ({ id }: RefundRow, nowMs?: number): Promise<RefundRow> =>
  rejectRefund(db, id, verdict(nowMs));
export const settle = ({ id }: RefundRow): Promise<RefundRow> =>
  settleRefund(db, id, { providerRefundNo: `p-${id}`, settledAtMs: Date.now(), nowMs: Date.now() });
export const fail = ({ id }: RefundRow): Promise<RefundRow> =>
  failRefund(db, id, { error: { code: 'channel_refused', message: 'no' }, nowMs: Date.now() });

export async function refunded(given: Case, amount: number | null = null): Promise<RefundRow> {
  return settle(await approve(await ask(given, amount)));
}

export const now = ({ order }: Case): Promise<OrderRow> => orderByNo(db, order.orderNo);

export async function balanceOf(name: string): Promise<number> {
  const [row] = await db.execute<{ balance: string }>(
    sql`SELECT balance FROM balances WHERE account = ${name}`,
  );
  return Number(row?.balance ?? 0);
}

export async function platform(name: string): Promise<number> {
  return (await proveLedger(db)).accounts.find((row) => row.account === name)?.balance ?? 0;
}

export const eventsOf = async ({ order }: Case): Promise<string[]> =>
  (
    await db.select().from(orderEvents).where(eq(orderEvents.orderNo, order.orderNo)).orderBy(orderEvents.id)
  ).map(({ type }) => type);
