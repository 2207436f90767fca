/** From a credential to a caller. Dialects that carry tokens in bodies or cookies hand them to `identify` too. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Caller, SCOPES, findCallers } from '../commands/credentials.js';
import type { Db } from '../db/client.js';
import { HoldfastError } from '../domain/errors.js';

export interface Identified {
  caller: Caller;
  /** The secret that the caller presented, for deriving keys that only this caller can derive again. */
  credential: string;
}

const BEARER = /^Bearer +(\S+)$/i;

function refused(message: string): HoldfastError {
  return new HoldfastError('unauthenticated', { message, details: { error: 'invalid_token' } });
}

/**
 * What the headers present: `Authorization: Bearer` and `x-api-key`.
 * @throws HoldfastError `unauthenticated` for another scheme, and for two of them: none that was sent is ignored
 */
export function headerCredentials(request: IncomingMessage): string[] {
  // Of two, Node shows the first alone, and what stands in front of this may have looked at the other.
  const [authorization, ...more] = request.headersDistinct['authorization'] ?? [];
  if (more.length > 0) throw refused('Authorization was sent twice');
  const apiKey = request.headers['x-api-key'];
  const presented: string[] = [];
  if (typeof apiKey === 'string') presented.push(apiKey);
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization.trim())?.[1];
    if (token === undefined) throw refused('Authorization must be "Bearer <API key or access token>"');
    presented.push(token);
  }
  return presented;
}

const ADMIN: Caller = { kind: 'backend', id: 'admin', name: 'admin', scopes: SCOPES };

function isAdminKey(credential: string, adminApiKey: string | undefined): boolean {
  if (adminApiKey === undefined) return false;
  // Digests have one length, so that the comparison takes the same time whatever was sent (promise S7).
  const [given, wanted] = [credential, adminApiKey].map((text) => createHash('sha256').update(text).digest());
  return given !== undefined && wanted !== undefined && timingSafeEqual(given, wanted);
}

/**
 * Every credential that was sent must be good; a back end goes before a user. One round trip to the database at
 * most, none for the configured admin key and for what has not the form of a credential of ours.
 * @returns undefined when nothing was presented
 * @throws HoldfastError `unauthenticated`
 */
export async function identify(
  db: Db,
  adminApiKey: string | undefined,
  credentials: readonly string[],
): Promise<Identified | undefined> {
  const distinct = [...new Set(credentials)];
  const [credential] = distinct;
  if (credential === undefined) return undefined;
  const others = distinct.filter((one) => !isAdminKey(one, adminApiKey));
  const found = others.length === 0 ? [] : await findCallers(db, others);
  if (found.length !== others.length) throw refused('the credential is unknown, expired or revoked');
  const admin = others.length < distinct.length ? ADMIN : undefined;
  const users = new Set(found.flatMap((one) => (one.kind === 'user' ? [one.userId] : [])));
  if (users.size > 1) throw refused('the credentials are of different users');
  const caller = admin ?? found.find((one) => one.kind === 'backend') ?? found[0];
  return caller && { caller, credential };
}
