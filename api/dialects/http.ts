import type { ErrorCode, HoldfastError } from '../../domain/errors.js';
import type { Answer } from '../endpoint.js';
import { PROBLEMS, headersOf } from '../v1/errors.js';

/** What a proxy or a browser has to know by itself. */
const OWN_STATUS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'unauthenticated',
  'forbidden',
  'not_found',
  'method_not_allowed',
  'payload_too_large',
  'rate_limited',
  'unavailable',
  'internal',
]);

/** Every dialect answers business with 200, since its clients read the body (wire.md, section 0). */
export function httpOf(error: HoldfastError): Pick<Answer, 'status' | 'headers'> {
  if (!OWN_STATUS.has(error.code)) return { status: 200 };
  return { status: PROBLEMS[error.code].status, headers: headersOf(error) };
}
