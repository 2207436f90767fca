/** The daily proof as a workflow: what it waits for, and what it drives forward. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestReconciliation } from '../../commands/reconciliations.js';
import { reconciliationById } from '../../db/reconciliations.js';
import { inbox, operatorItems, reconciliationDifferences } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { chinaDayOf, dayBeside } from '../../domain/reconciliation.js';
import { fen } from '../../domain/money.js';
import { orderByNo } from '../../db/orders.js';
import { deliverPayment } from '../../relay/payments.js';
import { reconciliationWorkflowId } from '../../workflows/contract.js';
import { type Provider, at, billOf, billProvider, bookPayments, paymentRow } from '../support/bills.js';
import { type Flow, startFlow } from '../support/flow.js';
import { unpaidOrder } from '../support/journeys.js';
import { addUsers, until } from '../support/world.js';

let flow: Flow;
let provider: Provider;
beforeAll(async () => {
  provider = billProvider();
  flow = await startFlow({ channels: provider.channels });
  await addUsers(flow.database.db);
});
afterAll(() => flow.close());

let yesterday = '';
/** Days before; each test has its own. */
let nth = 0;
beforeEach(async () => {
  // Far apart, since time is skipped as well.
  nth += 10;
  yesterday = dayBeside(chinaDayOf(await flow.readClock()), -nth);
  provider.bills.clear();
  provider.asked = 0;
});

const day = () => ({ channel: 'alipay' as const, date: yesterday });
const row = () => reconciliationById(flow.database.db, `alipay-${yesterday}`);
const ask = () => requestReconciliation(flow.context, day(), 'user:oscar');
const handle = () =>
  flow.environment.client.workflow.getHandle(reconciliationWorkflowId('alipay', yesterday));
/** Lets time pass until it has ended. To wait for one that has would let the server skip years ahead. */
async function ended(): Promise<string> {
  if ((await handle().describe()).status.name === 'RUNNING') await handle().result();
  return (await row()).status;
}
const differences = () =>
  flow.database.db
    .select()
    .from(reconciliationDifferences)
    .where(eq(reconciliationDifferences.date, yesterday));

describe('T6 M4: a bill that is not there yet', () => {
  it('is asked for again until it is, and then compared', async () => {
    const paid = { date: yesterday, count: 3, prefix: `w${nth}x` };
    await bookPayments(flow.database.db, paid);
    await ask();
    await until(async () => (await row()).status === 'waiting');
    expect((await row()).error).toMatchObject({ code: 'bill_not_ready' });
    provider.bills.set(yesterday, () => billOf(paid));
    expect(await ended()).toBe('completed');
    expect(await row()).toMatchObject({ status: 'completed', matched: 3, error: null });
    expect(provider.asked).toBe(2);
  });

  it('is a person’s after three days, and another run finds it', async () => {
    const paid = { date: yesterday, count: 3, prefix: `w${nth}x` };
    await bookPayments(flow.database.db, paid);
    await ask();
    expect(await ended()).toBe('failed');
    // Every half an hour at least.
    expect(provider.asked).toBeGreaterThan(3 * 48);
    expect(await row()).toMatchObject({ status: 'failed', error: { code: 'bill_not_ready' } });
    const items = await flow.database.db
      .select()
      .from(operatorItems)
      .where(eq(operatorItems.ref, `alipay/${yesterday}/bill`));
    expect(items).toMatchObject([{ kind: 'difference', status: 'open' }]);
    provider.bills.set(yesterday, () => billOf(paid));
    await ask();
    expect(await ended()).toBe('completed');
    expect(await row()).toMatchObject({ status: 'completed', run: 2, matched: 3 });
  });

  it('is an empty one, where nobody paid on that day', async () => {
    provider.bills.set(yesterday, () => []);
    await ask();
    expect(await ended()).toBe('completed');
    expect(await row()).toMatchObject({ billRows: 0, matched: 0 });
    expect(provider.asked).toBe(1);
  });
});

describe('W5 M4: a payment that only the bill tells of', () => {
  const total = 4_321;

  /** The bill has it, and the channel says so when it is asked. */
  async function paidUnheard() {
    const order = await unpaidOrder(flow, { kind: 'topup', amountFen: fen(total) });
    const payment = {
      outTradeNo: order.orderNo,
      providerTradeNo: `trade-${order.orderNo}`,
      amountFen: fen(total),
      currency: 'CNY',
      merchant: 'app/seller',
      paidAt: at(yesterday),
    };
    provider.bills.set(yesterday, () => [paymentRow(order.orderNo, total, at(yesterday))]);
    provider.query = ({ outTradeNo }) =>
      Promise.resolve(outTradeNo === order.orderNo ? { state: 'paid', payment } : { state: 'unpaid' });
    return order;
  }

  it('ends in a paid order by itself, and is nobody’s case', async () => {
    const order = await paidUnheard();
    await ask();
    const answer = async () =>
      (await flow.database.db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo)))[0];
    await until(async () => (await answer()) !== undefined);
    expect(await answer()).toMatchObject({ source: 'question', state: 'pending' });
    // As the relay does it.
    await deliverPayment(flow.database.db, flow.environment.client, (await answer())?.id ?? 0);
    await until(async () => (await orderByNo(flow.database.db, order.orderNo)).status === 'completed');
    expect(await ended()).toBe('completed');
    expect(await differences()).toMatchObject([
      { type: 'missing_here', status: 'resolved', resolution: 'booked', orderNo: order.orderNo },
    ]);
    expect(
      await flow.database.db.select().from(operatorItems).where(eq(operatorItems.kind, 'difference')),
    ).toEqual(
      expect.not.arrayContaining([
        expect.objectContaining({ status: 'open', ref: expect.stringContaining(order.orderNo) }),
      ]),
    );
  });

  it('is a person’s where the channel does not confirm it', async () => {
    const order = await paidUnheard();
    provider.query = () => Promise.resolve({ state: 'unpaid' });
    await ask();
    expect(await ended()).toBe('completed');
    expect(await differences()).toMatchObject([{ type: 'missing_here', status: 'open' }]);
    const items = await flow.database.db
      .select()
      .from(operatorItems)
      .where(
        eq(
          operatorItems.ref,
          `alipay/${yesterday}/missing_here/payment/${order.orderNo}/trade-${order.orderNo}`,
        ),
      );
    expect(items).toMatchObject([{ kind: 'difference', status: 'open' }]);
    expect((await orderByNo(flow.database.db, order.orderNo)).status).toBe('unpaid');
  });

  it('is a person’s in the end where the channel gives no answer, and the others are not kept waiting', async () => {
    const order = await paidUnheard();
    const bill = [paymentRow('before', 1, at(yesterday)), paymentRow(order.orderNo, total, at(yesterday))];
    provider.bills.set(yesterday, () => bill);
    const asked: string[] = [];
    provider.query = ({ outTradeNo }) => {
      asked.push(outTradeNo);
      return outTradeNo === 'before'
        ? Promise.reject(new HoldfastError('channel_unknown_outcome'))
        : Promise.resolve({ state: 'unpaid' });
    };
    await ask();
    expect(await ended()).toBe('completed');
    expect(asked.filter((no) => no === order.orderNo)).toHaveLength(1);
    expect(asked.filter((no) => no === 'before')).toHaveLength(6);
    expect((await differences()).map(({ status }) => status)).toEqual(['open', 'open']);
  });
});

describe('asking for a reconciliation', () => {
  it('the same again answers the same run while it is under way, and another one afterwards', async () => {
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ id, run }) => `${id} ${run}`)).toEqual(Array(3).fill(`alipay-${yesterday} 1`));
    await until(async () => (await row()).status === 'waiting');
    expect(await ask()).toMatchObject({ run: 1, status: 'waiting' });
    provider.bills.set(yesterday, () => []);
    await ended();
    expect(await row()).toMatchObject({ run: 1, status: 'completed' });
    expect(await ask()).toMatchObject({ run: 2, status: 'requested' });
    await ended();
    expect(await row()).toMatchObject({ run: 2, status: 'completed' });
  });

  it('refuses a day that is not over, and a channel that is not there or has no bills', async () => {
    const today = chinaDayOf(await flow.readClock());
    const requested = (channel: 'alipay' | 'wechat', date: string) =>
      requestReconciliation(flow.context, { channel, date }, 'test');
    await expect(requested('alipay', today)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(requested('wechat', yesterday)).rejects.toMatchObject({ code: 'channel_not_configured' });
    const channels = billProvider({ hasBills: false }).channels;
    const context = { ...flow.context, channels };
    await expect(requestReconciliation(context, day(), 'test')).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
