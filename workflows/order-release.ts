/** The chat window and the release: both counted from the payment, side by side, with one timer at a time. */
import { condition } from '@temporalio/workflow';
import { chatClosesAt, releasesAt } from '../domain/deadlines.js';
import { isHeldKind } from '../domain/order.js';
import { refundIsDue, takeOver, takeRefundStep } from './order-refunds.js';
import { type OrderProgress, change } from './progress.js';
import { ledger } from './proxies.js';
import { byWish } from './versions.js';

export async function chatWindowThenRelease(progress: OrderProgress): Promise<void> {
  const { input, paid } = progress;
  if (paid === null) throw new Error('only a paid order has a chat window');
  const chatClosesAtMs = chatClosesAt({ ...input, ...paid });
  progress.releasesAtMs = releasesAt({ ...input, ...paid });
  if (paid.standing !== undefined) takeOver(progress, paid.standing);
  progress.chatOpen = chatClosesAtMs !== null && isHeldKind(input.kind);

  while (progress.money === 'held' || progress.chatOpen || refundIsDue(progress)) {
    const now = Date.now();
    if (refundIsDue(progress)) await takeRefundStep(progress);
    else if (releaseIsDue(progress, now)) await release(progress);
    else if (progress.chatOpen && progress.chatClosedBy !== null) {
      await byWish().closeChat({ orderNo: input.orderNo, by: progress.chatClosedBy });
      progress.chatOpen = false;
    } else if (progress.chatOpen && now >= (chatClosesAtMs ?? 0)) {
      progress.chatOpen = false;
    } else {
      await nextDeadline(progress, chatClosesAtMs);
    }
  }
}

/** An open refund freezes the clock, and stops a confirmation too. */
function releaseIsDue(progress: OrderProgress, now: number): boolean {
  return isReleasable(progress) && (progress.confirmedBy !== null || now >= progress.releasesAtMs);
}

function isReleasable({ money, openRefundId }: OrderProgress): boolean {
  return money === 'held' && openRefundId === null;
}

async function release(progress: OrderProgress): Promise<void> {
  const { orderNo, sellerId, feeBps, autoConfirmAfterMs } = progress.input;
  const { releaseOrder } = progress.confirmedBy === null ? ledger : byWish();
  const overtakenBy = await releaseOrder({
    orderNo,
    // An order without a clock is an errand: who earns it may have been named anew since this workflow was started.
    sellerId: autoConfirmAfterMs === null ? null : sellerId,
    amountFen: (progress.paid?.amountFen ?? 0) - progress.refundedFen,
    refundedFen: progress.refundedFen,
    feeBps,
    by: progress.confirmedBy ?? 'auto-confirm',
  });
  // Histories from before refunds have no answer here, and were overtaken by nothing.
  if (overtakenBy) takeOver(progress, overtakenBy);
  else change(progress, { money: 'released' });
}

async function nextDeadline(progress: OrderProgress, chatClosesAtMs: number | null): Promise<void> {
  const release = isReleasable(progress) ? progress.releasesAtMs : null;
  const chat = progress.chatOpen ? chatClosesAtMs : null;
  const wakes = (): boolean =>
    refundIsDue(progress) ||
    (isReleasable(progress) && progress.confirmedBy !== null) ||
    (progress.chatOpen && progress.chatClosedBy !== null);
  // Where both fall together one timer serves both.
  const dueMs = Math.min(release ?? Infinity, chat ?? Infinity);
  // A dispute has no deadline of its own: it waits for a decision, not for a timer.
  if (dueMs === Infinity) return condition(wakes);
  const what = [chat === dueMs && 'chat window ends', release === dueMs && 'auto-confirm'];
  await condition(wakes, dueMs - Date.now(), { summary: what.filter(Boolean).join(', ') });
}
