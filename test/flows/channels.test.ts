/**
 * An order and its payment provider: hints, questions, and the last question before an order closes. An answer is
 * received on the real clock, so once time was skipped its order is released as soon as it is paid.
 */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cancelOrder, confirmOrder } from '../../commands/decide-order.js';
import type { NewOrder } from '../../commands/create-order.js';
import { payByProvider } from '../../commands/pay-order.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, type PaymentRow, orderByNo } from '../../db/orders.js';
import { inbox, payments } from '../../db/schema.js';
import type { ProviderChannel, Scene } from '../../domain/order.js';
import { paymentReceived } from '../../workflows/contract.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import { BY_TEST, HOUR_MS, end, itemsOf, suspense } from '../support/journeys.js';
import { addUsers, arrive, newOrder, orderWhen } from '../support/world.js';

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addUsers(db);
});
afterAll(() => flow.close());
afterEach(() => flow.providers.control('DELETE', '/faults'));

interface Attempted {
  order: OrderRow;
  payment: PaymentRow;
  hint: { channel: ProviderChannel; outTradeNo: string };
}

async function attempted(
  channel: ProviderChannel = 'alipay',
  scene: Scene = 'qr',
  wish: Partial<NewOrder> = {},
): Promise<Attempted> {
  await flow.readClock();
  const order = await newOrder(flow.context, wish);
  const none = { openid: null, clientIp: null, returnUrl: null };
  const payment = await payByProvider(flow.context, order, { channel, scene, ...none, by: 'test' });
  await flow.settled(order.orderNo);
  return { order, payment, hint: { channel, outTradeNo: payment.outTradeNo } };
}

/** The buyer pays, and nobody tells us. */
const payQuietly = ({ hint }: Attempted, change: object = {}): Promise<unknown> =>
  flow.providers.control('POST', `/trades/${hint.outTradeNo}/pay?channel=${hint.channel}`, {
    notify: false,
    ...change,
  });

async function hintAt({ order }: Attempted, hint: object): Promise<void> {
  await flow.workflow(order.orderNo).signal(paymentReceived, hint as Attempted['hint']);
  await flow.settled(order.orderNo);
}

const statusOf = async ({ order }: Attempted): Promise<string> => (await orderByNo(db, order.orderNo)).status;

async function attemptOf({ payment }: Attempted): Promise<PaymentRow | undefined> {
  const [row] = await db.select().from(payments).where(eq(payments.id, payment.id));
  return row;
}

async function tradeOf({ hint }: Attempted): Promise<Record<string, unknown> | undefined> {
  const route = `/trades?channel=${hint.channel}&outTradeNo=${hint.outTradeNo}`;
  const { data } = (await flow.providers.control('GET', route)) as { data: Record<string, unknown>[] };
  return data[0];
}

describe('a hint by hand', () => {
  it.each(['alipay', 'wechat', 'stripe'] as const)(
    'W5 asks %s, and a payment that it confirms pays the order',
    async (channel) => {
      // Long enough to be still held on the skipped clock.
      const one = await attempted(channel, 'qr', { autoConfirmAfterMs: 300 * 24 * HOUR_MS });
      await payQuietly(one);
      await hintAt(one, one.hint);
      expect(await orderByNo(db, one.order.orderNo)).toMatchObject({
        captured: 10_000,
        paidChannel: channel,
      });
      expect(await attemptOf(one)).toMatchObject({ status: 'paid', askAt: null });
      const [row] = await db.select().from(inbox).where(eq(inbox.outTradeNo, one.hint.outTradeNo));
      expect(row).toMatchObject({ source: 'question', state: 'applied' });
      // A second hint, and the notification after all, change nothing.
      await hintAt(one, one.hint);
      expect(await suspense(db)).toBe(0);
      await confirmOrder(flow.context, await orderByNo(db, one.order.orderNo), BY_TEST);
    },
  );

  it('has no effect on its own: unpaid stays unpaid', async () => {
    const one = await attempted();
    await hintAt(one, one.hint);
    expect(await statusOf(one)).toBe('unpaid');
    await cancelOrder(flow.context, one.order, 'x', BY_TEST);
  });

  it('about another order’s payment pays neither', async () => {
    const [mine, other] = [await attempted(), await attempted()];
    await payQuietly(other);
    await hintAt(mine, other.hint);
    await hintAt(mine, { ...other.hint, channel: 'wechat' });
    expect([await statusOf(mine), await statusOf(other)]).toEqual(['unpaid', 'unpaid']);
    await cancelOrder(flow.context, mine.order, 'x', BY_TEST);
    await hintAt(other, other.hint);
    await end(flow, other.order);
  });

  it('W1 holds up no verified payment while its provider is down', async () => {
    const one = await attempted();
    await flow.providers.control('POST', '/faults', { channel: 'alipay', errorRate: 1 });
    await flow.workflow(one.order.orderNo).signal(paymentReceived, one.hint);
    const paidAtMs = await flow.readClock();
    const { merchant, outTradeNo } = one.payment;
    await arrive(flow.context, { outTradeNo, amount: 10_000, paidAtMs, merchant });
    await flow.environment.sleep('1m');
    await orderWhen(db, one.order.orderNo, ({ captured }) => captured === 10_000);
    await end(flow, one.order);
  });
});

describe('W5 the last question before an order closes', () => {
  it('finds the payment that nobody told of, and the order is paid', async () => {
    const one = await attempted('wechat');
    await payQuietly(one);
    const released = await end(flow, one.order);
    expect(released).toMatchObject({ status: 'completed', captured: 10_000 });
  });

  it('finds it before a cancel too', async () => {
    const one = await attempted();
    await payQuietly(one);
    expect(await refusalOf(cancelOrder(flow.context, one.order, 'x', BY_TEST))).toMatchObject({
      code: 'order_already_paid',
    });
    expect((await orderByNo(db, one.order.orderNo)).captured).toBe(10_000);
    await end(flow, one.order);
  });

  it.each(['alipay', 'wechat', 'stripe'] as const)(
    'closes the trade at %s where it can be closed',
    async (channel) => {
      const one = await attempted(channel);
      expect((await end(flow, one.order)).status).toBe('closed');
      expect(await attemptOf(one)).toMatchObject({ status: 'closed', askAt: null });
      expect((await tradeOf(one))?.['status']).toBe('closed');
    },
  );

  it('closes the order where the trade cannot be closed, and what comes later is not lost', async () => {
    const one = await attempted('alipay', 'app');
    expect((await end(flow, one.order)).status).toBe('closed');
    expect(await attemptOf(one)).toMatchObject({ status: 'closed', askAt: null });
  });

  it('T6 closes an order whose payer paid another amount, instead of asking for ever', async () => {
    const one = await attempted();
    const before = await suspense(db);
    await payQuietly(one, { amount: 9_000 });
    expect((await end(flow, one.order)).status).toBe('closed');
    expect(await attemptOf(one)).toMatchObject({ status: 'closed', askAt: null });
    expect((await suspense(db)) - before).toBe(9_000);
    expect(await itemsOf(db, one.order)).toMatchObject([{ details: { reason: 'other_amount' } }]);
    const asked = (await flow.events(one.order.orderNo)).filter(
      ({ type }) => type === 'ACTIVITY_TASK_SCHEDULED',
    );
    expect(asked).toHaveLength(2);
  });

  it('waits for a provider that does not answer: nothing is closed on a guess', async () => {
    const one = await attempted('alipay', 'qr', { expiresInMs: HOUR_MS });
    await payQuietly(one);
    await flow.providers.control('POST', '/faults', {
      channel: 'alipay',
      errorRate: 1,
      operation: 'query',
      times: 3,
    });
    await flow.environment.sleep(HOUR_MS);
    expect(await end(flow, one.order)).toMatchObject({ status: 'completed', captured: 10_000 });
  });
});
