/** How the verdict's questions are put to PostgreSQL. */
import type postgres from 'postgres';

export interface Violation {
  /** Its id in the list of promises: `M1`, `T6`. */
  promise: string;
  /** An order's number, an account, a trade. */
  about: string;
  what: string;
}

/** A question whose every row is a violation: columns `about` and `what`, both text. */
export interface Check {
  promise: string;
  /** What is promised, in a few words: the name under which a test plants its fault. */
  name: string;
  sql: string;
}

/** Asks inside a transaction that somebody has begun. */
export async function violationsIn(
  tx: postgres.TransactionSql,
  checks: readonly Check[],
): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { promise, sql } of checks) {
    const rows = await tx.unsafe<{ about: string | null; what: string }[]>(sql);
    found.push(...rows.map(({ about, what }) => ({ promise, about: about ?? 'unknown', what })));
  }
  return found;
}

/** All in one snapshot, so that what is moving while it is looked at is seen in one state. */
export function runChecks(sql: postgres.Sql, checks: readonly Check[]): Promise<Violation[]> {
  return sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (tx) => {
    await tx`SET LOCAL statement_timeout = '120s'`;
    return violationsIn(tx, checks);
  });
}
