/** What a withdrawal may become, and how much of it is allowed (system.md, section 3: withdrawals). */
import { HoldfastError } from './errors.js';
import type { Fen } from './money.js';

export const WITHDRAWAL_STATUSES = [
  'requested',
  'approved',
  'submitted',
  'awaiting_receiver',
  'paid',
  'failed',
  'rejected',
  'bounced',
] as const;
export type WithdrawalStatus = (typeof WITHDRAWAL_STATUSES)[number];

/** Statuses that are told outside; the others are steps on the way. */
export type WithdrawalEventType =
  `withdrawal.${Exclude<WithdrawalStatus, 'submitted' | 'awaiting_receiver'>}`;

/** The one transition table. `failed`, `rejected` and `bounced` absorb; `paid` can only bounce (promise M7). */
export const WITHDRAWAL_TRANSITIONS: Readonly<Record<WithdrawalStatus, readonly WithdrawalStatus[]>> = {
  requested: ['approved', 'rejected'],
  approved: ['submitted', 'failed'],
  submitted: ['awaiting_receiver', 'paid', 'failed'],
  awaiting_receiver: ['paid', 'failed'],
  paid: ['bounced'],
  failed: [],
  rejected: [],
  bounced: [],
};

/** Money is in the user's frozen account, and the provider has not told the end of it. */
export const UNDER_WAY = ['approved', 'submitted', 'awaiting_receiver'] as const;

export function isUnderWay(status: WithdrawalStatus): boolean {
  return UNDER_WAY.some((one) => one === status);
}

/**
 * The only way from one status to another. Staying is always allowed, since a repeat changes nothing.
 * @throws HoldfastError `state_conflict`
 */
export function withdrawalMovesTo(from: WithdrawalStatus, next: WithdrawalStatus): WithdrawalStatus {
  if (from !== next && !WITHDRAWAL_TRANSITIONS[from].includes(next)) {
    throw new HoldfastError('state_conflict', {
      message: `a withdrawal cannot go from ${from} to ${next}`,
      details: { withdrawal: from },
    });
  }
  return next;
}

/** In fen. Each is the setting `limit.withdrawal.<name>`. */
export interface WithdrawalLimits {
  /** The least that one withdrawal may be. */
  min: number;
  /** The most that one withdrawal may be. */
  max: number;
  /** The most that one user may ask for in one day in China, not counting what came back. */
  perDay: number;
  /** Up to this amount nobody has to approve. */
  autoApprove: number;
  /** Above this amount two operators have to approve. */
  twoOperators: number;
}

/** No provider pays out less than 10 fen. Somebody looks at every withdrawal until an installation says otherwise. */
export const WITHDRAWAL_LIMITS: WithdrawalLimits = {
  min: 10,
  max: 20_000_000,
  perDay: 50_000_000,
  autoApprove: 0,
  twoOperators: 5_000_000,
};

export const WITHDRAWAL_SETTING = 'limit.withdrawal.';

/** @throws HoldfastError `withdrawal_limit`, with the reason and the limit in fen */
export function assertWithinLimits(amountFen: Fen, askedTodayFen: Fen, limits: WithdrawalLimits): void {
  const refuse = (reason: string, limit: number, message: string): never => {
    throw new HoldfastError('withdrawal_limit', { message, details: { reason, limit } });
  };
  if (amountFen < limits.min) refuse('too_little', limits.min, `at least ${limits.min} fen`);
  if (amountFen > limits.max) refuse('too_much', limits.max, `at most ${limits.max} fen at a time`);
  if (askedTodayFen + amountFen > limits.perDay) {
    refuse('too_much_today', limits.perDay, `at most ${limits.perDay} fen a day`);
  }
}

/** How many operators have to approve. */
export function approvalsNeeded(amountFen: Fen, limits: WithdrawalLimits): 0 | 1 | 2 {
  if (amountFen <= limits.autoApprove) return 0;
  return amountFen > limits.twoOperators ? 2 : 1;
}

const CHINA_OFFSET_MS = 8 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

/** When the day in China began. Epoch ms. China has had no other offset than UTC+8 since 1991. */
export function chinaDayStartMs(nowMs: number): number {
  return Math.floor((nowMs + CHINA_OFFSET_MS) / DAY_MS) * DAY_MS - CHINA_OFFSET_MS;
}

/** A receiver who has to take the money in their own app has this long; then it is called back (wechat). */
export const RECEIVER_HAS_MS = DAY_MS;
