/** What the calls of all dialects have in common: who acts, and for whom. */
import { type Caller, actorOf } from '../../commands/credentials.js';
import { HoldfastError } from '../../domain/errors.js';
import type { RawInput } from '../endpoint.js';

const TOKEN_FIELDS = ['accesstoken', 'accessToken', 'token'] as const;

// What is no text is no token of ours either.
const NO_TOKEN = 'not a text';

/** An access token in the field that the documents name, in any of its spellings. */
export function tokensIn({ query, body }: RawInput): string[] {
  return [query, body.value].flatMap((fields) =>
    typeof fields !== 'object' || fields === null
      ? []
      : TOKEN_FIELDS.flatMap((name) => {
          const sent: unknown = Reflect.get(fields, name);
          // Whatever was sent is checked: an empty field is one that a form left empty.
          if (sent === undefined || sent === null || sent === '') return [];
          return [typeof sent === 'string' ? sent : NO_TOKEN];
        }),
  );
}

/**
 * The user for whom a call acts: a party may act only for itself, a back end for any user.
 * @param named in the body; undefined where the body names nobody
 * @throws HoldfastError `forbidden`, `invalid_request`
 */
export function actsFor(caller: Caller | undefined, named: string | undefined, field: string): string {
  if (caller?.kind === 'user') {
    if (named === undefined || named === caller.userId) return caller.userId;
    throw new HoldfastError('forbidden', { message: `${field} must be the caller`, details: { field } });
  }
  if (named !== undefined) return named;
  throw new HoldfastError('invalid_request', {
    message: `${field}: is needed`,
    details: { field, problem: 'missing' },
  });
}

/** What a command needs to know of who asks. @param userId who acts where the call has no credential */
export function askedBy(
  caller: Caller | undefined,
  userId: string,
): { by: string; idempotencyKey: string | null } {
  return { by: caller === undefined ? `user:${userId}` : actorOf(caller), idempotencyKey: null };
}
