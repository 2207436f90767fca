/** Brings a provider's bill into PostgreSQL, a batch at a time: neither its length nor a crash matters. */
import { createHash } from 'node:crypto';
import type { BillRow } from '../channels/channel.js';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { type ReconciliationRow, type StagedRow, finishStaging, stageRows } from '../db/reconciliations.js';
import { HoldfastError } from '../domain/errors.js';

const BATCH_ROWS = 1_000;

type Staging = Pick<ReconciliationRow, 'id' | 'fence' | 'billRows' | 'billDigest'>;

function textOf({ kind, no, providerNo, amountFen, feeFen, status, at }: BillRow): string {
  return `${JSON.stringify([kind, no, providerNo, amountFen, feeFen, status, at.getTime()])}\n`;
}

/**
 * Stages a bill from where an earlier try has come to. That one's rows are read again, since no provider gives a part
 * of a bill, and are not written again.
 * @param read asks for the bill from its first row
 * @returns how many rows it has
 * @throws HoldfastError `conflict`: another process has taken over
 */
export async function stageBill(db: Db, read: () => AsyncIterable<BillRow>, given: Staging): Promise<number> {
  const rows = (await staged(db, read(), given)) ?? (await staged(db, read(), { ...given, billRows: 0 }));
  if (rows === null) throw new Error('a bill that is staged from its first row is any bill');
  if (!(await finishStaging(db, given, rows))) throw takenOver();
  return rows;
}

/** @returns null when the bill is not the one that was staged before: a list that grows, or a bill that was corrected */
async function staged(
  db: Db,
  bill: AsyncIterable<BillRow>,
  { billRows, billDigest, ...held }: Staging,
): Promise<number | null> {
  const hash = createHash('sha256');
  const digest = (): string => hash.copy().digest('hex');
  let rows: StagedRow[] = [];
  let line = 0;
  const write = async (): Promise<void> => {
    const from = line - rows.length + 1;
    if (!(await stageRows(db, held, { from, rows, digest: digest() }))) throw takenOver();
    crashPoint('reconciliation: rows staged');
    rows = [];
  };
  for await (const row of bill) {
    line++;
    hash.update(textOf(row));
    if (line > billRows) rows.push(row);
    else if (line === billRows && digest() !== billDigest) return null;
    if (rows.length === BATCH_ROWS) await write();
  }
  if (line < billRows) return null;
  if (rows.length > 0) await write();
  return line;
}

function takenOver(): HoldfastError {
  return new HoldfastError('conflict', { message: 'another process stages this bill' });
}
