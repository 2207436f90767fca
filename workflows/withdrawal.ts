/**
 * One withdrawal on its way to its receiver: posted to its provider, asked about until its end is known. The provider's
 * answer is booked by the activity that asked; an answer that nobody knows moves nothing (promise M9).
 */
import { CancellationScope, condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import { isUnderWay } from '../domain/withdrawals.js';
import { type WithdrawalInput, type WithdrawalOutcome, payoutHint } from './contract.js';
import { payouts } from './proxies.js';

const SECOND_MS = 1_000;
const LONGEST_GAP_MS = 600 * SECOND_MS;

export async function withdrawal(input: WithdrawalInput): Promise<WithdrawalOutcome> {
  // Money on its way cannot be called back by "Request Cancellation" in Temporal's UI.
  return CancellationScope.nonCancellable(() => seeThrough(input));
}

async function seeThrough({ withdrawalId, asked = 0 }: WithdrawalInput): Promise<WithdrawalOutcome> {
  let hinted = false;
  setHandler(payoutHint, () => {
    hinted = true;
  });
  let isOverdue = false;
  for (let tries = asked; ; tries++) {
    hinted = false;
    const { status, receiverUntilMs } = await payouts.drivePayout({ withdrawalId, nowMs: Date.now() });
    if (!isUnderWay(status)) return status;
    const leftMs = receiverUntilMs === null ? LONGEST_GAP_MS : receiverUntilMs - Date.now();
    if (leftMs <= 0 && !isOverdue) {
      // It was called back, or there is no calling back: what became of it shows soon.
      isOverdue = true;
      tries = 0;
    }
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof withdrawal>({ withdrawalId, asked: tries });
    }
    const gapMs = Math.min(2 * SECOND_MS * 2 ** tries, LONGEST_GAP_MS);
    const summary = leftMs > 0 && leftMs < gapMs ? 'the receiver has until then' : 'asks again';
    // A provider's notification shortens the wait; a hint that came while we asked counts too.
    await condition(() => hinted, leftMs > 0 ? Math.min(gapMs, leftMs) : gapMs, { summary });
  }
}
