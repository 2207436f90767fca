/** Days of books with their bills, in a database of the test file's own: for runs without a workflow. */
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { BillRow } from '../channels/channel.js';
import type { DifferenceRow } from '../db/differences.js';
import { reconciliationDifferences } from '../db/schema.js';
import { dayBeside } from '../domain/reconciliation.js';
import { HOUR_MS, type Provider, at, billProvider } from '../test/support/bills.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addUsers } from '../test/support/world.js';
import { createReconciliationActivities } from './reconciliation.js';

export let database: TestDatabase;
export let provider: Provider;
beforeAll(async () => {
  database = await freshDatabase();
  await addUsers(database.db);
});
afterAll(() => database.close());

/** Each test has days of its own, far from the others'. */
export let date = '2026-01-01';
/** Of its numbers. */
export let prefix = '';
beforeEach(() => {
  date = dayBeside(date, 5);
  prefix = `n${date.replaceAll('-', '')}x`;
  provider = billProvider();
});

export const setBill = (rows: Iterable<BillRow>, day = date): void => {
  const all = [...rows];
  provider.bills.set(day, () => all);
};

/** When the schedule starts it. */
export const morningAfter = (day: string): number => at(day, 34.5 * HOUR_MS).getTime();

/** A whole run, as the workflow does it. @returns its differences of that day, as `type kind no` */
export async function run(day = date): Promise<string[]> {
  const activities = createReconciliationActivities(database.db, provider.channels);
  const id = `alipay-${day}`;
  const number = await activities.beginReconciliation({ channel: 'alipay', date: day, by: 'test' });
  expect(await activities.fetchBill({ id })).toEqual({ state: 'staged' });
  await activities.compareBill({ id, run: number, nowMs: morningAfter(day) });
  while (await activities.askAboutMissing({ id, run: number }));
  await activities.endReconciliation({ id });
  return open(day);
}

export async function rows(day = date): Promise<DifferenceRow[]> {
  return database.db
    .select()
    .from(reconciliationDifferences)
    .where(eq(reconciliationDifferences.date, day))
    .orderBy(reconciliationDifferences.id);
}

export async function open(day = date): Promise<string[]> {
  const found = await rows(day);
  return found.filter(({ status }) => status === 'open').map(({ type, kind, no }) => `${type} ${kind} ${no}`);
}

/** Its cases, as `status type`. */
export async function items(day = date): Promise<string[]> {
  const found = await database.db.execute<{ item: string }>(sql`
    SELECT status || ' ' || (details ->> 'type') AS item FROM operator_items
     WHERE kind = 'difference' AND details ->> 'date' = ${day} ORDER BY seq`);
  return found.map(({ item }) => item);
}
