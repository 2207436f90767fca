/** Reconciliations on demand. */
import type { Client } from '@temporalio/client';
import { type Channels, channelNamed } from '../channels/index.js';
import {
  type ChannelDay,
  type ReconciliationRow,
  changeRun,
  claimRun,
  findReconciliation,
} from '../db/reconciliations.js';
import { HoldfastError } from '../domain/errors.js';
import { isOver } from '../domain/reconciliation.js';
import { withDeadline } from '../temporal/connect.js';
import {
  RECONCILIATION_WORKFLOW,
  type ReconciliationInput,
  TASK_QUEUE,
  reconciliationWorkflowId,
} from '../workflows/contract.js';
import type { CommandContext } from './context.js';

const DEADLINE_MS = 5_000;

/**
 * Compares a day with its bill. While that is under way a repeat answers the same; afterwards it is compared again.
 * @throws HoldfastError `channel_not_configured`, `invalid_request`: the day is not over, or the channel has no bills;
 *   `unavailable`: Temporal does not answer, and a repeat starts it
 */
export async function requestReconciliation(
  { db, temporal, channels, now }: CommandContext,
  day: ChannelDay,
  by: string,
): Promise<ReconciliationRow> {
  assertHasBill(channels, day, now());
  const row = await claimRun(db, day, by);
  try {
    await start(temporal, { ...day, by });
  } catch (error) {
    const message = 'its workflow was not started; repeat the call';
    if (row.status === 'requested') {
      const told = { code: 'unavailable', message };
      await changeRun(db, row.id, { status: 'failed', error: told, endedAt: new Date() });
    }
    throw new HoldfastError('unavailable', { message, cause: error });
  }
  return row;
}

function assertHasBill(channels: Channels, { channel, date }: ChannelDay, nowMs: number): void {
  if (channelNamed(channels, channel).bill === undefined) {
    throw new HoldfastError('invalid_request', {
      message: `${channel} has no bills`,
      details: { field: 'channel', in: 'body' },
    });
  }
  if (isOver(date, nowMs)) return;
  throw new HoldfastError('invalid_request', {
    message: `date: ${date} is not over in China, and a provider makes the bill of a day after it`,
    details: { field: 'date', in: 'body' },
  });
}

/** One that runs is left alone; one that was ended by hand is followed by another. */
async function start(temporal: Client, input: ReconciliationInput): Promise<void> {
  const { channel, date } = input;
  await withDeadline(temporal, DEADLINE_MS, () =>
    temporal.workflow.start(RECONCILIATION_WORKFLOW, {
      workflowId: reconciliationWorkflowId(channel, date),
      taskQueue: TASK_QUEUE,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      args: [input],
      staticSummary: `${channel} of ${date}`,
    }),
  );
}

/** @throws HoldfastError `not_found` */
export async function reconciliationNamed({ db }: CommandContext, id: string): Promise<ReconciliationRow> {
  const row = await findReconciliation(db, id);
  if (row !== undefined) return row;
  throw new HoldfastError('not_found', { message: `there is no reconciliation ${id}` });
}
