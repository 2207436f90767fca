/**
 * Refunds of money that is held: a request freezes the release, its end resumes it with what was left. PostgreSQL
 * decides each step; the order goes by how it stands there afterwards.
 */
import type { Standing } from '../domain/order.js';
import { type OrderProgress, type RefundDecision, type RefundWish, change } from './progress.js';
import { ledger } from './proxies.js';
import { byWish } from './versions.js';

/** Something to do about refunds now: ask, decide, or take note of what happened. */
export function refundIsDue({ refundWishes, refundDecisions, refundNews }: OrderProgress): boolean {
  return refundNews || refundWishes.length > 0 || refundDecisions.length > 0;
}

export async function takeRefundStep(progress: OrderProgress): Promise<void> {
  const { orderNo } = progress.input;
  const [wish] = progress.refundWishes;
  const [decision] = progress.refundDecisions;
  if (progress.refundNews) {
    progress.refundNews = false;
    takeOver(progress, await ledger.readStanding({ orderNo }));
  } else if (wish !== undefined) {
    const { by, reason, refundId, amountFen, windowMs } = wish;
    const asked = { by, reason, refundId, amountFen, windowMs, orderNo, nowMs: Date.now() };
    answer(progress, wish, await byWish().requestRefund(asked));
    progress.refundWishes.shift();
  } else if (decision !== undefined) {
    const { by, reason, refundId, approve } = decision;
    const decided = { by, reason, refundId, approve, orderNo, nowMs: Date.now() };
    answer(progress, decision, await byWish().decideRefund(decided));
    progress.refundDecisions.shift();
  }
}

function answer(
  progress: OrderProgress,
  asked: RefundWish | RefundDecision,
  answered: Awaited<ReturnType<typeof ledger.requestRefund>>,
): void {
  if ('refused' in answered) asked.refusal = answered.refused;
  else takeOver(progress, answered);
}

/** The order as PostgreSQL has it now. */
export function takeOver(progress: OrderProgress, standing: Standing): void {
  progress.openRefundId = standing.openRefundId;
  progress.refundedFen = standing.refundedFen;
  if (standing.releaseDueAtMs !== null) progress.releasesAtMs = standing.releaseDueAtMs;
  // A refund was faster than a confirmation that waited: exactly one of them wins (promise M8).
  if (standing.openRefundId !== null) progress.confirmedBy = null;
  change(progress, { money: standing.money });
}
