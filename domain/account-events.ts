import type { RenewalEventType } from './memberships.js';
import type { WithdrawalEventType } from './withdrawals.js';

/** What merchants are told of a user's own money, beside any order. */
export type AccountEventType = WithdrawalEventType | RenewalEventType;
