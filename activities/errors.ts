/** The only place that decides what is worth another try. */
import { ApplicationFailure } from '@temporalio/common';
import { type ErrorCode, HoldfastError } from '../domain/errors.js';

/** Trying again cannot help: a person, or another input, has to. */
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
  'missing_setting',
  'missing_parameter',
  'sms_unknown_outcome',
  'sms_refused',
]);

function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return 'unknown';
}

/**
 * A failure as Temporal stores it for ever: its type is our code, its message is written by us. The message and
 * the cause of anybody else's error stay in the log, since a failed statement quotes its parameters (promise S4).
 */
export function failureOf(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof HoldfastError) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: PERMANENT.has(error.code),
    });
  }
  return ApplicationFailure.create({
    type: 'internal',
    message: `failed with code ${codeOf(error)}; the log says more`,
  });
}
