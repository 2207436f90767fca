/** A day of 100,000 payments: what differs is found among them, and no bill is ever whole in a process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BillRow } from '../channels/channel.js';
import { reconciliationById } from '../db/reconciliations.js';
import { fen } from '../domain/money.js';
import { DAY_MS, dayBeside, dayStartMs } from '../domain/reconciliation.js';
import { type Provider, at, billOf, billProvider, bookPayments, paymentRow } from '../test/support/bills.js';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { addUsers } from '../test/support/world.js';
import { createReconciliationActivities } from './reconciliation.js';

const MANY = 100_000;
const FEW = 10_000;
const MB = 1_048_576;

let database: TestDatabase;
let provider: Provider;
beforeAll(async () => {
  database = await freshDatabase();
  provider = billProvider();
  await addUsers(database.db);
});
afterAll(() => database.close());

/** One row in two thousand differs, each type of difference in its turn. */
const EVERY = 2_000;

interface Planted {
  rows: Generator<BillRow>;
  /** `type no`, filled while the rows are read. */
  differences: string[];
}

function withDifferences(bill: Iterable<BillRow>, time: Date): Planted {
  const differences: string[] = [];
  function* rows(): Generator<BillRow> {
    let n = 0;
    for (const row of bill) {
      if (++n % EVERY !== 0) {
        yield row;
        continue;
      }
      const plant = PLANTS[(n / EVERY) % PLANTS.length];
      if (plant === undefined) throw new Error('there is a plant for every remainder');
      const planted = plant(row, time);
      if (differences.length < MANY / EVERY) differences.push(planted.what);
      yield* planted.rows;
    }
  }
  return { rows: rows(), differences };
}

const PLANTS: readonly ((row: BillRow, time: Date) => { what: string; rows: BillRow[] })[] = [
  (row) => ({ what: `missing_there ${row.no}`, rows: [] }),
  (row) => ({ what: `duplicate ${row.no}`, rows: [row, row] }),
  (row, time) => ({ what: `missing_here x${row.no}`, rows: [row, paymentRow(`x${row.no}`, 5, time)] }),
  (row) => ({ what: `status_differs ${row.no}`, rows: [{ ...row, status: 'failed' }] }),
  (row) => ({ what: `amount_differs ${row.no}`, rows: [{ ...row, amountFen: fen(row.amountFen + 1) }] }),
];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The most memory that was resident while the work ran, sampled every few milliseconds. Bytes. */
async function peakDuring(work: () => Promise<void>): Promise<number> {
  collectGarbage();
  let most = process.memoryUsage.rss();
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  try {
    await work();
  } finally {
    clearInterval(sampling);
  }
  return Math.max(most, process.memoryUsage.rss());
}

/** A whole run over a day with so many payments. @returns the peak of memory, and what was found, as `type no` */
async function runOf(
  date: string,
  count: number,
): Promise<{ peak: number; planted: string[]; found: string[] }> {
  const day = { date, count, prefix: `n${date.replaceAll('-', '')}x` };
  await bookPayments(database.db, day);
  const planted = withDifferences(billOf(day), at(date));
  provider.bills.set(date, () => planted.rows);
  const activities = createReconciliationActivities(database.db, provider.channels);
  const id = `alipay-${date}`;
  const peak = await peakDuring(async () => {
    const run = await activities.beginReconciliation({ channel: 'alipay', date, by: 'test' });
    await activities.fetchBill({ id });
    await activities.compareBill({ id, run, nowMs: dayStartMs(date) + 1.5 * DAY_MS });
    while (await activities.askAboutMissing({ id, run }));
    await activities.endReconciliation({ id });
  });
  const rows = await database.db.execute<{ what: string }>(sql`
    SELECT type || ' ' || no AS what FROM reconciliation_differences
     WHERE date = ${date} AND status = 'open' ORDER BY type, no`);
  return { peak, planted: planted.differences, found: rows.map(({ what }) => what) };
}

describe('M4: a day of 100,000 payments', () => {
  it('finds exactly the 50 rows that differ, with at most 64 MB more memory than a tenth of them takes', async () => {
    const date = '2026-11-01';
    // What is loaded and compiled once counts for neither. All that the planner ever learns of a bill is that there is
    // none: a plan that compares each row with each other one would take longer than a statement may.
    await runOf(dayBeside(date, 5), 30);
    await sqlAs(database.superuserUrl, (superuser) => superuser`ANALYZE`);
    const few = await runOf(date, FEW);
    const many = await runOf(dayBeside(date, 10), MANY);
    expect(few.found).toEqual(few.planted.toSorted());
    expect(many.planted).toHaveLength(50);
    expect(many.found).toEqual(many.planted.toSorted());
    expect((many.peak - few.peak) / MB).toBeLessThan(64);
    expect(await reconciliationById(database.db, 'alipay-2026-11-11')).toMatchObject({
      status: 'completed',
      // Ten of each type: ten rows are missing there, ten are there twice, ten more are not ours.
      billRows: MANY + 10,
      matched: MANY - 40,
    });
  }, 300_000);
});
