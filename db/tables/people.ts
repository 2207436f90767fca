/** People, what lets them in, and the answers they were given. */
import { index, integer, jsonb, pgTable, primaryKey, smallint, text } from 'drizzle-orm/pg-core';
import { type JsonObject, createdAt, moment } from './columns.js';

export const users = pgTable('users', {
  id: text().primaryKey(),
  name: text().notNull(),
  role: text().$type<'member' | 'student' | 'teacher' | 'operator'>().notNull().default('member'),
  avatar: text(),
  skills: jsonb().$type<unknown[]>().notNull().default([]),
  careers: jsonb().$type<unknown[]>().notNull().default([]),
  mobile: text(),
  openid: text(),
  profile: jsonb().$type<JsonObject>().notNull().default({}),
  loginPasswordHash: text('login_password_hash'),
  payPasswordHash: text('pay_password_hash'),
  createdAt: createdAt(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
});

/** Wrong guesses in a row: counted before a guess is looked at, so that parallel guesses cannot slip by. */
export const passwordGuesses = pgTable(
  'password_guesses',
  {
    userId: text('user_id').notNull(),
    purpose: text().$type<'login' | 'pay'>().notNull(),
    wrong: integer().notNull(),
    lockedUntil: moment('locked_until'),
  },
  (t) => [primaryKey({ columns: [t.userId, t.purpose] })],
);

export const accessTokens = pgTable(
  'access_tokens',
  {
    hash: text().primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    createdAt: createdAt(),
    expiresAt: moment('expires_at').notNull(),
  },
  (t) => [index('access_tokens_user').on(t.userId)],
);

export const apiKeys = pgTable('api_keys', {
  id: text().primaryKey(),
  name: text().notNull(),
  hash: text().notNull().unique(),
  scopes: text().array().notNull(),
  createdAt: createdAt(),
  revokedAt: moment('revoked_at'),
});

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    caller: text().notNull(),
    key: text().notNull(),
    fingerprint: text().notNull(),
    /** Null while the first call is under way. */
    status: smallint(),
    body: jsonb().$type<unknown>(),
    leaseUntil: moment('lease_until').notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.caller, t.key] }), index('idempotency_keys_age').on(t.createdAt)],
);
