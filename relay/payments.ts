import type { Client } from '@temporalio/client';
import { eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { addEvent } from '../db/orders.js';
import { inbox, outbox } from '../db/schema.js';
import { readArrived, receiveFromInbox } from '../ledger/receive.js';
import { signalPayment, startOrderWorkflow } from './order-workflow.js';
import { deliverStart } from './starts.js';

/**
 * Takes one verified payment to its order. The workflow's own activity posts it and marks the row as applied;
 * until then the row comes round again, and a repeat has no effect.
 */
export async function deliverPayment(db: Db, temporal: Client, inboxId: number): Promise<void> {
  const arrived = await readArrived(db, inboxId);
  if (arrived?.event.state !== 'pending') return;
  const { event, order } = arrived;
  // A wallet payment has moved its money already: only its workflow must still hear of it.
  if (order === null || (order.money !== 'unpaid' && event.channel !== 'wallet')) {
    await receiveFromInbox(db, inboxId);
    return;
  }
  if (await signalPayment(temporal, order.orderNo, inboxId)) return;
  await startAgain(db, temporal, order.orderNo);
  if (await signalPayment(temporal, order.orderNo, inboxId)) return;
  await db
    .update(inbox)
    .set({ lastError: `the workflow of ${order.orderNo} has ended` })
    .where(eq(inbox.id, inboxId));
}

/** The notification was faster than the start of its order's workflow, or somebody has terminated that. */
async function startAgain(db: Db, temporal: Client, orderNo: string): Promise<void> {
  const [row] = await db.select().from(outbox).where(eq(outbox.orderNo, orderNo));
  if (row?.doneAt === null) return deliverStart(db, temporal, orderNo);
  if (await startOrderWorkflow(db, temporal, orderNo, true)) {
    await addEvent(db, { orderNo, type: 'workflow.restarted', actor: 'system' });
  }
}

/** Leases payments that have not reached their order, by the same schedule as starts. */
export async function leasePayments(db: Db, limit: number): Promise<number[]> {
  const rows = await db.execute<{ id: string }>(sql`
    UPDATE inbox SET attempts = attempts + 1,
           due_at = now() + LEAST(interval '5s' * power(2, LEAST(attempts, 4)), interval '60s')
     WHERE id IN (
       SELECT id FROM inbox WHERE state = 'pending' AND due_at <= now()
        ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id`);
  return rows.map((row) => Number(row.id));
}
