/**
 * A membership that renews itself: it sleeps until a day before the level's end, has the next term paid for, and sleeps
 * again. What is due is PostgreSQL's to say: a level that was bought by hand meanwhile is renewed later, and a renewal
 * that was cancelled never again.
 */
import { CancellationScope, condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import { type MembershipInput, type MembershipOutcome, renewalChanged } from './contract.js';
import { ledger } from './proxies.js';

export async function membership(input: MembershipInput): Promise<MembershipOutcome> {
  // It is cancelled by a call, which PostgreSQL knows of, and not by "Request Cancellation" in Temporal's UI.
  return CancellationScope.nonCancellable(() => renewUntilEnded(input));
}

async function renewUntilEnded({ renewalId }: MembershipInput): Promise<MembershipOutcome> {
  let hasChanged = false;
  setHandler(renewalChanged, () => {
    hasChanged = true;
  });
  for (;;) {
    hasChanged = false;
    const { status, dueAtMs } = await ledger.renewMembership({ renewalId, nowMs: Date.now() });
    if (status !== 'active') return status;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof membership>({ renewalId });
    const waitMs = Math.max(1, dueAtMs - Date.now());
    await condition(() => hasChanged, waitMs, { summary: 'the next term is due' });
  }
}
