/** Several looks at one day, bills that cannot be had, and workers that die: what counts, counts once. */
import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { closeByHand } from '../db/differences.js';
import { resolveItem } from '../db/operator-items.js';
import { reconciliationById } from '../db/reconciliations.js';
import { operatorItems } from '../db/schema.js';
import { proveLedger } from '../ledger/balances.js';
import { at, billOf, bookPayments, bookRefund, paymentRow } from '../test/support/bills.js';
import { createReconciliationActivities } from './reconciliation.js';
import {
  database,
  date,
  items,
  morningAfter,
  open,
  prefix,
  provider,
  rows,
  run,
  setBill,
} from './test-support.js';

const channelFees = async (): Promise<number> =>
  (await proveLedger(database.db)).accounts.find(({ account }) => account === 'platform:channel_fees')
    ?.balance ?? 0;

describe('M4: another look at the same day', () => {
  it('keeps the case of a difference that is still there, and closes that of one that is gone', async () => {
    await bookPayments(database.db, { date, count: 2, prefix });
    const good = [...billOf({ date, count: 2, prefix })];
    setBill([paymentRow(`${prefix}1`, 5, at(date)), paymentRow('odd', 9, at(date)), ...good.slice(1)]);
    const first = await run();
    expect(first).toHaveLength(2);
    const before = await database.db
      .select()
      .from(operatorItems)
      .where(sql`details ->> 'date' = ${date}`);
    expect(await run()).toEqual(first);
    const after = await database.db
      .select()
      .from(operatorItems)
      .where(sql`details ->> 'date' = ${date}`);
    expect(after).toEqual(before);
    setBill([...good, paymentRow('odd', 9, at(date))]);
    expect(await run()).toEqual(['missing_here payment odd']);
    expect((await items()).sort()).toEqual(['open missing_here', 'resolved amount_differs']);
  });

  it('opens no case again that an operator has closed, unless its facts have changed', async () => {
    await bookPayments(database.db, { date, count: 1, prefix });
    setBill([paymentRow(`${prefix}1`, 5, at(date))]);
    await run();
    const [{ ref } = { ref: '' }] = await rows();
    await closeByHand(database.db, ref);
    const word = { resolution: 'acknowledged', reason: 'known', by: 'user:oscar' };
    await resolveItem(database.db, { kind: 'difference', ref, ...word });
    expect(await run()).toEqual([]);
    expect(await items()).toEqual(['resolved amount_differs']);
    setBill([paymentRow(`${prefix}1`, 6, at(date))]);
    expect(await run()).toEqual([`amount_differs payment ${prefix}1`]);
    expect(await items()).toEqual(['open amount_differs']);
  });
});

describe('M4: what the provider keeps', () => {
  it('is posted once a day and channel, net of what it gave back', async () => {
    const before = await channelFees();
    await bookPayments(database.db, { date, count: 3, prefix });
    const refundNo = await bookRefund(database.db, at(date));
    const bill = [...billOf({ date, count: 3, prefix })].map((row) => ({ ...row, feeFen: 6 }));
    const refund = { ...paymentRow(refundNo, 500, at(date)), kind: 'refund', feeFen: -3 } as const;
    setBill([...bill, refund]);
    expect([await run(), await run()]).toEqual([[], []]);
    expect(await channelFees()).toBe(before - 15);
    expect(await proveLedger(database.db)).toMatchObject({ balanced: true });
    expect(await reconciliationById(database.db, `alipay-${date}`)).toMatchObject({ fees: 15, run: 2 });
    // A later bill that says otherwise moves nothing: it is a person's.
    setBill([...bill.map((row) => ({ ...row, feeFen: 7 })), refund]);
    expect(await run()).toEqual([`fee_differs fees reconciliation/alipay/${date}:fees`]);
    expect(await rows()).toMatchObject([{ ours: { amount: 15 }, theirs: { amount: 18 } }]);
    expect(await channelFees()).toBe(before - 15);
  });
});

describe('a bill that cannot be had', () => {
  const activities = () => createReconciliationActivities(database.db, provider.channels);

  it('is waited for where it is not ready, and the reason is on record', async () => {
    await activities().beginReconciliation({ channel: 'alipay', date, by: 'test' });
    const id = `alipay-${date}`;
    const error = { code: 'bill_not_ready', message: `no bill of ${date} yet` };
    expect(await activities().fetchBill({ id })).toEqual({ state: 'later', error });
    expect(await reconciliationById(database.db, id)).toMatchObject({ status: 'waiting', error });
  });

  it('is waited for where it is empty, and our books of that day are not', async () => {
    await activities().beginReconciliation({ channel: 'alipay', date, by: 'test' });
    const id = `alipay-${date}`;
    setBill([]);
    await bookPayments(database.db, { date, count: 1, prefix });
    expect(await activities().fetchBill({ id })).toMatchObject({
      state: 'later',
      error: { code: 'bill_not_ready' },
    });
    setBill(billOf({ date, count: 1, prefix }));
    expect(await activities().fetchBill({ id })).toEqual({ state: 'staged' });
  });

  it('T6: is a person’s in the end, until it is there', async () => {
    const id = `alipay-${date}`;
    await activities().beginReconciliation({ channel: 'alipay', date, by: 'test' });
    await activities().giveUpReconciliation({ id, error: { code: 'bill_not_ready', message: 'never' } });
    const item = async () =>
      (
        await database.db
          .select()
          .from(operatorItems)
          .where(eq(operatorItems.ref, `alipay/${date}/bill`))
      )[0];
    expect(await item()).toMatchObject({ status: 'open', details: { code: 'bill_not_ready' } });
    expect(await reconciliationById(database.db, id)).toMatchObject({ status: 'failed' });
    setBill([]);
    await run();
    expect(await item()).toMatchObject({ status: 'resolved', resolvedBy: 'system' });
  });
});

describe('T5: a worker that dies while it stages a bill', () => {
  const count = 4_500;

  it('the next one goes on where it was, and every row counts once', async () => {
    const bill = [...billOf({ date, count, prefix })];
    await bookPayments(database.db, { date, count, prefix });
    let reads = 0;
    provider.bills.set(date, function* dies() {
      reads++;
      yield* bill.slice(0, reads === 1 ? 2_600 : count);
      if (reads === 1) throw new Error('the worker is gone');
    });
    const id = `alipay-${date}`;
    const activities = createReconciliationActivities(database.db, provider.channels);
    await activities.beginReconciliation({ channel: 'alipay', date, by: 'test' });
    await expect(activities.fetchBill({ id })).rejects.toThrow('the worker is gone');
    expect(await reconciliationById(database.db, id)).toMatchObject({ billRows: 2_000 });
    const before = await xmins(id);
    expect(await activities.fetchBill({ id })).toEqual({ state: 'staged' });
    // Those that were there have not been written again.
    expect((await xmins(id)).slice(0, 2_000)).toEqual(before);
    await activities.compareBill({ id, run: 1, nowMs: morningAfter(date) });
    expect(await reconciliationById(database.db, id)).toMatchObject({ billRows: count, matched: count });
    expect(await open()).toEqual([]);
  });

  it('a bill that has changed meanwhile is staged from its first row', async () => {
    const first = [...billOf({ date, count, prefix })];
    let reads = 0;
    provider.bills.set(date, function* changes() {
      reads++;
      if (reads > 1) return yield* first.slice(1, 1_201).reverse();
      yield* first.slice(0, 2_600);
      throw new Error('the worker is gone');
    });
    await bookPayments(database.db, { date, count: 1_201, prefix });
    const id = `alipay-${date}`;
    const activities = createReconciliationActivities(database.db, provider.channels);
    await activities.beginReconciliation({ channel: 'alipay', date, by: 'test' });
    await expect(activities.fetchBill({ id })).rejects.toThrow('the worker is gone');
    await activities.fetchBill({ id });
    await activities.compareBill({ id, run: 1, nowMs: morningAfter(date) });
    expect(await open()).toEqual([`missing_there payment ${prefix}1`]);
    expect(await reconciliationById(database.db, id)).toMatchObject({ billRows: 1_200, matched: 1_200 });
  });

  it('one that was only slow writes nothing once another has taken over', async () => {
    const id = `alipay-${date}`;
    const activities = createReconciliationActivities(database.db, provider.channels);
    await activities.beginReconciliation({ channel: 'alipay', date, by: 'test' });
    const bill = [...billOf({ date, count, prefix })];
    let reads = 0;
    provider.bills.set(date, async function* slow() {
      reads++;
      const isFirst = reads === 1;
      yield* bill.slice(0, isFirst ? 1_500 : 10);
      if (!isFirst) return;
      await activities.fetchBill({ id });
      yield* bill.slice(1_500);
    });
    await expect(activities.fetchBill({ id })).rejects.toMatchObject({ code: 'conflict' });
    expect(await reconciliationById(database.db, id)).toMatchObject({ billRows: 10 });
    expect(await xmins(id)).toHaveLength(10);
  });

  async function xmins(id: string): Promise<string[]> {
    const found = await database.db.execute<{ xmin: string }>(
      sql`SELECT xmin::text AS xmin FROM bill_rows WHERE reconciliation_id = ${id} ORDER BY line`,
    );
    return found.map(({ xmin }) => xmin);
  }
});
