import { drizzle } from 'drizzle-orm/postgres-js';
import type { PgDatabase } from 'drizzle-orm/pg-core';
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { connections } from './connection.js';
import { preparing } from './prepared.js';
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

interface Limits {
  /** The server ends a statement after this, */
  statementMs: number;
  /** and one that waits for a lock after this. */
  lockMs: number;
  /** Connections at rest are kept for this long. */
  restMs: number;
}

const LIMITS = {
  ordinary: { statementMs: 5_000, lockMs: 3_000, restMs: 300_000 },
  /** Reads of the whole ledger. */
  long: { statementMs: 120_000, lockMs: 3_000, restMs: 10_000 },
  /** Whoever migrates waits for others who do, and for the transactions of serving processes. */
  migration: { statementMs: 600_000, lockMs: 600_000, restMs: 10_000 },
} satisfies Record<string, Limits>;

const LONG_POOL = 2;

// The server says that a statement took too long; when not even that comes, the connection is dead.
const GRACE_MS = 3_000;
const CONNECT_MS = 2_000;
// With the greetings and the password, which take a few round trips more.
const READY_WITHIN_S = 5;

/**
 * Connections that are opened as they are needed, on which nothing hangs for ever: neither a statement, nor one that
 * a dead network never answers (docs/decisions/0014).
 */
export function openPool(
  url: string,
  { name, max, limits }: { name: string; max: number; limits: keyof typeof LIMITS },
): postgres.Sql {
  const { statementMs, lockMs, restMs } = LIMITS[limits];
  const parameters = new URL(url).searchParams;
  const options: postgres.Options<Record<string, never>> & { socket: ReturnType<typeof connections> } = {
    max,
    socket: connections({
      connectWithinMs: CONNECT_MS,
      answerWithinMs: statementMs + GRACE_MS,
      tls: parameters.get('sslmode') ?? parameters.get('ssl') ?? undefined,
    }),
    // The connection has it already.
    ssl: false,
    connect_timeout: READY_WITHIN_S,
    // The driver's own back-off grows to 20 s, in which queries would hang although the database is back.
    backoff: () => 0.1,
    idle_timeout: restMs / 1_000,
    // The notices of "already exists" are no news.
    onnotice: () => undefined,
    connection: {
      application_name: name,
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: 10_000,
      // The server's side: sessions of a client that is gone would fill it up.
      tcp_keepalives_idle: 30,
      tcp_keepalives_interval: 5,
    },
  };
  const client = postgres(url, options);
  client.options.parsers[JSONB] = parseJsonb;
  return preparing(client);
}

const longOf = new WeakMap<Db, Db>();

/**
 * The same database for statements that may take two minutes, on connections of their own. An open transaction is
 * its own: its limits stand.
 */
export function forLongReads(db: Db): Db {
  return longOf.get(db) ?? db;
}

/**
 * The server ends what takes too long: 5 s a statement, 3 s waiting for a lock, 10 s idle inside a transaction. A
 * connection on which no answer comes at all is ended 3 s after that.
 */
export function openDatabase(url: string, { pool, name }: { pool: number; name: string }): Database {
  const ordinary = openPool(url, { name, max: pool, limits: 'ordinary' });
  const long = openPool(url, { name, max: LONG_POOL, limits: 'long' });
  const db = drizzle(ordinary, { schema });
  longOf.set(db, drizzle(long, { schema }));
  return {
    db,
    close: async () => {
      await Promise.all([ordinary.end({ timeout: 5 }), long.end({ timeout: 5 })]);
    },
  };
}
