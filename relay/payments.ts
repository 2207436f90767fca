import type { Client } from '@temporalio/client';
import { and, eq, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { inbox, orders, outbox, payments } from '../db/schema.js';
import { receiveFromInbox } from '../ledger/receive.js';
import { restartOrderWorkflow, signalPayment } from './order-workflow.js';
import { comesRoundAgain } from './schedule.js';
import { deliverStart } from './starts.js';

/** What decides where a payment goes. What it is worth is read, and checked, by whoever posts it. */
async function pendingPayment(db: Db, inboxId: number) {
  const [row] = await db
    .select({ state: inbox.state, channel: inbox.channel, orderNo: orders.orderNo, money: orders.money })
    .from(inbox)
    .leftJoin(payments, and(eq(payments.outTradeNo, inbox.outTradeNo), eq(payments.channel, inbox.channel)))
    .leftJoin(orders, eq(orders.orderNo, payments.orderNo))
    .where(eq(inbox.id, inboxId));
  return row?.state === 'pending' ? row : undefined;
}

/**
 * Takes one verified payment to its order. The workflow's own activity posts it and marks the row as applied;
 * until then the row comes round again, and a repeat has no effect.
 */
export async function deliverPayment(db: Db, temporal: Client, inboxId: number): Promise<void> {
  const payment = await pendingPayment(db, inboxId);
  if (payment === undefined) return;
  const { channel, orderNo, money } = payment;
  // A wallet payment has moved its money already: only its workflow must still hear of it.
  if (orderNo === null || (money !== 'unpaid' && channel !== 'wallet')) {
    await receiveFromInbox(db, inboxId);
    return;
  }
  await tellOrder(db, temporal, orderNo, inboxId);
}

/** Tells an order's workflow of a payment; what it is worth is that workflow's activity to find out. */
export async function tellOrder(db: Db, temporal: Client, orderNo: string, inboxId: number): Promise<void> {
  crashPoint('signal: before Temporal');
  if (await signalPayment(temporal, orderNo, inboxId)) {
    crashPoint('signal: Temporal has it');
    return;
  }
  await startAgain(db, temporal, orderNo);
  if (await signalPayment(temporal, orderNo, inboxId)) return;
  await db
    .update(inbox)
    .set({ lastError: `the workflow of ${orderNo} has ended` })
    .where(eq(inbox.id, inboxId));
}

/** The notification was faster than the start of its order's workflow, or somebody has terminated that. */
async function startAgain(db: Db, temporal: Client, orderNo: string): Promise<void> {
  const [row] = await db.select().from(outbox).where(eq(outbox.orderNo, orderNo));
  if (row?.doneAt === null) return deliverStart(db, temporal, orderNo);
  await restartOrderWorkflow(db, temporal, orderNo);
}

/** Leases payments that have not reached their order. Two relays never get the same one. */
export async function leasePayments(db: Db, limit: number): Promise<number[]> {
  const rows = await db.execute<{ id: string }>(sql`
    UPDATE inbox SET attempts = attempts + 1,
           due_at = ${comesRoundAgain(inbox.attempts)}
     WHERE id IN (
       SELECT id FROM inbox WHERE state = 'pending' AND due_at <= now()
        ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id`);
  return rows.map((row) => Number(row.id));
}

/** Temporal has the signal, and keeps it: a workflow that is only slow is not told every few seconds. */
export async function putOff(db: Db, inboxId: number): Promise<void> {
  await db
    .update(inbox)
    .set({ dueAt: sql`now() + interval '30s'` })
    .where(and(eq(inbox.id, inboxId), eq(inbox.state, 'pending')));
}
