/** Rows of reconciliations, and the bill that is staged for one: any process may go on where another one died. */
import { and, eq, gt, inArray, notInArray, sql } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import type { ProviderChannel } from '../domain/order.js';
import { ENDED, type ReconciliationStatus, reconciliationId } from '../domain/reconciliation.js';
import type { Db } from './client.js';
import { billRows, reconciliations } from './schema.js';

export type ReconciliationRow = typeof reconciliations.$inferSelect;

export interface ChannelDay {
  channel: ProviderChannel;
  /** A day in China, such as `2026-11-23`. */
  date: string;
}

export async function findReconciliation(db: Db, id: string): Promise<ReconciliationRow | undefined> {
  const [row] = await db.select().from(reconciliations).where(eq(reconciliations.id, id));
  return row;
}

/** Of one that a workflow works on. @throws Error where there is none: a bug of ours */
export async function reconciliationById(db: Db, id: string): Promise<ReconciliationRow> {
  const row = await findReconciliation(db, id);
  if (row === undefined) throw new Error('a reconciliation that runs has a row');
  return row;
}

const another = sql`${reconciliations.run} + 1`;

/** Asks for another run of that day, unless one is asked for or under way. @returns the row as it is afterwards */
export async function claimRun(
  db: Db,
  { channel, date }: ChannelDay,
  by: string,
): Promise<ReconciliationRow> {
  const id = reconciliationId(channel, date);
  const [claimed] = await db
    .insert(reconciliations)
    .values({ id, channel, date, status: 'requested', requestedBy: by })
    .onConflictDoUpdate({
      target: reconciliations.id,
      set: { status: 'requested', run: another, requestedBy: by, error: null, endedAt: null },
      setWhere: inArray(reconciliations.status, [...ENDED]),
    })
    .returning();
  return claimed ?? reconciliationById(db, id);
}

/** A run begins: what an earlier one staged is nothing to it. @returns its number */
export async function beginRun(
  db: Db,
  { channel, date }: ChannelDay,
  by: string,
): Promise<ReconciliationRow> {
  const id = reconciliationId(channel, date);
  const fresh = { status: 'fetching', startedAt: sql`now()` } as const;
  const [row] = await db
    .insert(reconciliations)
    .values({ id, channel, date, requestedBy: by, ...fresh })
    .onConflictDoUpdate({
      target: reconciliations.id,
      set: {
        ...fresh,
        // Who asked for it has counted it.
        run: sql`${reconciliations.run} + CASE ${reconciliations.status} WHEN 'requested' THEN 0 ELSE 1 END`,
        fence: sql`${reconciliations.fence} + 1`,
        billRows: 0,
        billDigest: null,
        matched: 0,
        error: null,
        endedAt: null,
      },
    })
    .returning();
  if (row === undefined) throw new Error('an upsert answered no row');
  return row;
}

/** Changes a run that has not ended. */
export async function changeRun(
  db: Db,
  id: string,
  change: { status: ReconciliationStatus; error?: ReconciliationRow['error']; endedAt?: Date },
): Promise<void> {
  await db
    .update(reconciliations)
    .set(change)
    .where(and(eq(reconciliations.id, id), notInArray(reconciliations.status, [...ENDED])));
}

/** Takes the staging over: whoever held it before, and is only slow, writes to it no more. */
export async function takeStaging(db: Db, id: string): Promise<ReconciliationRow> {
  const [row] = await db
    .update(reconciliations)
    .set({ fence: sql`${reconciliations.fence} + 1`, status: 'fetching' })
    .where(eq(reconciliations.id, id))
    .returning();
  if (row === undefined) throw new Error('a reconciliation that runs has a row');
  return row;
}

export interface StagedRow {
  kind: (typeof billRows.$inferSelect)['kind'];
  no: string;
  providerNo: string;
  amountFen: number;
  feeFen: number;
  status: (typeof billRows.$inferSelect)['status'];
  at: Date;
}

/**
 * Stages the next rows of a bill, and how far it has come, in one statement: after a crash both are there or neither.
 * A row that was staged before, by a bill that has changed since, is written over.
 * @param from the first one's line, from 1
 * @returns false when another process has taken over
 */
export async function stageRows(
  db: Db,
  { id, fence }: Pick<ReconciliationRow, 'id' | 'fence'>,
  { from, rows, digest }: { from: number; rows: readonly StagedRow[]; digest: string },
): Promise<boolean> {
  const column = <T>(of: (row: StagedRow) => T) => sql.param(rows.map(of));
  const [staged] = await db.execute<{ ok: boolean }>(sql`
    WITH held AS (
      UPDATE reconciliations SET bill_rows = ${from - 1 + rows.length}, bill_digest = ${digest}
       WHERE id = ${id} AND fence = ${fence} RETURNING id),
    written AS (
      INSERT INTO bill_rows (reconciliation_id, line, kind, no, provider_no, amount, fee, status, at)
      SELECT held.id, ${from}::int + b.place::int - 1, b.kind, b.no, b.provider_no, b.amount, b.fee, b.status,
             b.at::timestamptz
        FROM held, unnest(
               ${column((row) => row.kind)}::text[], ${column((row) => row.no)}::text[],
               ${column((row) => row.providerNo)}::text[], ${column((row) => row.amountFen)}::bigint[],
               ${column((row) => row.feeFen)}::bigint[], ${column((row) => row.status)}::text[],
               ${column((row) => row.at.toISOString())}::text[]
             ) WITH ORDINALITY AS b (kind, no, provider_no, amount, fee, status, at, place)
      ON CONFLICT (reconciliation_id, line) DO UPDATE SET
        kind = EXCLUDED.kind, no = EXCLUDED.no, provider_no = EXCLUDED.provider_no, amount = EXCLUDED.amount,
        fee = EXCLUDED.fee, status = EXCLUDED.status, at = EXCLUDED.at)
    SELECT EXISTS (SELECT 1 FROM held) AS ok`);
  return staged?.ok === true;
}

/** The bill has so many rows: what is staged behind them is of a longer one. */
export async function finishStaging(
  db: Db,
  { id, fence }: Pick<ReconciliationRow, 'id' | 'fence'>,
  rows: number,
): Promise<boolean> {
  const [held] = await db
    .update(reconciliations)
    .set({ billRows: rows })
    .where(and(eq(reconciliations.id, id), eq(reconciliations.fence, fence)))
    .returning({ id: reconciliations.id });
  if (held === undefined) return false;
  await db.delete(billRows).where(and(eq(billRows.reconciliationId, id), gt(billRows.line, rows)));
  return true;
}

/**
 * The row of a run whose bill is being compared, locked.
 * @throws HoldfastError `conflict`: that run has gone on without us, and what it staged may be gone
 */
export async function lockCompared(tx: Db, id: string, run: number): Promise<ReconciliationRow> {
  const [row] = await tx.select().from(reconciliations).where(eq(reconciliations.id, id)).for('update');
  if (row?.run === run && row.status === 'comparing') return row;
  throw new HoldfastError('conflict', { message: 'this bill has been compared by another process' });
}

/** The bill was compared; who staged it, and is only slow, writes to the staging no more. */
export async function comparedRun(
  tx: Db,
  id: string,
  found: { matched: number; fees: number },
): Promise<void> {
  await tx
    .update(reconciliations)
    .set({ ...found, comparedAt: sql`now()`, fence: sql`${reconciliations.fence} + 1` })
    .where(eq(reconciliations.id, id));
}

/** Ends a run, whose staging is needed no more. */
export async function endRun(
  tx: Db,
  id: string,
  end: { status: 'completed' } | { status: 'failed'; error: { code: string; message: string } },
): Promise<void> {
  await changeRun(tx, id, { ...end, endedAt: new Date() });
  await tx.delete(billRows).where(eq(billRows.reconciliationId, id));
}
