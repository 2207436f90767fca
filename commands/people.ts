/** Users: created, updated, read. Passwords go in and never come out. */
import { and, eq, ne, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { accessTokens, users } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { type Caller, isOperator } from './credentials.js';
import { hashPassword, resetGuesses } from './passwords.js';

export const USER_ROLES = ['member', 'student', 'teacher', 'operator'] as const;
type UserRole = (typeof USER_ROLES)[number];

/** What is left out stays as it is; null empties a field. */
export interface UserInput {
  name: string;
  role?: UserRole | undefined;
  avatar?: string | null | undefined;
  skills?: unknown[] | undefined;
  careers?: unknown[] | undefined;
  mobile?: string | null | undefined;
  openid?: string | null | undefined;
  profile?: Record<string, unknown> | undefined;
  loginPassword?: string | undefined;
  payPassword?: string | undefined;
  /** bcrypt or argon2, of a system that brings its users along. */
  loginPasswordHash?: string | undefined;
  payPasswordHash?: string | undefined;
}

export interface User {
  id: string;
  name: string;
  role: UserRole;
  avatar: string | null;
  skills: unknown[];
  careers: unknown[];
  mobile: string | null;
  openid: string | null;
  profile: Record<string, unknown>;
  hasLoginPassword: boolean;
  hasPayPassword: boolean;
  createdAt: Date;
  updatedAt: Date;
}

const asUser = {
  id: users.id,
  name: users.name,
  role: users.role,
  avatar: users.avatar,
  skills: users.skills,
  careers: users.careers,
  mobile: users.mobile,
  openid: users.openid,
  profile: users.profile,
  hasLoginPassword: sql<boolean>`(${users.loginPasswordHash} IS NOT NULL)`,
  hasPayPassword: sql<boolean>`(${users.payPasswordHash} IS NOT NULL)`,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
};

/** @throws HoldfastError `user_not_found` */
export async function getUser(db: Db, id: string): Promise<User> {
  const [user] = await db.select(asUser).from(users).where(eq(users.id, id));
  if (user === undefined) throw new HoldfastError('user_not_found', { message: 'there is no such user' });
  return user;
}

function given<T extends object>(fields: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<{
    [K in keyof T]: Exclude<T[K], undefined>;
  }>;
}

async function hashOf(password: string | undefined, hash: string | undefined): Promise<string | undefined> {
  return password === undefined ? hash : hashPassword(password);
}

/**
 * Creates a user, or changes the fields that are given. A new password also ends a lock-out.
 * @param by only who has an operator's rights may make somebody an operator
 * @throws HoldfastError `forbidden`
 */
export async function putUser(db: Db, id: string, input: UserInput, by: Caller): Promise<User> {
  if (input.role === 'operator' && !isOperator(by)) {
    throw new HoldfastError('forbidden', { message: 'making an operator takes a key with scope operate' });
  }
  const { loginPassword, payPassword, loginPasswordHash, payPasswordHash, ...plain } = input;
  const fields = {
    ...given(plain),
    ...given({
      loginPasswordHash: await hashOf(loginPassword, loginPasswordHash),
      payPasswordHash: await hashOf(payPassword, payPasswordHash),
    }),
  };
  return db.transaction(async (tx) => {
    if (input.role === 'operator') await revokeBeforePromotion(tx, id);
    const [user] = await tx
      .insert(users)
      .values({ ...fields, id, name: input.name })
      .onConflictDoUpdate({ target: users.id, set: { ...fields, updatedAt: sql`now()` } })
      .returning(asUser);
    if (user === undefined) throw new Error('an upsert answered no row');
    if (fields.loginPasswordHash !== undefined) await resetGuesses(tx, id, 'login');
    if (fields.payPasswordHash !== undefined) await resetGuesses(tx, id, 'pay');
    return user;
  });
}

/** Tokens that were minted for a member must not turn into an operator's: the back end that has them may not be one. */
async function revokeBeforePromotion(tx: Db, id: string): Promise<void> {
  const [promoted] = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, id), ne(users.role, 'operator')))
    .for('update');
  if (promoted !== undefined) await tx.delete(accessTokens).where(eq(accessTokens.userId, id));
}
