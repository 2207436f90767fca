/** The daily proof against the sandbox's bills, and the lists that stand for them, by each provider's own wire. */
import { eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import { orderByNo } from '../../db/orders.js';
import { reconciliationById } from '../../db/reconciliations.js';
import { payments, settings } from '../../db/schema.js';
import { type WithdrawalRow, askOnceMore } from '../../db/withdrawals.js';
import { fen } from '../../domain/money.js';
import type { ProviderChannel } from '../../domain/order.js';
import { chinaDayOf, dayBeside } from '../../domain/reconciliation.js';
import { proveLedger } from '../../ledger/balances.js';
import { at } from '../support/bills.js';
import { type Flow, startFlow } from '../support/flow.js';
import { FULL } from '../support/full.js';
import { BY_TEST } from '../support/journeys.js';
import { type Day, feesOf, paidUnheard, reconcile, takeArrivals } from '../support/reconciling.js';
import { settleAt } from '../support/refunds.js';
import {
  approvedAt,
  deliver,
  endedWithdrawal,
  payoutsOf,
  settlePayout,
  withdrawalNow,
} from '../support/withdrawal-flow.js';
import { addUsers, until } from '../support/world.js';

let flow: Flow;
// The bill of a day is there for certain two days later.
const date = dayBeside(chinaDayOf(Date.now()), -2);
beforeAll(async () => {
  // It is noon of that day at the providers, since lists go by when things were made there. Skipped time would move it.
  flow = await startFlow({ realServer: true, providersAheadMs: at(date).getTime() - Date.now() });
  await addUsers(flow.database.db);
  // Nobody listens there.
  const url = `${flow.context.publicUrl}/webhooks/pingpp`;
  await flow.providers.control('PUT', '/webhooks', { channel: 'pingpp', url });
});
afterAll(() => flow.close());
afterEach(() => flow.providers.control('DELETE', '/bills/faults'));

const PAID = 7;
const AMOUNT = 2_500;

/** What each difference of a payment is found as. */
const FOUND = {
  amount: 'amount_differs',
  duplicate: 'duplicate',
  extra: 'missing_here',
  fee: 'fee_differs',
  missing: 'missing_there',
  status: 'status_differs',
} as const;

/** Puts differences into the day, each of which the sandbox has a line for. */
async function differ({ channel }: Day, differences: { type: keyof typeof FOUND; kind: string }[]) {
  const touched = await flow.providers.control('POST', '/bills/faults', { channel, date, differences });
  expect((touched as { data: unknown[] }).data).toHaveLength(differences.length);
}

/** Three parts of an order's payment go back. */
async function refundParts(orderNo: string): Promise<void> {
  const { context } = flow;
  for (const amount of [300, 301, 302]) {
    const order = await orderByNo(context.db, orderNo);
    const wish = { amountFen: fen(amount), reason: 'no lesson' };
    const refund = await requestRefund(context, order, wish, BY_TEST);
    await decideRefund(context, refund, { approve: true, reason: 'so be it' }, BY_TEST);
    expect(await settleAt(flow, refund.id)).toMatchObject({ status: 'succeeded' });
  }
}

async function paidOut({ channel }: Day): Promise<WithdrawalRow> {
  const row = await approvedAt(flow, channel);
  await until(async () => (await payoutsOf(flow, row))[0]?.status === 'paid');
  expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'paid' });
  return row;
}

const CHANNELS = [
  { channel: 'alipay', feeBps: 60, faults: ['amount', 'duplicate', 'extra', 'fee', 'missing'] },
  { channel: 'wechat', feeBps: 60, faults: ['amount', 'duplicate', 'extra', 'fee', 'missing', 'status'] },
  { channel: 'stripe', feeBps: 220, faults: ['amount', 'duplicate', 'extra', 'fee', 'missing'] },
  // Its lists tell no fees.
  { channel: 'pingpp', feeBps: 0, faults: ['amount', 'duplicate', 'extra', 'missing'] },
] as const;

// A bill and a list in every run; the pauses between a day's looks are real here.
const IN_EVERY_RUN: readonly ProviderChannel[] = ['alipay', 'stripe'];
const looked = CHANNELS.filter(({ channel }) => FULL || IN_EVERY_RUN.includes(channel));

describe.each(looked)('M4 W5: the bill of $channel', ({ channel, feeBps, faults }) => {
  const day = { channel, date };
  const fee = Math.round((AMOUNT * feeBps) / 10_000);
  const isList = channel === 'stripe' || channel === 'pingpp';
  const orderNos: string[] = [];

  it('tells of payments that nobody told us of, and they pay their orders', async () => {
    for (let n = 0; n < PAID; n++) orderNos.push(await paidUnheard(flow, day, AMOUNT));
    const before = await feesOf(flow);
    const found = await reconcile(flow, day, () => takeArrivals(flow, day, PAID));
    expect(found).toEqual([]);
    for (const orderNo of orderNos) {
      expect(await orderByNo(flow.database.db, orderNo)).toMatchObject({
        captured: AMOUNT,
        paidChannel: channel,
      });
    }
    expect(await feesOf(flow)).toBe(before - PAID * fee);
    expect(await reconciliationById(flow.database.db, `${channel}-${date}`)).toMatchObject({
      status: 'completed',
      billRows: PAID,
      fees: PAID * fee,
    });
  });

  it('is found to differ where it does, and nowhere else', async () => {
    const { db } = flow.database;
    // Our times are never before an order was made; these were made on that day.
    await db
      .update(payments)
      .set({ paidAt: at(date) })
      .where(eq(payments.channel, channel));
    const key = `fee.channelBps.${channel}`;
    await db.insert(settings).values({ key, value: feeBps, updatedBy: 'test' });
    expect(await reconcile(flow, day)).toEqual([]);
    await differ(
      day,
      faults.map((type) => ({ type, kind: 'payment' })),
    );
    // The sum of the day's fees is another one than was posted.
    const ofTheSum = feeBps > 0 ? ['fee_differs'] : [];
    expect(await reconcile(flow, day)).toEqual([...faults.map((type) => FOUND[type]), ...ofTheSum].sort());
    await flow.providers.control('DELETE', '/bills/faults');
    expect(await reconcile(flow, day)).toEqual([]);
    const [{ cases } = { cases: '' }] = await db.execute<{ cases: string }>(sql`
      SELECT string_agg(DISTINCT status, ' ') AS cases FROM operator_items
       WHERE kind = 'difference' AND details ->> 'channel' = ${channel}`);
    expect(cases).toBe('resolved');
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });

  if (!isList) return;

  it('has refunds and payouts, and is found to differ in those too', async () => {
    await refundParts(orderNos[0] ?? '');
    for (let n = 0; n < 2; n++) await paidOut(day);
    expect(await reconcile(flow, day)).toEqual([]);
    await differ(day, [
      { type: 'status', kind: 'refund' },
      { type: 'duplicate', kind: 'refund' },
      { type: 'missing', kind: 'refund' },
      { type: 'amount', kind: 'payout' },
      { type: 'missing', kind: 'payout' },
    ]);
    expect(await reconcile(flow, day)).toEqual([
      'amount_differs',
      'duplicate',
      'missing_there',
      'missing_there',
      'status_differs',
    ]);
    await flow.providers.control('DELETE', '/bills/faults');
    expect(await reconcile(flow, day)).toEqual([]);
    expect(await proveLedger(flow.database.db)).toMatchObject({ balanced: true });
  });

  it('tells of a payout that came back in silence', async () => {
    const row = await paidOut(day);
    expect(await reconcile(flow, day)).toEqual([]);
    await settlePayout(flow, row, 'bounce');
    expect(await reconcile(flow, day)).toEqual(['status_differs']);
    await askOnceMore(flow.database.db, row.id);
    await deliver(flow, row);
    expect(await withdrawalNow(flow, row)).toMatchObject({ status: 'bounced' });
    expect(await reconcile(flow, day)).toEqual([]);
  });
});
