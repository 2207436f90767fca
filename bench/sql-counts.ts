/**
 * What a piece of work costs in SQL, counted by the server itself: pg_stat_statements has every statement that was
 * executed, and the distance between two snapshots' next transaction id is the number of
 * transactions that wrote (a reading one takes no id; autovacuum, which would, is off here).
 */
import type { Servers } from './servers.js';

export interface SqlCounts {
  /** Statements sent by the application's role, which is also the number of round trips. */
  statements: number;
  writeTransactions: number;
  /** Normalised texts with how often each was executed. */
  byText: { query: string; calls: number }[];
}

// The relay asks once a second for what is due, whether or not there are orders; it finds nothing here and writes
// nothing.
const POLLS = /SKIP LOCKED/i;
// A poll's own frame cannot be told from an order's, and the extension lists the driver's COMMIT only now and then.
const FRAMES = /^(?:begin|commit)/i;
// What the pool asks for itself: whether the server answers, and once a connection which types are arrays.
const PROBES = /^SELECT \$?1$|pg_catalog\.pg_type/i;

async function nextTransactionId({ sql }: Servers): Promise<number> {
  const [row] = await sql<{ id: string }[]>`SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS id`;
  return Number(row?.id);
}

async function statementsOf({ sql, postgres }: Servers): Promise<{ query: string; calls: number }[]> {
  const rows = await sql<{ query: string; calls: string }[]>`
    SELECT s.query, sum(s.calls) AS calls FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
     WHERE r.rolname = ${new URL(postgres.appUrl).username} AND s.toplevel
     GROUP BY s.query ORDER BY min(s.query)`;
  const all = rows.map(({ query, calls }) => ({ query, calls: Number(calls) }));
  return all.filter(({ query }) => ![POLLS, FRAMES, PROBES].some((other) => other.test(query)));
}

/** Counts what happens meanwhile; nobody else may use the servers. */
export async function countSql(servers: Servers, work: () => Promise<void>): Promise<SqlCounts> {
  await servers.sql`SELECT pg_stat_statements_reset()`;
  const before = await nextTransactionId(servers);
  await work();
  const after = await nextTransactionId(servers);
  const byText = await statementsOf(servers);
  return {
    statements: byText.reduce((sum, { calls }) => sum + calls, 0),
    writeTransactions: after - before,
    byText,
  };
}
