/** The daily proof that our books equal a provider's: its bill is waited for, compared, and what differs pursued. */
import { WorkflowExecutionAlreadyStartedError, defineSearchAttributeKey } from '@temporalio/common';
import { ActivityFailure, continueAsNew, log, sleep, startChild, workflowInfo } from '@temporalio/workflow';
import {
  BILL_WITHIN_MS,
  DAY_MS,
  chinaDayOf,
  dayBeside,
  dayStartMs,
  gapBeforeLookMs,
  reconciliationId,
} from '../domain/reconciliation.js';
import {
  type DailyReconciliationInput,
  type ReconciliationInput,
  type ReconciliationOutcome,
  reconciliationWorkflowId,
} from './contract.js';
import { bills, books, doubts } from './proxies.js';

/** A payment that the channel has confirmed is in the books within seconds, unless its order cannot go on just now. */
const LOOKS_AT_BOOKS = 30;
const BETWEEN_LOOKS_MS = 10_000;

export async function reconciliation(input: ReconciliationInput): Promise<ReconciliationOutcome> {
  const id = reconciliationId(input.channel, input.date);
  const run = input.asking?.run ?? (await books.beginReconciliation(input));
  if (input.asking === undefined) {
    const trouble = await bill(id, input.date);
    if (trouble !== null) {
      await books.giveUpReconciliation({ id, error: trouble });
      return 'failed';
    }
    await books.compareBill({ id, run, nowMs: Date.now() });
  }
  await pursueMissing(id, { ...input, asking: { run } });
  await books.endReconciliation({ id });
  return 'completed';
}

/** Waits for the bill, for days if need be. @returns why there is none to be had */
async function bill(id: string, date: string): Promise<{ code: string; message: string } | null> {
  const dayEndMs = dayStartMs(date) + DAY_MS;
  const startedMs = Date.now();
  for (let looks = 0; ; looks++) {
    const found = await bills.fetchBill({ id });
    if (found.state === 'staged') return null;
    // One that was asked for long afterwards is waited for as well.
    const isTooLate = Date.now() >= Math.max(dayEndMs, startedMs) + BILL_WITHIN_MS;
    if (found.state === 'never' || isTooLate) return found.error;
    await sleep(gapBeforeLookMs(looks), { summary: 'waits for the bill' });
  }
}

/** What the bill has and our books have not: the channel is asked, and what it confirms takes its usual way. */
async function pursueMissing(
  id: string,
  input: ReconciliationInput & { asking: { run: number } },
): Promise<void> {
  try {
    while (await doubts.askAboutMissing({ id, run: input.asking.run })) {
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof reconciliation>(input);
    }
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    log.warn('the channel gave no answer about all that is missing here', { id, error: String(error) });
  }
  for (let look = 0; (await books.settleMissing({ id })) > 0 && look < LOOKS_AT_BOOKS; look++) {
    await sleep(BETWEEN_LOOKS_MS, { summary: 'waits for the books' });
  }
}

const SCHEDULED_AT = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/** What a channel's schedule starts: yesterday's, as it was in China at the time that the start was due. */
export async function dailyReconciliation({ channel }: DailyReconciliationInput): Promise<string> {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const dueAt = typedSearchAttributes.get(SCHEDULED_AT) ?? startTime;
  const date = dayBeside(chinaDayOf(dueAt.getTime()), -1);
  try {
    await startChild('reconciliation', {
      workflowId: reconciliationWorkflowId(channel, date),
      args: [{ channel, date, by: 'schedule' } satisfies ReconciliationInput],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      // It may take days, and is nobody's to end.
      parentClosePolicy: 'ABANDON',
      staticSummary: `${channel} of ${date}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    log.info('an operator was faster', { channel, date });
  }
  return date;
}
