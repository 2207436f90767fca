/** Memberships that renew themselves: their workflows started, and told when one was cancelled. */
import type { Client } from '@temporalio/client';
import { and, eq, ne, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { renewalById } from '../db/memberships.js';
import { membershipRenewals } from '../db/schema.js';
import {
  MEMBERSHIP_WORKFLOW,
  type MembershipInput,
  membershipWorkflowId,
  renewalChanged,
} from '../workflows/contract.js';
import { comesRoundAgain } from './schedule.js';
import { startOnce, tell } from './workflows.js';

// One that should have been paid for by now is looked at this much later: somebody may have terminated its workflow.
const LOOK_AGAIN = sql`interval '10 minutes'`;

/** What is due for a renewal: the start of its workflow, or the news that it was cancelled. */
export async function deliverRenewal(db: Db, temporal: Client, renewalId: string): Promise<void> {
  const { status, levelId } = await renewalById(db, renewalId);
  const isThis = eq(membershipRenewals.id, renewalId);
  if (status !== 'active') {
    await tell(temporal, membershipWorkflowId(renewalId), renewalChanged);
    const isOver = and(isThis, ne(membershipRenewals.status, 'active'));
    await db.update(membershipRenewals).set({ startDueAt: null, startAttempts: 0 }).where(isOver);
    return;
  }
  crashPoint('renewal start: before Temporal');
  await startOnce(temporal, MEMBERSHIP_WORKFLOW, {
    workflowId: membershipWorkflowId(renewalId),
    // A run that came to its end is never followed by another.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    args: [{ renewalId } satisfies MembershipInput],
    staticSummary: `renews level ${levelId}`,
  });
  crashPoint('renewal start: Temporal has it');
  await db
    .update(membershipRenewals)
    .set({ startDueAt: sql`GREATEST(due_at, now()) + ${LOOK_AGAIN}`, startAttempts: 0 })
    .where(and(isThis, eq(membershipRenewals.status, 'active')));
}

/** Leases renewals for which something is due. Two relays never get the same one. */
export async function leaseRenewals(db: Db, limit: number): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    UPDATE membership_renewals SET start_attempts = start_attempts + 1,
           start_due_at = ${comesRoundAgain(membershipRenewals.startAttempts)}
     WHERE id IN (
       SELECT id FROM membership_renewals WHERE start_due_at <= now()
        ORDER BY start_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id`);
  return rows.map((row) => row.id);
}
