/** Errors of the native API: RFC 9457 problem details with a stable `code` (wire.md, section 6). */
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode, type HoldfastError } from '../../domain/errors.js';
import type { Answer, Headers } from '../endpoint.js';

interface ProblemKind {
  status: number;
  title: string;
  /** For how long a caller should wait, where trying again can help. */
  retryAfterSeconds?: number;
}

export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_amount: { status: 400, title: 'The amount is not valid' },
  invalid_next_action: { status: 400, title: 'The nextAction is not valid' },
  unauthenticated: { status: 401, title: 'A valid credential is needed' },
  forbidden: { status: 403, title: 'The credential does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'This path has no such method' },
  conflict: { status: 409, title: 'The present state does not allow this' },
  idempotency_conflict: { status: 409, title: 'The Idempotency-Key was used for another request' },
  idempotency_in_progress: {
    status: 409,
    title: 'The first request with this key is under way',
    retryAfterSeconds: 1,
  },
  payload_too_large: { status: 413, title: 'The body is too large' },
  rate_limited: { status: 429, title: 'Too many requests', retryAfterSeconds: 60 },
  unavailable: { status: 503, title: 'Not available just now', retryAfterSeconds: 2 },
  internal: { status: 500, title: 'Something went wrong on our side' },
  order_not_found: { status: 404, title: 'There is no such order' },
  order_not_payable: { status: 409, title: 'The order cannot be paid' },
  order_not_confirmable: { status: 409, title: 'The order cannot be confirmed' },
  order_not_cancellable: { status: 409, title: 'The order cannot be cancelled' },
  order_already_paid: { status: 409, title: 'The order is paid already' },
  price_mismatch: { status: 422, title: 'The amount is not the price' },
  channel_not_configured: { status: 422, title: 'The payment channel is not configured' },
  channel_refused: { status: 422, title: 'The payment channel refused' },
  channel_unknown_outcome: {
    status: 502,
    title: 'The payment channel gave no clear answer',
    retryAfterSeconds: 2,
  },
  scene_not_supported: { status: 422, title: 'The payment channel does not have this scene' },
  notification_refused: { status: 400, title: 'The notification is not genuine' },
  bill_not_ready: { status: 503, title: 'The provider has not made the bill yet', retryAfterSeconds: 600 },
  user_not_found: { status: 404, title: 'There is no such user' },
  wrong_password: { status: 403, title: 'The password is wrong' },
  password_locked: { status: 423, title: 'The password is locked', retryAfterSeconds: 900 },
  password_not_set: { status: 409, title: 'The password was never set' },
  insufficient_funds: { status: 402, title: 'There is too little money' },
  refund_not_found: { status: 404, title: 'There is no such refund' },
  refund_not_possible: { status: 409, title: 'This cannot be refunded' },
  refund_decided: { status: 409, title: 'The refund was decided before' },
  already_spent: { status: 409, title: 'The money has been spent' },
  withdrawal_not_found: { status: 404, title: 'There is no such withdrawal' },
  withdrawal_limit: { status: 422, title: 'The amount is outside the limits of withdrawals' },
  withdrawal_decided: { status: 409, title: 'The withdrawal was decided before' },
  another_operator_needed: { status: 409, title: 'Another operator has to decide' },
  payout_account_not_set: { status: 409, title: 'There is no account to pay out to' },
  deposit_not_found: { status: 404, title: 'There is no such deposit' },
  posting_conflict: { status: 500, title: 'Something went wrong on our side' },
  state_conflict: { status: 409, title: 'The present state does not allow this' },
  step_not_found: { status: 404, title: 'There is no such step' },
  step_not_parked: { status: 409, title: 'The step is not parked' },
  not_owner: { status: 403, title: "This is somebody else's" },
  not_pending: { status: 409, title: 'This is not pending' },
  missing_thing: { status: 409, title: 'Something that is needed is missing' },
  missing_setting: { status: 409, title: 'A setting is missing' },
  missing_parameter: { status: 400, title: 'A parameter is missing' },
  coupon_not_usable: { status: 409, title: 'The coupon cannot be used' },
  sold_out: { status: 409, title: 'There is none left' },
  already_granted: { status: 409, title: 'The payer has this already' },
  action_refused: { status: 422, title: 'The endpoint of this action refused' },
  sms_unknown_outcome: { status: 502, title: 'The SMS provider gave no clear answer', retryAfterSeconds: 2 },
  sms_refused: { status: 422, title: 'The SMS provider refused' },
} as const satisfies Record<ErrorCode, ProblemKind>;

export const problemSchema = z
  .looseObject({
    type: z.string().meta({ example: 'urn:holdfast:problem:invalid_request' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What is wrong, for people.' }),
    code: z.enum(ERROR_CODES).meta({ description: 'What is wrong, for programs: stable.' }),
    requestId: z.string().meta({ description: 'The X-Request-Id of the answer, to be named to support.' }),
    field: z.string().optional().meta({ description: 'Which field is not valid.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });

export function headersOf(error: HoldfastError): Headers {
  const kind: ProblemKind = PROBLEMS[error.code];
  const { retryAfterSeconds = kind.retryAfterSeconds, error: reason } = error.details;
  return {
    ...(typeof retryAfterSeconds === 'number' && { 'Retry-After': String(retryAfterSeconds) }),
    ...(error.code === 'unauthenticated' && {
      'WWW-Authenticate': `Bearer realm="holdfast"${reason === 'invalid_token' ? ', error="invalid_token"' : ''}`,
    }),
  };
}

export function toProblem(error: HoldfastError, requestId: string): Answer {
  const { status, title } = PROBLEMS[error.code];
  // What is our own fault is explained in the log alone.
  const ours = status === 500;
  return {
    status,
    contentType: 'application/problem+json',
    headers: headersOf(error),
    body: {
      ...(ours ? {} : error.details),
      type: `urn:holdfast:problem:${error.code}`,
      title,
      status,
      detail: ours ? title : error.message,
      code: error.code,
      requestId,
    },
  };
}
