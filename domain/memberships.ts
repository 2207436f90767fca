/** Memberships that renew themselves (wire.md, section 5): when they are paid for, and when that is given up. */

export const RENEWAL_STATUSES = ['active', 'cancelled', 'lapsed'] as const;
/** `cancelled`: by a call; `lapsed`: the payer had too little money at every try. */
export type RenewalStatus = (typeof RENEWAL_STATUSES)[number];

export type RenewalEventType = `membership.${'renewed' | 'renewal_failed' | 'renewal_ended'}`;

const HOUR_MS = 3_600_000;

/** How long before the membership's end each try is made; a payer who is short of money can top up in between. */
const TRIES_BEFORE_END_MS = [24 * HOUR_MS, 12 * HOUR_MS, HOUR_MS] as const;

// After an outage the tries are late, and a payer still has some time between them.
const LEAST_GAP_MS = HOUR_MS;

/** Epoch ms. */
export const renewalDueAt = (validToMs: number): number => validToMs - TRIES_BEFORE_END_MS[0];

/**
 * @param failedTries how many have failed for the coming term, this one included
 * @returns epoch ms; null when there is no other try
 */
export function nextRenewalTryAt(validToMs: number, failedTries: number, nowMs: number): number | null {
  const beforeEndMs = TRIES_BEFORE_END_MS[failedTries];
  if (beforeEndMs === undefined) return null;
  return Math.max(validToMs - beforeEndMs, nowMs + LEAST_GAP_MS);
}
