/** Proof that a refused call changed nothing: every table's rows, counted and summed up. */
import { sql } from 'drizzle-orm';
import { expect } from 'vitest';
import type { Db } from '../../db/client.js';

/** By table: how many rows, and the sum of their digests. */
export type Snapshot = Readonly<Record<string, string>>;

export async function snapshotOf(db: Db): Promise<Snapshot> {
  const tables = await db.execute<{ name: string }>(
    sql`SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  if (tables.length < 15) throw new Error('these are not all of the tables');
  const parts = tables.map(
    ({ name }) =>
      sql`SELECT ${name}::text AS name, count(*) AS rows,
            COALESCE(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS sum FROM ${sql.identifier(name)} t`,
  );
  const rows = await db.execute<{ name: string; rows: string; sum: string }>(
    sql.join(parts, sql` UNION ALL `),
  );
  return Object.fromEntries(
    rows.map(({ name, rows: count, sum: digest }) => [name, `${count} rows, ${digest}`]),
  );
}

/**
 * Runs the work, and fails when anything in the database is another than before.
 * @param but tables in which the work may leave something, such as `password_guesses`
 */
export async function changingNothing<T>(
  db: Db,
  work: () => Promise<T>,
  ...but: readonly string[]
): Promise<T> {
  const before = await snapshotOf(db);
  const result = await work();
  const after = await snapshotOf(db);
  const rest = (of: Snapshot): Snapshot =>
    Object.fromEntries(Object.entries(of).filter(([name]) => !but.includes(name)));
  expect(rest(after)).toEqual(rest(before));
  return result;
}
