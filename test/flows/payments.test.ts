import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { inbox } from '../../db/schema.js';
import { walletOf } from '../../ledger/balances.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  HOUR_MS,
  end,
  itemsOf,
  paidOrder,
  pay,
  suspense,
  timelineOf,
  unpaidOrder,
} from '../support/journeys.js';
import { refundsOf } from '../support/refunds.js';
import { type Arrival, SELLER, addUsers, arrive, orderWhen } from '../support/world.js';

let flow: Flow;
beforeAll(async () => {
  flow = await startFlow();
  await addUsers(flow.context.db);
});
afterAll(() => flow.close());

const now = ({ orderNo }: OrderRow): Promise<OrderRow> => orderByNo(flow.context.db, orderNo);

async function told(order: OrderRow, change: Partial<Arrival> = {}): Promise<number> {
  const paidAtMs = await flow.readClock();
  return arrive(flow.context, { outTradeNo: order.orderNo, amount: order.amount, paidAtMs, ...change });
}

const inboxStates = async ({ orderNo }: OrderRow): Promise<string[]> =>
  (await flow.context.db.select().from(inbox).where(eq(inbox.outTradeNo, orderNo))).map(({ state }) => state);

const heldFor = async (): Promise<number> => (await walletOf(flow.context.db, SELLER)).held;

describe('M5 a payment that is told of five times', () => {
  it('pays once under one event key', async () => {
    const [order, before] = [await unpaidOrder(flow), await heldFor()];
    for (let time = 1; time <= 5; time++) await told(order, { eventKey: `same-${order.orderNo}` });
    await flow.settled(order.orderNo);
    expect(await inboxStates(order)).toEqual(['applied']);
    expect((await heldFor()) - before).toBe(10_000);
    expect(await end(flow, order)).toMatchObject({ status: 'completed', captured: 10_000 });
  });

  it('pays once under five event keys, one after the other', async () => {
    const [order, before] = [await paidOrder(flow), await heldFor()];
    for (let time = 2; time <= 5; time++) await told(order);
    expect(await inboxStates(order)).toEqual(Array(5).fill('applied'));
    expect([await heldFor(), await suspense(flow.context.db)]).toEqual([before, 0]);
    await end(flow, order);
  });

  it('pays once under five event keys at the same time, and the workflow takes every one', async () => {
    const [order, before] = [await unpaidOrder(flow), await heldFor()];
    await Promise.all(Array.from({ length: 5 }, () => told(order)));
    await flow.settled(order.orderNo);
    expect(await inboxStates(order)).toEqual(Array(5).fill('applied'));
    expect([(await heldFor()) - before, await suspense(flow.context.db)]).toEqual([10_000, 0]);
    expect(await itemsOf(flow.context.db, order)).toEqual([]);
    await end(flow, order);
  });

  it('pays once when the relay signals the same row again', async () => {
    const order = await unpaidOrder(flow);
    const inboxId = await pay(flow, order);
    const handle = flow.workflow(order.orderNo);
    for (let time = 2; time <= 5; time++) await handle.signal('paymentReceived', { inboxId });
    const events = await flow.settled(order.orderNo);
    // A row that was taken is dropped as it comes: it costs a signal and a task, and nothing is posted.
    expect(events.filter(({ type }) => type === 'MARKER_RECORDED')).toHaveLength(1);
    await end(flow, order);
  });
});

describe('M5 a second provider transaction', () => {
  it('is on its way back at once, and the order goes on unchanged', async () => {
    const order = await paidOrder(flow);
    const before = await suspense(flow.context.db);
    await told(order, { providerTradeNo: `second-${order.orderNo}` });
    expect(await now(order)).toEqual(order);
    expect(await suspense(flow.context.db)).toBe(before);
    expect(await refundsOf(flow.context.db, order)).toMatchObject([
      { source: 'suspense', status: 'processing', reason: 'second_payment', amount: 10_000 },
    ]);
    expect(await timelineOf(flow.context.db, order)).toContain('payment.returned');
    expect(await end(flow, order)).toMatchObject({ status: 'completed', captured: 10_000 });
  });

  it('that comes at the same time loses or wins, never both', async () => {
    const order = await unpaidOrder(flow);
    const [before, held] = [await suspense(flow.context.db), await heldFor()];
    await Promise.all(
      ['a', 'b', 'c'].map((trade) => told(order, { providerTradeNo: `${trade}-${order.orderNo}` })),
    );
    await flow.settled(order.orderNo);
    expect((await heldFor()) - held).toBe(10_000);
    expect(await suspense(flow.context.db)).toBe(before);
    expect((await refundsOf(flow.context.db, order)).map(({ amount }) => amount)).toEqual([10_000, 10_000]);
    expect((await inboxStates(order)).sort()).toEqual(['applied', 'returned', 'returned']);
    await end(flow, order);
  });
});

describe('M7 a payment for an order that has closed', () => {
  it('is on its way back at once, and the order stays closed', async () => {
    const order = await unpaidOrder(flow, { expiresInMs: HOUR_MS });
    await flow.workflow(order.orderNo).executeUpdate('cancel', { args: [{ by: 'test', reason: 'no need' }] });
    const closed = await end(flow, order);
    const before = await suspense(flow.context.db);
    await told(order);
    expect(await now(order)).toEqual(closed);
    expect(await suspense(flow.context.db)).toBe(before);
    expect(await refundsOf(flow.context.db, order)).toMatchObject([
      { source: 'suspense', reason: 'late_payment', amount: 10_000 },
    ]);
  });
});

describe('W3 a verified payment that does not fit', () => {
  it.each<[string, Partial<Arrival>, string, number]>([
    ['a fen too little', { amount: 9_999 }, 'other_amount', 9_999],
    ['a fen too much', { amount: 10_001 }, 'other_amount', 10_001],
    ['another merchant', { merchant: 'app/other' }, 'other_merchant', 0],
  ])('leaves its order unpaid: %s', async (_what, change, reason, kept) => {
    const order = await unpaidOrder(flow);
    const before = await suspense(flow.context.db);
    await pay(flow, order, change);
    expect(await now(order)).toEqual(order);
    expect((await suspense(flow.context.db)) - before).toBe(kept);
    expect(await itemsOf(flow.context.db, order)).toMatchObject([{ details: { reason } }]);
    await pay(flow, order, { providerTradeNo: `right-${order.orderNo}` });
    expect((await end(flow, order)).status).toBe('completed');
  });

  it('belongs to nobody when its number is unknown', async () => {
    const before = await suspense(flow.context.db);
    await arrive(flow.context, {
      outTradeNo: 'eeeeeeeeeeeeeeee',
      amount: 55,
      paidAtMs: await flow.readClock(),
    });
    expect((await suspense(flow.context.db)) - before).toBe(55);
  });
});

describe('the payment time', () => {
  it.each([
    ['a day ahead of its receipt', 24 * HOUR_MS],
    ['a moment ahead of its receipt', 1],
  ])('%s counts as the receipt', async (_what, aheadMs) => {
    const order = await unpaidOrder(flow);
    const receivedAtMs = await flow.readClock();
    await pay(flow, order, { paidAtMs: receivedAtMs + aheadMs, receivedAtMs });
    const paid = await now(order);
    expect(paid.paidAt?.getTime()).toBe(receivedAtMs);
    expect(paid.releaseDueAt?.getTime()).toBe(receivedAtMs + 24 * HOUR_MS);
    await end(flow, order);
  });

  it('before the order was created counts as the creation', async () => {
    const order = await unpaidOrder(flow);
    const receivedAtMs = await flow.readClock();
    await pay(flow, order, { paidAtMs: order.createdAt.getTime() - 1, receivedAtMs });
    expect((await now(order)).paidAt).toEqual(order.createdAt);
    await end(flow, order);
  });
});

describe('a signal by hand', () => {
  it('that names another order’s payment has no effect on either', async () => {
    const [mine, other] = [await unpaidOrder(flow), await paidOrder(flow)];
    const [row] = await flow.context.db.select().from(inbox).where(eq(inbox.outTradeNo, other.orderNo));
    await flow.workflow(mine.orderNo).signal('paymentReceived', { inboxId: row?.id });
    await flow.settled(mine.orderNo);
    expect([await now(mine), await now(other)]).toEqual([mine, other]);
    expect((await flow.workflow(mine.orderNo).query<{ money: string }>('state')).money).toBe('unpaid');
    await pay(flow, mine);
    await end(flow, mine);
    await end(flow, other);
  });

  it('of any shape does no harm, and the order can be paid afterwards', async () => {
    const order = await unpaidOrder(flow);
    const shapes = [
      null,
      'paid',
      7,
      [],
      {},
      { inboxId: null },
      { inboxId: '1' },
      { inboxId: -1 },
      { inboxId: 0 },
      { inboxId: 1.5 },
      { inboxId: 987_654_321 },
      { inboxId: Number.MAX_SAFE_INTEGER },
      { channel: 'alipay' },
      { channel: 'paypal', outTradeNo: order.orderNo },
      { channel: 'wallet', outTradeNo: order.orderNo },
      { channel: 'alipay', outTradeNo: { $gt: '' } },
      { channel: 'alipay', outTradeNo: 'a\u0000b' },
      { channel: 'wechat', outTradeNo: order.orderNo },
      { channel: 'alipay', outTradeNo: 'unknown' },
    ];
    const handle = flow.workflow(order.orderNo);
    for (const shape of shapes) await handle.signal('paymentReceived', shape);
    await handle.signal('paymentReceived');
    await flow.settled(order.orderNo);
    expect(await now(order)).toEqual(order);
    await pay(flow, order);
    const paid = await orderWhen(flow.context.db, order.orderNo, ({ money }) => money === 'held');
    expect((await end(flow, paid)).status).toBe('completed');
  });
});
