/** When things are due. The domain takes time, it never asks for it. All times are epoch ms, all spans ms. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A payment that we learn of later than this after it was made was found late: the notification got lost. */
const FOUND_LATE_AFTER_MS = MINUTE_MS;

export interface Windows {
  paidAtMs: number;
  receivedAtMs: number;
  chatWindowMs: number | null;
  /** Null: only a confirmation releases it. */
  autoConfirmAfterMs: number | null;
}

/** A provider's clock is outside input: a payment lies between the order's creation and its receipt. */
export function clampPaidAt(claimedMs: number, createdAtMs: number, receivedAtMs: number): number {
  return Math.min(Math.max(claimedMs, createdAtMs), receivedAtMs);
}

/** The chat closes a window after payment, not after the last message (market, shouldContinueTalk). */
export function chatClosesAt(windows: Windows): number | null {
  return windows.chatWindowMs === null ? null : windows.paidAtMs + windows.chatWindowMs;
}

/**
 * When held money becomes the seller's by itself: counted from the payment. A payment found late is released
 * no earlier than an hour after it was found (or the window, if shorter), so that the buyer has time to object.
 * @returns infinity where only a confirmation releases it
 */
export function releasesAt({ paidAtMs, receivedAtMs, autoConfirmAfterMs }: Windows): number {
  if (autoConfirmAfterMs === null) return Number.POSITIVE_INFINITY;
  const due = paidAtMs + autoConfirmAfterMs;
  const lateness = receivedAtMs - paidAtMs;
  if (lateness <= Math.min(FOUND_LATE_AFTER_MS, autoConfirmAfterMs)) return due;
  return Math.max(due, receivedAtMs + Math.min(HOUR_MS, autoConfirmAfterMs));
}

export function isChatOpen(closesAtMs: number | null, closedByHand: boolean, nowMs: number): boolean {
  return closesAtMs !== null && !closedByHand && nowMs < closesAtMs;
}

// 10, 30 and 60 s after a payment attempt, then doubling gaps up to 10 minutes (system.md, section 2, step 2).
const FIRST_QUESTIONS_MS = [10_000, 30_000, 60_000];
const LONGEST_GAP_MS = 10 * MINUTE_MS;

/**
 * How long after the last question the channel is asked again.
 * @param asked how many questions have been put so far
 */
export function gapBeforeQuestion(asked: number): number {
  const due = FIRST_QUESTIONS_MS[asked];
  if (due !== undefined) return due - (FIRST_QUESTIONS_MS[asked - 1] ?? 0);
  return Math.min(MINUTE_MS * 2 ** (asked - FIRST_QUESTIONS_MS.length), LONGEST_GAP_MS);
}
