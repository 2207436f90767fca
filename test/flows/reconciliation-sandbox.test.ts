/** The daily proof against the sandbox's bills, by each provider's own wire. */
import { and, eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { payByProvider } from '../../commands/pay-order.js';
import { requestReconciliation } from '../../commands/reconciliations.js';
import { orderByNo } from '../../db/orders.js';
import { reconciliationById } from '../../db/reconciliations.js';
import { inbox, payments, reconciliationDifferences, settings } from '../../db/schema.js';
import { fen } from '../../domain/money.js';
import { chinaDayOf, dayBeside } from '../../domain/reconciliation.js';
import { proveLedger } from '../../ledger/balances.js';
import { deliverPayment } from '../../relay/payments.js';
import { reconciliationWorkflowId } from '../../workflows/contract.js';
import { at } from '../support/bills.js';
import { type Flow, startFlow } from '../support/flow.js';
import { addUsers, newOrder, until } from '../support/world.js';

let flow: Flow;
// The bill of a day is there for certain two days later.
const date = dayBeside(chinaDayOf(Date.now()), -2);
beforeAll(async () => {
  flow = await startFlow();
  await addUsers(flow.database.db);
});
afterAll(() => flow.close());
afterEach(() => flow.providers.control('DELETE', '/bills/faults'));

type Billed = 'alipay' | 'wechat';
const PAID = 7;
const AMOUNT = 2_500;

/** A topup that was paid on that day, and of which nobody has told us. @returns its number */
async function paidUnheard(channel: Billed): Promise<string> {
  const { context } = flow;
  await flow.readClock();
  const order = await newOrder(context, { kind: 'topup', amountFen: fen(AMOUNT) });
  const none = { openid: null, clientIp: null, returnUrl: null };
  await payByProvider(context, order, { channel, scene: 'qr', ...none, by: 'test' });
  const route = `/trades/${order.orderNo}/pay?channel=${channel}`;
  await flow.providers.control('POST', route, { notify: false, paidAt: at(date).toISOString() });
  return order.orderNo;
}

/** @param meanwhile while no time is skipped */
async function reconcile(channel: Billed, meanwhile = () => Promise.resolve()): Promise<string[]> {
  await requestReconciliation(flow.context, { channel, date }, 'test');
  await meanwhile();
  const handle = flow.environment.client.workflow.getHandle(reconciliationWorkflowId(channel, date));
  if ((await handle.describe()).status.name === 'RUNNING') await handle.result();
  const found = await flow.database.db
    .select()
    .from(reconciliationDifferences)
    .where(and(eq(reconciliationDifferences.channel, channel), eq(reconciliationDifferences.status, 'open')));
  return found.map(({ type }) => type).sort();
}

const fees = async (): Promise<number> =>
  (await proveLedger(flow.database.db)).accounts.find(({ account }) => account === 'platform:channel_fees')
    ?.balance ?? 0;

describe.each([
  ['alipay', ['amount', 'duplicate', 'extra', 'fee', 'missing']],
  ['wechat', ['amount', 'duplicate', 'extra', 'fee', 'missing', 'status']],
] as const)('M4 W5: the bill of %s', (channel, faults) => {
  const orderNos: string[] = [];

  it('tells of payments that nobody told us of, and they pay their orders', async () => {
    for (let n = 0; n < PAID; n++) orderNos.push(await paidUnheard(channel));
    const before = await fees();
    const arrived = () =>
      flow.database.db.select().from(inbox).where(eq(inbox.channel, channel)).orderBy(inbox.id);
    const found = await reconcile(channel, async () => {
      await until(async () => (await arrived()).length === PAID);
      // As the relay does it.
      for (const { id } of await arrived())
        await deliverPayment(flow.database.db, flow.environment.client, id);
      await until(async () => (await arrived()).every(({ state }) => state === 'applied'));
    });
    expect(found).toEqual([]);
    for (const orderNo of orderNos) {
      expect(await orderByNo(flow.database.db, orderNo)).toMatchObject({
        captured: AMOUNT,
        paidChannel: channel,
      });
    }
    // 0.6 % of each.
    expect(await fees()).toBe(before - PAID * 15);
    expect(await reconciliationById(flow.database.db, `${channel}-${date}`)).toMatchObject({
      status: 'completed',
      billRows: PAID,
      fees: PAID * 15,
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
    await db.insert(settings).values({ key, value: 60, updatedBy: 'test' });
    expect(await reconcile(channel)).toEqual([]);
    const differences = faults.map((type) => ({ type, count: 1, kind: 'payment' }));
    await flow.providers.control('POST', '/bills/faults', { channel, date, differences });
    expect(await reconcile(channel)).toEqual(
      [
        'amount_differs',
        'duplicate',
        'missing_here',
        'fee_differs',
        'missing_there',
        // The sum of the day's fees is another one than was posted.
        'fee_differs',
        ...(channel === 'wechat' ? ['status_differs'] : []),
      ].sort(),
    );
    await flow.providers.control('DELETE', '/bills/faults');
    expect(await reconcile(channel)).toEqual([]);
    const [{ cases } = { cases: '' }] = await db.execute<{ cases: string }>(sql`
      SELECT string_agg(DISTINCT status, ' ') AS cases FROM operator_items
       WHERE kind = 'difference' AND details ->> 'channel' = ${channel}`);
    expect(cases).toBe('resolved');
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
