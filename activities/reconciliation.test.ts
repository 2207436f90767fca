/** A day's bill against our books, without a workflow: each type of difference alone, and what is none. */
import { describe, expect, it } from 'vitest';
import type { BillRow } from '../channels/channel.js';
import { reconciliationById } from '../db/reconciliations.js';
import { billRows, settings } from '../db/schema.js';
import { dayBeside } from '../domain/reconciliation.js';
import { receiveFromInbox } from '../ledger/receive.js';
import {
  at,
  billOf,
  bookPayments,
  bookPayout,
  bookRefund,
  HOUR_MS,
  paymentRow,
} from '../test/support/bills.js';
import { leave } from '../test/support/world.js';
import { createReconciliationActivities } from './reconciliation.js';
import { database, date, items, open, prefix, provider, rows, run, setBill } from './test-support.js';

describe('M4: a day whose bill equals our books', () => {
  it('has no difference, and leaves nothing of the bill behind', async () => {
    await bookPayments(database.db, { date, count: 30, prefix });
    const refundNo = await bookRefund(database.db, at(date));
    const payoutNo = await bookPayout(database.db, at(date));
    setBill([
      ...billOf({ date, count: 30, prefix }),
      { ...paymentRow(refundNo, 500, at(date)), kind: 'refund', providerNo: 'r1' },
      { ...paymentRow(payoutNo, 700, at(date)), kind: 'payout', providerNo: 'p1' },
      // A payment that failed there, and a refund that we know to have failed.
      paymentRow(`${prefix}never`, 5, at(date), { status: 'failed' }),
    ]);
    expect(await run()).toEqual([]);
    expect(await reconciliationById(database.db, `alipay-${date}`)).toMatchObject({
      status: 'completed',
      run: 1,
      billRows: 33,
      matched: 32,
    });
    expect(await rows()).toEqual([]);
    expect(await database.db.select().from(billRows)).toEqual([]);
  });
});

describe('M4: money that fitted no order', () => {
  it('was captured too, so that a bill which tells of it has nothing that is missing here', async () => {
    const { db } = database;
    const told = { outTradeNo: `${prefix}odd`, amount: 77, paidAtMs: at(date).getTime() };
    // Told twice, of no attempt of ours.
    for (const eventKey of ['a', 'b'])
      await receiveFromInbox(db, await leave(db, { ...told, eventKey: date + eventKey }));
    setBill([paymentRow(told.outTradeNo, 77, at(date))]);
    expect(await run()).toEqual([]);
    setBill([paymentRow('another', 5, at(date))]);
    expect((await run()).sort()).toEqual([
      'missing_here payment another',
      `missing_there payment ${prefix}odd`,
    ]);
  });
});

describe('M4: each type of difference, alone among rows that agree', () => {
  const others = 3;
  const dayWith = async (extra: BillRow[], without: number[] = []): Promise<string[]> => {
    await bookPayments(database.db, { date, count: others, prefix });
    const agreed = [...billOf({ date, count: others, prefix })].filter((_, n) => !without.includes(n + 1));
    setBill([...agreed, ...extra]);
    return run();
  };

  it('missing_here: the bill has a payment that we have not', async () => {
    expect(await dayWith([paymentRow('stranger', 77, at(date))])).toEqual(['missing_here payment stranger']);
    expect(await items()).toEqual(['open missing_here']);
    expect(await rows()).toMatchObject([{ ours: null, theirs: { amount: 77, status: 'succeeded' } }]);
  });

  it('missing_here: a refund that we never asked for', async () => {
    const row = { ...paymentRow('norefund', 77, at(date)), kind: 'refund' } as const;
    expect(await dayWith([row])).toEqual(['missing_here refund norefund']);
  });

  it('missing_there: we have a payment, a refund and a payout that the bill has not', async () => {
    const refundNo = await bookRefund(database.db, at(date));
    const payoutNo = await bookPayout(database.db, at(date));
    expect((await dayWith([], [2])).sort()).toEqual(
      [
        `missing_there payment ${prefix}2`,
        `missing_there payout ${payoutNo}`,
        `missing_there refund ${refundNo}`,
      ].sort(),
    );
    expect(await rows()).toContainEqual(
      expect.objectContaining({ no: `${prefix}2`, orderNo: `${prefix}2`, theirs: null }),
    );
  });

  it('amount_differs', async () => {
    const row = paymentRow(`${prefix}2`, 1_003, at(date));
    expect(await dayWith([row], [2])).toEqual([`amount_differs payment ${prefix}2`]);
    expect(await rows()).toMatchObject([{ ours: { amount: 1_002 }, theirs: { amount: 1_003 } }]);
  });

  it('status_differs: paid here, failed there; and refunded there, failed here', async () => {
    const refundNo = await bookRefund(database.db, at(date), { status: 'failed' });
    const found = await dayWith(
      [
        paymentRow(`${prefix}2`, 1_002, at(date), { status: 'failed' }),
        { ...paymentRow(refundNo, 500, at(date)), kind: 'refund' },
      ],
      [2],
    );
    expect(found.sort()).toEqual([`status_differs payment ${prefix}2`, `status_differs refund ${refundNo}`]);
  });

  it('fee_differs: from what the contract says, where it is set', async () => {
    const key = 'fee.channelBps.alipay';
    await database.db.insert(settings).values({ key, value: 60, updatedBy: 'test' });
    await bookPayments(database.db, { date, count: 3, prefix });
    const [none, half, other] = await Promise.all([1, 2, 3].map(() => bookRefund(database.db, at(date))));
    // 0.6 % of about 10 yuan is 6 fen; of a refund of 5 yuan it is 3, where the provider gives it back at all.
    const bill = [...billOf({ date, count: 3, prefix })].map((row, n) => ({
      ...row,
      feeFen: n === 2 ? 7 : 6,
    }));
    const refund = (no: string | undefined, feeFen: number): BillRow => ({
      ...paymentRow(no ?? '', 500, at(date)),
      kind: 'refund',
      feeFen,
    });
    setBill([...bill, refund(none, 0), refund(half, -3), refund(other, -2)]);
    expect((await run()).sort()).toEqual(
      [`fee_differs payment ${prefix}3`, `fee_differs refund ${other}`].sort(),
    );
    await database.db.delete(settings);
  });

  it('duplicate: one case, however often the bill has it', async () => {
    const again = paymentRow(`${prefix}2`, 1_002, at(date));
    expect(await dayWith([again, again])).toEqual([`duplicate payment ${prefix}2`]);
    expect(await rows()).toMatchObject([{ theirs: { copies: 3 } }]);
  });

  it('duplicate: not a payout that came back, which the bill tells twice', async () => {
    const no = await bookPayout(database.db, at(date), { status: 'bounced' });
    const out = { ...paymentRow(no, 700, at(date)), kind: 'payout' } as const;
    expect(await dayWith([out, { ...out, status: 'failed' }])).toEqual([]);
    // We have not heard that this one came back.
    const unheard = await bookPayout(database.db, at(dayBeside(date, -1)));
    setBill([{ ...out, no: unheard, status: 'failed' }, ...billOf({ date, count: others, prefix }), out]);
    expect(await run()).toEqual([`status_differs payout ${unheard}`]);
  });

  it('a second trade of one attempt is no duplicate: it is missing here', async () => {
    const second = paymentRow(`${prefix}2`, 1_002, at(date), { providerNo: 'another' });
    expect(await dayWith([second])).toEqual([`missing_here payment ${prefix}2`]);
  });
});

describe('M4: rows near midnight', () => {
  const late = { atMs: 24 * HOUR_MS - 1_000, count: 1 };

  /** The bill has a payment of noon beside, so that it is none of a day on which nothing happened. */
  async function setBillOf(day: string, rows: readonly BillRow[]): Promise<void> {
    const other = { date: day, count: 1, prefix: `noon${day.replaceAll('-', '')}x` };
    await bookPayments(database.db, other);
    setBill([...billOf(other), ...rows], day);
  }

  it('late: in the bill of the day after; a person hears nothing of it', async () => {
    const next = dayBeside(date, 1);
    await bookPayments(database.db, { date, prefix, ...late });
    await setBillOf(date, []);
    await setBillOf(next, [paymentRow(`${prefix}1`, 1_001, at(next, 2_000))]);
    expect(await run()).toEqual([`late payment ${prefix}1`]);
    expect(await items()).toEqual([]);
    expect(await run(next)).toEqual([]);
    expect(await open()).toEqual([]);
    expect(await items()).toEqual([]);
    // Looked at again, they stay what they are.
    expect([await run(), await run(next)]).toEqual([[], []]);
  });

  it('missing_there: in neither of the two', async () => {
    const next = dayBeside(date, 1);
    await bookPayments(database.db, { date, prefix, ...late });
    await setBillOf(date, []);
    await setBillOf(next, []);
    expect(await run()).toEqual([`late payment ${prefix}1`]);
    expect(await run(next)).toEqual([]);
    expect(await open()).toEqual([`missing_there payment ${prefix}1`]);
    expect(await items()).toEqual(['open missing_there']);
    expect(await run()).toEqual([`missing_there payment ${prefix}1`]);
    expect(await items()).toEqual(['open missing_there']);
  });

  it('missing_there at once, where the day after should have been looked at long ago', async () => {
    await bookPayments(database.db, { date, prefix, ...late });
    await setBillOf(date, []);
    await run();
    const id = `alipay-${date}`;
    const activities = createReconciliationActivities(database.db, provider.channels);
    const number = await activities.beginReconciliation({ channel: 'alipay', date, by: 'test' });
    await activities.fetchBill({ id });
    await activities.compareBill({ id, run: number, nowMs: at(date, 10 * 24 * HOUR_MS).getTime() });
    expect(await open()).toEqual([`missing_there payment ${prefix}1`]);
  });

  it('one of noon is a case at once, which closes by itself when the next bill has it', async () => {
    const next = dayBeside(date, 1);
    await bookPayments(database.db, { date, prefix, count: 1 });
    await setBillOf(date, []);
    await setBillOf(next, [paymentRow(`${prefix}1`, 1_001, at(date))]);
    expect(await run()).toEqual([`missing_there payment ${prefix}1`]);
    expect(await items()).toEqual(['open missing_there']);
    expect(await run(next)).toEqual([]);
    expect(await open()).toEqual([]);
    expect(await items()).toEqual(['resolved missing_there']);
    expect(await run()).toEqual([]);
  });

  it('is settled whichever of the two days is looked at first', async () => {
    const next = dayBeside(date, 1);
    await bookPayments(database.db, { date, prefix, ...late });
    await setBillOf(date, []);
    await setBillOf(next, [paymentRow(`${prefix}1`, 1_001, at(next, 2_000))]);
    expect(await run(next)).toEqual([]);
    expect(await run()).toEqual([]);
  });

  it('a refund that we learnt of hours after its day is no difference of either', async () => {
    const next = dayBeside(date, 1);
    const no = await bookRefund(database.db, at(next, 5 * HOUR_MS));
    await setBillOf(date, [{ ...paymentRow(no, 500, at(date, 23 * HOUR_MS)), kind: 'refund' }]);
    await setBillOf(next, []);
    expect([await run(), await run(next)]).toEqual([[], []]);
  });

  it('a refund that was under way when its bill was made is none either', async () => {
    const next = dayBeside(date, 1);
    const no = await bookRefund(database.db, at(next, HOUR_MS));
    await setBillOf(date, [{ ...paymentRow(no, 500, at(date)), kind: 'refund', status: 'processing' }]);
    await setBillOf(next, []);
    expect([await run(), await run(next)]).toEqual([[], []]);
  });
});
