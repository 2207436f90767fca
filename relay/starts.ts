import type { Client } from '@temporalio/client';
import { eq, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { outbox } from '../db/schema.js';
import { startOrderWorkflow } from './order-workflow.js';
import { comesRoundAgain } from './schedule.js';

/** Starts the workflow of an order that was committed, and notes that it is done. */
export async function deliverStart(db: Db, temporal: Client, orderNo: string): Promise<void> {
  crashPoint('start: before Temporal');
  await startOrderWorkflow(db, temporal, orderNo);
  crashPoint('start: Temporal has it');
  await db.update(outbox).set({ doneAt: new Date(), lastError: null }).where(eq(outbox.orderNo, orderNo));
}

/** Leases orders whose workflow is still to be started. Two relays never get the same one. */
export async function leaseStarts(db: Db, limit: number): Promise<string[]> {
  const rows = await db.execute<{ order_no: string }>(sql`
    UPDATE outbox SET attempts = attempts + 1, due_at = ${comesRoundAgain(outbox.attempts)}
     WHERE order_no IN (
       SELECT order_no FROM outbox WHERE done_at IS NULL AND due_at <= now()
        ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING order_no`);
  return rows.map((row) => row.order_no);
}
