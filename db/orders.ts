/** Rows of orders and what hangs on them, as several folders read them. */
import { and, eq, sql } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import type { Db } from './client.js';
import { actionSteps, orderEvents, orders, payments } from './schema.js';

export type OrderRow = typeof orders.$inferSelect;
export type PaymentRow = typeof payments.$inferSelect;
export type StepRow = typeof actionSteps.$inferSelect;

/** @throws HoldfastError `order_not_found` */
export async function orderByNo(db: Db, orderNo: string): Promise<OrderRow> {
  const [order] = await db.select().from(orders).where(eq(orders.orderNo, orderNo));
  if (order === undefined) throw new HoldfastError('order_not_found', { details: { orderNo } });
  return order;
}

/** @throws HoldfastError `step_not_found` */
export async function stepOf(db: Db, orderNo: string, path: string): Promise<StepRow> {
  const [step] = await db
    .select()
    .from(actionSteps)
    .where(and(eq(actionSteps.orderNo, orderNo), eq(actionSteps.path, path)));
  if (step === undefined) throw new HoldfastError('step_not_found', { details: { path } });
  return step;
}

/**
 * The chain's state follows from its steps, in the transaction that changes one of them. The order's row is locked
 * first, so that two steps cannot both see the other unfinished.
 */
export async function refreshChain(db: Db, orderNo: string): Promise<void> {
  await db.execute(sql`SELECT 1 FROM orders WHERE order_no = ${orderNo} FOR NO KEY UPDATE`);
  await db.execute(sql`
    UPDATE orders SET chain = (
      SELECT CASE
        WHEN bool_or(status = 'parked') THEN 'parked'
        WHEN bool_or(status IN ('pending', 'running')) THEN 'running'
        ELSE 'done'
      END FROM action_steps WHERE order_no = ${orderNo})
    WHERE order_no = ${orderNo}`);
}

export async function addEvent(db: Db, event: typeof orderEvents.$inferInsert): Promise<void> {
  await db.insert(orderEvents).values(event);
}
