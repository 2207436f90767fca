import { drizzle } from 'drizzle-orm/postgres-js';
import type { PgDatabase } from 'drizzle-orm/pg-core';
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import * as schema from './schema.js';

/** A database or an open transaction of it: every helper takes either. */
export type Db = PgDatabase<PostgresJsQueryResultHKT, typeof schema>;

export interface Database {
  db: Db;
  close(): Promise<void>;
}

// The type's number in pg_type.
const JSONB = 3802;

/**
 * The driver parses jsonb, and drizzle parses every string that comes out once more: the text "1.10" would become the
 * number 1.1, and "true" a boolean. So a value that is a string is left to drizzle alone.
 */
function parseJsonb(text: string): unknown {
  return text.startsWith('"') ? text : JSON.parse(text);
}

/**
 * A pool of connections. The server ends what takes too long: 5 s a statement, 3 s waiting for a lock, 10 s idle
 * inside a transaction (promises.md, mechanisms).
 */
export function openDatabase(url: string, options: { pool: number; name: string }): Database {
  const client = postgres(url, {
    max: options.pool,
    connect_timeout: 2,
    // The driver's own back-off grows to 20 s, in which queries would hang although the database is back.
    backoff: (tries) => Math.min(0.1 * 2 ** tries, 1),
    idle_timeout: 300,
    // The notices of "already exists" are no news.
    onnotice: () => undefined,
    connection: {
      application_name: options.name,
      statement_timeout: 5_000,
      lock_timeout: 3_000,
      idle_in_transaction_session_timeout: 10_000,
    },
  });
  client.options.parsers[JSONB] = parseJsonb;
  return { db: drizzle(client, { schema }), close: () => client.end({ timeout: 5 }) };
}
