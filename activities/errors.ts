/** The only place that decides what is worth another try. */
import { ApplicationFailure } from '@temporalio/common';
import { type ErrorCode, HoldfastError } from '../domain/errors.js';
import { ACTION_NAMES } from '../domain/next-actions.js';

/** Trying such a step again cannot help: a person, or another input, has to. */
const PERMANENT = new Set<ErrorCode>([
  'invalid_request',
  'invalid_amount',
  'invalid_next_action',
  'not_found',
  'order_not_found',
  'user_not_found',
  'insufficient_funds',
  'posting_conflict',
  'not_owner',
  'not_pending',
  'missing_thing',
  'channel_not_configured',
  'missing_setting',
  'missing_parameter',
  'coupon_not_usable',
  'sold_out',
  'already_granted',
  'wrong_password',
  'action_refused',
  'sms_unknown_outcome',
  'sms_refused',
]);

function isAction(activity: string): boolean {
  return ACTION_NAMES.some((name) => name === activity);
}

function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return 'unknown';
}

/**
 * A failure as Temporal stores it for ever: its type is our code, its message is written by us. The message and
 * the cause of anybody else's error stay in the log, since a failed statement quotes its parameters (promise S4).
 * @param activity its name: for a step of the chain, the action's
 */
export function failureOf(error: unknown, activity: string): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof HoldfastError) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      // Only a step of the chain can park. Ledger and provider calls go on until they succeed: giving up would
      // leave an order with nobody to move it.
      nonRetryable: isAction(activity) && PERMANENT.has(error.code),
    });
  }
  return ApplicationFailure.create({
    type: 'internal',
    message: `failed with code ${codeOf(error)}; the log says more`,
  });
}
