/** Rows of refunds, as everything that happens to their money locks, reads and writes them. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { type RefundRow, refundById } from '../db/refunds.js';
import { refunds } from '../db/schema.js';
import { fen } from '../domain/money.js';
import type { Standing } from '../domain/order.js';
import type { OrderPatch } from '../domain/postings.js';
import type { Refund } from '../domain/refund-postings.js';

/** The inline start after the commit has this long before the relay takes the row up. */
export const INLINE_START_MS = 10_000;

export async function lockOrder(tx: Db, orderNo: string): Promise<OrderRow> {
  await tx.execute(sql`SELECT 1 FROM orders WHERE order_no = ${orderNo} FOR NO KEY UPDATE`);
  return orderByNo(tx, orderNo);
}

export async function lockRefund(tx: Db, refundId: string): Promise<RefundRow> {
  const found = await refundById(tx, refundId);
  // The order's row comes first in every money transaction.
  if (found.orderNo !== null) await lockOrder(tx, found.orderNo);
  await tx.execute(sql`SELECT 1 FROM refunds WHERE id = ${refundId} FOR UPDATE`);
  return refundById(tx, refundId);
}

export async function storeRefund(tx: Db, refundId: string, change: Partial<RefundRow>): Promise<RefundRow> {
  const [stored] = await tx.update(refunds).set(change).where(eq(refunds.id, refundId)).returning();
  if (stored === undefined) throw new Error('a refund vanished');
  return stored;
}

/** The order whose own money it is; null for money that came late or twice, or fitted no order. */
export async function moneysOrder(tx: Db, { orderNo, source }: RefundRow): Promise<OrderRow | null> {
  return orderNo === null || source === 'suspense' ? null : orderByNo(tx, orderNo);
}

/** @param order the order whose own money it is */
export function refundOf(row: RefundRow, order: OrderRow | null): Refund {
  if (row.source === null) throw new Error('a refund that is under way has its source');
  return {
    id: row.id,
    orderNo: order?.orderNo ?? null,
    source: row.source,
    amountFen: fen(row.amount),
    feeFen: fen(row.fee),
    sellerId: order?.sellerId ?? null,
    buyerId: order?.buyerId ?? null,
  };
}

/** The refund has ended: what is still held is released as much later as the refund kept it waiting (promise M8). */
export function resumed(order: OrderRow, refund: RefundRow, endedAtMs: number): OrderPatch {
  if (order.money !== 'held' || order.releaseDueAt === null) return { refundOpen: false };
  const keptMs = Math.max(0, endedAtMs - refund.createdAt.getTime());
  return {
    refundOpen: false,
    releaseDueAt: new Date(order.releaseDueAt.getTime() + keptMs).toISOString(),
  };
}

const openOf = (orderNo: string) =>
  and(
    eq(refunds.orderNo, orderNo),
    inArray(refunds.status, ['requested', 'processing']),
    sql`${refunds.source} IS DISTINCT FROM 'suspense'`,
  );

export async function standingOf(db: Db, orderNo: string): Promise<Standing> {
  const order = await orderByNo(db, orderNo);
  const [open] = order.refundOpen
    ? await db.select({ id: refunds.id }).from(refunds).where(openOf(orderNo))
    : [];
  return {
    money: order.money,
    refundedFen: fen(order.refunded),
    openRefundId: open?.id ?? null,
    releaseDueAtMs: order.releaseDueAt?.getTime() ?? null,
  };
}
