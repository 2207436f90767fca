/**
 * The closed list of what can go wrong. Each API dialect maps every code to its own answer, and
 * `activities/errors.ts` decides which of them are worth another try.
 */
export const ERROR_CODES = [
  'invalid_request',
  'invalid_amount',
  'invalid_next_action',
  'unauthenticated',
  'forbidden',
  'not_found',
  'method_not_allowed',
  'conflict',
  'idempotency_conflict',
  'idempotency_in_progress',
  'payload_too_large',
  'rate_limited',
  'unavailable',
  'internal',
  // Orders and payments
  'order_not_found',
  'order_not_payable',
  'order_not_confirmable',
  'order_not_cancellable',
  'order_already_paid',
  'price_mismatch',
  'channel_not_configured',
  'channel_refused',
  'channel_unknown_outcome',
  'scene_not_supported',
  'notification_refused',
  'bill_not_ready',
  // People and their wallets
  'user_not_found',
  'wrong_password',
  'password_locked',
  'password_not_set',
  'insufficient_funds',
  // Refunds
  'refund_not_found',
  'refund_not_possible',
  'refund_decided',
  'already_spent',
  // Withdrawals
  'withdrawal_not_found',
  'withdrawal_limit',
  'withdrawal_decided',
  'another_operator_needed',
  'payout_account_not_set',
  // Deposits
  'deposit_not_found',
  // The ledger's own
  'posting_conflict',
  'state_conflict',
  // Steps of the nextAction chain
  'step_not_found',
  'step_not_parked',
  'not_owner',
  'not_pending',
  'missing_thing',
  'missing_setting',
  'missing_parameter',
  'coupon_not_usable',
  'sold_out',
  'already_granted',
  'action_refused',
  'sms_unknown_outcome',
  'sms_refused',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface HoldfastErrorOptions {
  /** For people: what is wrong and what to do, in one sentence, without secrets. */
  message?: string;
  /** Facts for programs, such as `{ path: 'nextAction.smsId' }`; shown to the caller. */
  details?: Record<string, string | number | boolean | null>;
  cause?: unknown;
}

export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, string | number | boolean | null>;

  constructor(code: ErrorCode, options: HoldfastErrorOptions = {}) {
    super(options.message ?? code.replaceAll('_', ' '), { cause: options.cause });
    this.name = 'HoldfastError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(text);
}
