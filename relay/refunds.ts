import type { Client } from '@temporalio/client';
import { and, eq, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { refunds } from '../db/schema.js';
import { refundById } from '../db/refunds.js';
import { REFUND_WORKFLOW, type RefundInput, refundHint, refundWorkflowId } from '../workflows/contract.js';
import { comesRoundAgain } from './schedule.js';
import { startOnce, tell } from './workflows.js';

// A refund that is under way is looked at again this much later: somebody may have terminated its workflow.
const WATCH_AGAIN_MS = 600_000;

/**
 * Starts the workflow of a refund that was approved, once. Where somebody has terminated its last run another one
 * goes on: the provider knows the refund by its number, so it is made once.
 */
export async function deliverRefund(db: Db, temporal: Client, refundId: string): Promise<void> {
  const refund = await refundById(db, refundId);
  if (refund.status !== 'processing') return;
  crashPoint('refund start: before Temporal');
  await startOnce(temporal, REFUND_WORKFLOW, {
    workflowId: refundWorkflowId(refundId),
    // A run that came to its end is never followed by another.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    args: [{ refundId, orderNo: refund.source === 'hold' ? refund.orderNo : null } satisfies RefundInput],
    staticSummary: `refund ${refundId}`,
  });
  crashPoint('refund start: Temporal has it');
  await db
    .update(refunds)
    .set({ startDueAt: new Date(Date.now() + WATCH_AGAIN_MS), startAttempts: 0 })
    .where(and(eq(refunds.id, refundId), eq(refunds.status, 'processing')));
}

/** A hint is worth nothing to a refund that has ended. */
export async function hintRefund(temporal: Client, refundId: string): Promise<void> {
  await tell(temporal, refundWorkflowId(refundId), refundHint);
}

/** Leases refunds whose workflow is still to be started, or to be looked at. */
export async function leaseRefunds(db: Db, limit: number): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    UPDATE refunds SET start_attempts = start_attempts + 1,
           start_due_at = ${comesRoundAgain(refunds.startAttempts)}
     WHERE id IN (
       SELECT id FROM refunds WHERE start_due_at <= now()
        ORDER BY start_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id`);
  return rows.map((row) => row.id);
}
