/** Withdrawals: their workflows started and told, and a question about one that was paid. */
import type { Client } from '@temporalio/client';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { PayoutRequest, PayoutState } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { withdrawals } from '../db/schema.js';
import { type WithdrawalRow, payoutRequestOf, withdrawalById } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { fen, toYuan } from '../domain/money.js';
import { UNDER_WAY, isUnderWay } from '../domain/withdrawals.js';
import { bounceWithdrawal } from '../ledger/withdrawal-ends.js';
import {
  WITHDRAWAL_WORKFLOW,
  type WithdrawalInput,
  payoutHint,
  withdrawalWorkflowId,
} from '../workflows/contract.js';
import { comesRoundAgain } from './schedule.js';
import { startOnce, tell } from './workflows.js';

// One that is under way is looked at again this much later: somebody may have terminated its workflow.
const LOOK_AGAIN_MS = 600_000;
// One whose provider did not tell whether it came back is asked about soon, and then ever more seldom.
const ASK_AGAIN_MS = 5_000;

/**
 * Starts the workflow of a withdrawal that was approved, once. Where somebody has terminated its last run another one
 * goes on: the provider knows the payout by its number, so it is made once.
 */
export async function startWithdrawal(db: Db, temporal: Client, withdrawalId: string): Promise<void> {
  const { status, amount, channel } = await withdrawalById(db, withdrawalId);
  if (!isUnderWay(status)) return;
  crashPoint('payout start: before Temporal');
  await startOnce(temporal, WITHDRAWAL_WORKFLOW, {
    workflowId: withdrawalWorkflowId(withdrawalId),
    // A run that came to its end is never followed by another.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    args: [{ withdrawalId } satisfies WithdrawalInput],
    staticSummary: `withdrawal of ${toYuan(fen(amount))} yuan by ${channel}`,
  });
  crashPoint('payout start: Temporal has it');
  await db
    .update(withdrawals)
    .set({ startDueAt: new Date(Date.now() + LOOK_AGAIN_MS), startAttempts: 0 })
    .where(and(eq(withdrawals.id, withdrawalId), inArray(withdrawals.status, [...UNDER_WAY])));
}

/** A hint is worth nothing to a withdrawal whose workflow has ended: what was paid is looked after in SQL. */
export async function hintPayout(temporal: Client, withdrawalId: string): Promise<void> {
  await tell(temporal, withdrawalWorkflowId(withdrawalId), payoutHint);
}

export interface WithdrawalParts {
  db: Db;
  temporal: Client;
  channels: Channels;
  publicUrl: string;
}

/** What is due for a withdrawal: the start of its workflow, or a question whether it came back after it was paid. */
export async function deliverWithdrawal(parts: WithdrawalParts, withdrawalId: string): Promise<void> {
  const row = await withdrawalById(parts.db, withdrawalId);
  if (row.status === 'paid') await askWhetherItCameBack(parts, row);
  else await startWithdrawal(parts.db, parts.temporal, withdrawalId);
}

async function askWhetherItCameBack({ db, channels, publicUrl }: WithdrawalParts, row: WithdrawalRow) {
  const found = await answerAbout(channels, payoutRequestOf(row, publicUrl), row);
  // Of money that was paid a bank's "no" says only that it is ours again.
  if (found.state === 'bounced' || found.state === 'failed') {
    const error = {
      code: 'channel_refused',
      message: `the provider says ${found.providerStatus}: ${found.message}`,
    };
    await bounceWithdrawal(db, row.id, { error, nowMs: Date.now() });
    crashPoint('payout: bounced');
    return;
  }
  const gapMs = Math.min(ASK_AGAIN_MS * 2 ** row.startAttempts, LOOK_AGAIN_MS);
  // Only what was due when we asked: news that came meanwhile are due still.
  await db
    .update(withdrawals)
    .set(
      found.state === 'paid'
        ? { startDueAt: null, startAttempts: 0 }
        : { startDueAt: new Date(Date.now() + gapMs) },
    )
    .where(
      and(
        eq(withdrawals.id, row.id),
        eq(withdrawals.status, 'paid'),
        eq(withdrawals.startAttempts, row.startAttempts),
      ),
    );
}

async function answerAbout(
  channels: Channels,
  request: PayoutRequest,
  { channel }: WithdrawalRow,
): Promise<PayoutState> {
  try {
    const state = await channelNamed(channels, channel).queryPayout?.(request);
    return state ?? { state: 'unknown', providerStatus: 'cannot be asked' };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'channel_unknown_outcome') throw error;
    return { state: 'unknown', providerStatus: error.message };
  }
}

/** Leases withdrawals for which something is due. Two relays never get the same one. */
export async function leaseWithdrawals(db: Db, limit: number): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    UPDATE withdrawals SET start_attempts = start_attempts + 1,
           start_due_at = ${comesRoundAgain(withdrawals.startAttempts)}
     WHERE id IN (
       SELECT id FROM withdrawals WHERE start_due_at <= now()
        ORDER BY start_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id`);
  return rows.map((row) => row.id);
}
