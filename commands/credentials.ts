/** API keys of back ends and access tokens of users: made, listed, revoked, recognised. Only hashes are kept. */
import { createHash, randomBytes } from 'node:crypto';
import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { accessTokens, apiKeys, users } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';

/** What a back end may do (wire.md, section 6). `admin` makes keys with any scope, so it counts as all of them. */
export const SCOPES = [
  'orders',
  'users',
  'catalog',
  'settings',
  'refunds:decide',
  'withdrawals:decide',
  'ledger:read',
  'operate',
  'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

interface BackendCaller {
  kind: 'backend';
  id: string;
  name: string;
  scopes: readonly Scope[];
}

interface UserCaller {
  kind: 'user';
  userId: string;
  role: 'member' | 'student' | 'teacher' | 'operator';
}

/** Who is calling: always read from a credential, never from a body field (promise S1). */
export type Caller = BackendCaller | UserCaller;

export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.kind === 'backend' && (caller.scopes.includes(scope) || caller.scopes.includes('admin'));
}

/** Operators decide about refunds, parked steps and payouts: users with that role, and keys with that scope. */
export function isOperator(caller: Caller): boolean {
  return caller.kind === 'user' ? caller.role === 'operator' : hasScope(caller, 'operate');
}

/** One caller, for keys and locks: `backend:<key id>` or `user:<id>`. */
export function callerKey(caller: Caller): string {
  return caller.kind === 'backend' ? `backend:${caller.id}` : `user:${caller.userId}`;
}

/** Who it was, for the audit trail. A key's name alone is not unique, so its id stands beside it. */
export function actorOf(caller: Caller): string {
  return caller.kind === 'backend' ? `backend:${caller.name}#${caller.id}` : `user:${caller.userId}`;
}

const ACCESS_TOKEN_LIVES = sql`interval '30 days'`;
// The prefixes let secret scanners find a leaked one, and spare the database a look-up of what is no secret of ours.
const SECRET = /^hf_(?:key|tok)_[0-9A-Za-z_-]{43}$/;

function newSecret(kind: 'key' | 'tok'): string {
  return `hf_${kind}_${randomBytes(32).toString('base64url')}`;
}

/** A secret of 256 random bits needs no slow hash: there is nothing to guess. */
function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export interface NewApiKey {
  id: string;
  name: string;
  scopes: Scope[];
  /** Shown this once. */
  key: string;
  createdAt: Date;
}

export async function createApiKey(db: Db, input: { name: string; scopes: Scope[] }): Promise<NewApiKey> {
  const key = newSecret('key');
  const id = randomBytes(12).toString('hex');
  const [row] = await db
    .insert(apiKeys)
    .values({ id, name: input.name, scopes: input.scopes, hash: secretHash(key) })
    .returning({ createdAt: apiKeys.createdAt });
  if (row === undefined) throw new Error('an insert answered no row');
  return { id, name: input.name, scopes: input.scopes, key, createdAt: row.createdAt };
}

export interface ApiKeyRow {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: Date;
  revokedAt: Date | null;
}

/** Newest first. @param after keyset: only keys made before this one */
export async function listApiKeys(
  db: Db,
  page: { limit: number; after: { createdAt: Date; id: string } | null },
): Promise<ApiKeyRow[]> {
  const rows = await db
    .select({
      id: apiKeys.id,
      name: apiKeys.name,
      scopes: apiKeys.scopes,
      createdAt: apiKeys.createdAt,
      revokedAt: apiKeys.revokedAt,
    })
    .from(apiKeys)
    .where(
      page.after === null
        ? undefined
        : sql`(${apiKeys.createdAt}, ${apiKeys.id}) < (${page.after.createdAt.toISOString()}::timestamptz, ${page.after.id})`,
    )
    .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
    .limit(page.limit);
  return rows.map((row) => ({ ...row, scopes: row.scopes.filter(isScope) }));
}

/** Revoking twice is no error. @throws HoldfastError `not_found` */
export async function revokeApiKey(db: Db, id: string): Promise<void> {
  const revoked = await db
    .update(apiKeys)
    .set({ revokedAt: sql`COALESCE(${apiKeys.revokedAt}, now())` })
    .where(eq(apiKeys.id, id))
    .returning({ id: apiKeys.id });
  if (revoked.length === 0) throw new HoldfastError('not_found', { message: 'there is no such API key' });
}

/**
 * Mints an access token of 30 days.
 * @param by an operator's token gives an operator's rights, so only who has those may mint one
 * @throws HoldfastError `user_not_found`, `forbidden`
 */
export async function mintAccessToken(
  db: Db,
  userId: string,
  by: Caller,
): Promise<{ accessToken: string; expiresAt: Date }> {
  const accessToken = newSecret('tok');
  const role = await db.transaction(async (tx) => {
    // The row is shared-locked, so that a member's token is not minted while that member becomes an operator.
    const [user] = await tx.select({ role: users.role }).from(users).where(eq(users.id, userId)).for('share');
    if (user === undefined) throw new HoldfastError('user_not_found', { message: 'there is no such user' });
    if (user.role === 'operator' && !isOperator(by)) {
      throw new HoldfastError('forbidden', {
        message: 'a token of an operator takes a key with scope operate',
      });
    }
    await tx.delete(accessTokens).where(and(eq(accessTokens.userId, userId), sql`expires_at < now()`));
    const [token] = await tx
      .insert(accessTokens)
      .values({ hash: secretHash(accessToken), userId, expiresAt: sql`now() + ${ACCESS_TOKEN_LIVES}` })
      .returning({ expiresAt: accessTokens.expiresAt });
    return token;
  });
  if (role === undefined) throw new Error('an insert answered no row');
  return { accessToken, expiresAt: role.expiresAt };
}

/** Revokes all of a user's tokens. A user without any, or none of that name, is no error. */
export async function revokeAccessTokens(db: Db, userId: string): Promise<void> {
  await db.delete(accessTokens).where(eq(accessTokens.userId, userId));
}

function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/**
 * Looks up secrets of ours, all of them in one round trip.
 * @returns one caller per secret; fewer when one is unknown, revoked or expired
 */
export async function findCallers(db: Db, secrets: readonly string[]): Promise<Caller[]> {
  if (secrets.length === 0 || !secrets.every((secret) => SECRET.test(secret))) return [];
  const hashes = sql`${sql.param(secrets.map(secretHash))}::text[]`;
  const rows = await db
    .select({
      id: apiKeys.id,
      name: apiKeys.name,
      scopes: sql<string[] | null>`scopes`,
      role: sql<null>`NULL`,
    })
    .from(apiKeys)
    .where(and(sql`hash = ANY (${hashes})`, isNull(apiKeys.revokedAt)))
    .unionAll(
      db
        .select({
          id: users.id,
          name: users.name,
          scopes: sql<null>`NULL::text[]`,
          role: sql<null>`${users.role}`,
        })
        .from(accessTokens)
        .innerJoin(users, eq(users.id, accessTokens.userId))
        .where(and(sql`${accessTokens.hash} = ANY (${hashes})`, sql`${accessTokens.expiresAt} > now()`)),
    );
  return rows.map((row) => callerOf(row));
}

function callerOf(row: {
  id: string;
  name: string;
  scopes: string[] | null;
  role: UserCaller['role'] | null;
}): Caller {
  if (row.role !== null) return { kind: 'user', userId: row.id, role: row.role };
  return { kind: 'backend', id: row.id, name: row.name, scopes: (row.scopes ?? []).filter(isScope) };
}
