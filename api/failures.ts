/** From whatever was thrown to one of the closed error codes. */
import { HoldfastError } from '../domain/errors.js';

// postgres.js's own words for a connection that is not there, and the system's.
const UNREACHABLE = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * SQLSTATEs after which the same call can work later: connection (08), no resources (53), operator's doing (57:
 * time-outs, shutdown, starting up), a lock that was not free (55P03), serialization and deadlock (40), idle in a
 * transaction (25P03), a server that turned read-only in a failover (25006).
 */
const PASSING_STATE = /^(?:08...|53...|57...|55P03|40001|40P01|25P03|25006)$/;

function codeOf(error: object): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** An error and everything that it was caused by. */
function* causes(error: unknown): Generator<object> {
  for (
    let one = error;
    typeof one === 'object' && one !== null;
    one = 'cause' in one ? one.cause : undefined
  ) {
    yield one;
  }
}

export function isDatabaseOut(error: unknown): boolean {
  for (const cause of causes(error)) {
    const code = codeOf(cause);
    if (UNREACHABLE.has(code) || PASSING_STATE.test(code)) return true;
  }
  return false;
}

function isMalformedPath(error: unknown): boolean {
  // Express's router throws this for percent-encoding that it cannot read.
  return error instanceof URIError;
}

/** Unknown errors become `internal`, with the cause kept for the log. */
export function toHoldfastError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (isMalformedPath(error)) {
    return new HoldfastError('invalid_request', {
      message: 'the path has malformed percent-encoding',
      details: { in: 'path' },
      cause: error,
    });
  }
  if (isDatabaseOut(error)) {
    return new HoldfastError('unavailable', {
      message: 'the database, or another service behind this one, does not answer; try again',
      cause: error,
    });
  }
  return new HoldfastError('internal', { cause: error });
}
