/** What becomes of a verified payment, in SQL alone. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { type VerifiedPayment, insertEvent } from '../db/inbox.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { inbox, operatorItems, orderEvents, refunds } from '../db/schema.js';
import { closePosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import { proveLedger } from './balances.js';
import { post } from './post.js';
import { receiveFree, receiveFromInbox } from './receive.js';

let database: TestDatabase;
let db: Db;
let arrivals = 0;

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());

const PAID_AT = new Date('2030-01-01T00:00:00.000Z');

async function arrival(
  outTradeNo: string,
  change: Partial<VerifiedPayment> & { kind?: 'other' } = {},
): Promise<number> {
  const { kind, ...payment } = change;
  const { id } = await insertEvent(db, {
    channel: 'alipay',
    source: 'notification',
    eventKey: `event-${++arrivals}`,
    outTradeNo: payment.outTradeNo ?? outTradeNo,
    facts: {},
    receivedAt: new Date(PAID_AT.getTime() + 1_000),
    payment:
      kind === 'other'
        ? null
        : {
            outTradeNo,
            providerTradeNo: `trade-${outTradeNo}`,
            amountFen: 10_000,
            currency: 'CNY',
            merchant: 'app/seller',
            paidAt: PAID_AT,
            ...payment,
          },
  });
  return id;
}

async function payable(): Promise<OrderRow> {
  const order = await insertOrder(db);
  await openAttempt(db, order);
  return order;
}

const stateOf = async (inboxId: number): Promise<string | undefined> =>
  (await db.select().from(inbox).where(eq(inbox.id, inboxId)))[0]?.state;

async function itemsOf(outTradeNo: string): Promise<Record<string, unknown>[]> {
  const items = await db.select().from(operatorItems).where(eq(operatorItems.kind, 'suspense'));
  return items.map(({ details }) => details).filter((details) => details['outTradeNo'] === outTradeNo);
}

const itemStatuses = async ({ orderNo }: OrderRow): Promise<string[]> =>
  (await db.select().from(operatorItems).where(eq(operatorItems.orderNo, orderNo))).map(
    ({ status }) => status,
  );

const returnsOf = ({ orderNo }: OrderRow) => db.select().from(refunds).where(eq(refunds.orderNo, orderNo));

async function suspense(): Promise<number> {
  const { accounts, balanced } = await proveLedger(db);
  expect(balanced).toBe(true);
  return accounts.find(({ account }) => account === 'platform:suspense')?.balance ?? 0;
}

describe('a verified payment', () => {
  it('M5 pays its order once, however often it is received', async () => {
    const order = await payable();
    const inboxId = await arrival(order.orderNo);
    const facts = { paidAtMs: PAID_AT.getTime(), receivedAtMs: PAID_AT.getTime() + 1_000, amountFen: 10_000 };
    expect(await receiveFromInbox(db, inboxId)).toEqual(facts);
    expect(await receiveFromInbox(db, inboxId, order.orderNo)).toEqual(facts);
    const again = await arrival(order.orderNo);
    expect(await receiveFromInbox(db, again)).toEqual(facts);
    expect([await stateOf(inboxId), await stateOf(again)]).toEqual(['applied', 'applied']);
    expect(await orderByNo(db, order.orderNo)).toMatchObject({ money: 'held', captured: 10_000 });
    expect(await suspense()).toBe(0);
  });

  it('pays no order but the one it is told for', async () => {
    const [mine, other] = [await payable(), await payable()];
    const inboxId = await arrival(mine.orderNo);
    expect(await receiveFromInbox(db, inboxId, other.orderNo)).toBeNull();
    expect(await stateOf(inboxId)).toBe('pending');
    expect((await orderByNo(db, other.orderNo)).money).toBe('unpaid');
  });

  it('that was never in the inbox has no effect', async () => {
    expect(await receiveFromInbox(db, 987_654_321, (await payable()).orderNo)).toBeNull();
  });

  it('M7 other news of a trade never touch its order', async () => {
    const order = await payable();
    const inboxId = await arrival(order.orderNo, { kind: 'other' });
    expect(await receiveFromInbox(db, inboxId)).toBeNull();
    expect(await stateOf(inboxId)).toBe('ignored');
    expect((await orderByNo(db, order.orderNo)).money).toBe('unpaid');
  });

  it.each<[string, Partial<VerifiedPayment>, string, boolean]>([
    ['a fen too little', { amountFen: 9_999 }, 'other_amount', true],
    ['a fen too much', { amountFen: 10_001 }, 'other_amount', true],
    ['a hundredth', { amountFen: 100 }, 'other_amount', true],
    ['another merchant', { merchant: 'app/other' }, 'other_merchant', false],
    ['another currency', { currency: 'USD' }, 'other_currency', false],
  ])('W3 of %s leaves the order alone and is a person’s to look at', async (_what, change, reason, ours) => {
    const order = await payable();
    const before = await suspense();
    const inboxId = await arrival(order.orderNo, change);
    expect(await receiveFromInbox(db, inboxId)).toBeNull();
    expect(await stateOf(inboxId)).toBe('review');
    expect(await orderByNo(db, order.orderNo)).toEqual(order);
    expect(await itemsOf(order.orderNo)).toMatchObject([{ reason, inSuspense: ours }]);
    expect((await suspense()) - before).toBe(ours ? (change.amountFen ?? 0) : 0);
    const events = await db.select().from(orderEvents).where(eq(orderEvents.orderNo, order.orderNo));
    expect(events.map(({ type, reason: why }) => [type, why])).toEqual([['payment.unmatched', reason]]);
  });

  it('W3 for a number that nobody knows goes to suspense', async () => {
    const before = await suspense();
    const inboxId = await arrival('ffffffffffffffff', { amountFen: 77 });
    expect(await receiveFromInbox(db, inboxId)).toBeNull();
    expect(await itemsOf('ffffffffffffffff')).toMatchObject([{ reason: 'no_attempt', inSuspense: true }]);
    expect((await suspense()) - before).toBe(77);
  });

  it('M5 of another trade for a paid order goes back once, and its repeats change nothing', async () => {
    const order = await payable();
    await receiveFromInbox(db, await arrival(order.orderNo));
    const paid = await orderByNo(db, order.orderNo);
    const before = await suspense();
    const second = { providerTradeNo: `second-${order.orderNo}` };
    for (const change of [second, second, second]) {
      const inboxId = await arrival(order.orderNo, change);
      expect(await receiveFromInbox(db, inboxId)).toBeNull();
      expect(await receiveFromInbox(db, inboxId)).toBeNull();
    }
    expect(await returnsOf(order)).toMatchObject([
      { amount: 10_000, status: 'processing', reason: 'second_payment', outTradeNo: order.orderNo },
    ]);
    expect([await suspense(), await itemsOf(order.orderNo)]).toEqual([before, []]);
    expect(await orderByNo(db, order.orderNo)).toEqual(paid);
  });

  it('M5 M7 for a closed order goes back', async () => {
    const order = await payable();
    await post(db, closePosting(order.orderNo, 'expired', 'system', Date.now()));
    const before = await suspense();
    expect(await receiveFromInbox(db, await arrival(order.orderNo))).toBeNull();
    expect((await orderByNo(db, order.orderNo)).status).toBe('closed');
    expect(await returnsOf(order)).toMatchObject([{ amount: 10_000, reason: 'late_payment' }]);
    expect([await suspense(), await itemsOf(order.orderNo)]).toEqual([before, []]);
  });

  it('M4 M5 for a closed order, told with a wrong amount before, goes back with its true amount alone', async () => {
    const order = await payable();
    const before = await suspense();
    await receiveFromInbox(db, await arrival(order.orderNo, { amountFen: 500 }));
    await post(db, closePosting(order.orderNo, 'expired', 'system', Date.now()));
    expect((await suspense()) - before).toBe(500);
    const inboxId = await arrival(order.orderNo);
    for (let time = 1; time <= 3; time++) expect(await receiveFromInbox(db, inboxId)).toBeNull();
    await receiveFromInbox(db, await arrival(order.orderNo));
    expect(await returnsOf(order)).toMatchObject([{ amount: 10_000, captured: 10_000 }]);
    expect(await suspense()).toBe(before);
    expect(await itemStatuses(order)).toEqual(['resolved']);
  });

  it('M4 told with a wrong amount before pays its order, and is in the books once', async () => {
    const order = await payable();
    const before = await suspense();
    await receiveFromInbox(db, await arrival(order.orderNo, { amountFen: 500 }));
    await receiveFromInbox(db, await arrival(order.orderNo));
    expect((await orderByNo(db, order.orderNo)).money).toBe('held');
    expect(await suspense()).toBe(before);
    expect(await itemStatuses(order)).toEqual(['resolved']);
    // Told wrongly again afterwards, it is no more money.
    await receiveFromInbox(db, await arrival(order.orderNo, { amountFen: 600 }));
    expect(await suspense()).toBe(before);
    expect(await itemsOf(order.orderNo)).toMatchObject([{ amount: 600, inSuspense: false }]);
  });

  it('M4 told with the right and a wrong amount at once is in the books once, whichever is first', async () => {
    const before = await suspense();
    for (let round = 0; round < 10; round++) {
      const order = await payable();
      const ids = [await arrival(order.orderNo), await arrival(order.orderNo, { amountFen: 500 })];
      await Promise.all(ids.map((inboxId) => receiveFromInbox(db, inboxId)));
      expect((await orderByNo(db, order.orderNo)).captured).toBe(10_000);
    }
    expect(await suspense()).toBe(before);
  });

  it('M4 told with two wrong amounts counts once, and nothing fails for good', async () => {
    const order = await payable();
    const before = await suspense();
    for (const amountFen of [500, 600]) {
      const inboxId = await arrival(order.orderNo, { amountFen });
      expect(await receiveFromInbox(db, inboxId, order.orderNo)).toBeNull();
      expect(await stateOf(inboxId)).toBe('review');
    }
    expect((await suspense()) - before).toBe(500);
    expect(await itemsOf(order.orderNo)).toMatchObject([{ amount: 600, inSuspense: false }]);
  });

  it('M5 that two processes receive at the same time counts once', async () => {
    const order = await payable();
    const ids = [await arrival(order.orderNo), await arrival(order.orderNo)];
    const second = await arrival(order.orderNo, { providerTradeNo: `second-${order.orderNo}` });
    const before = await suspense();
    await Promise.all([...ids, ...ids, second].map((inboxId) => receiveFromInbox(db, inboxId)));
    expect(await orderByNo(db, order.orderNo)).toMatchObject({ money: 'held', captured: 10_000 });
    expect(await returnsOf(order)).toMatchObject([{ amount: 10_000, source: 'suspense' }]);
    expect(await suspense()).toBe(before);
  });
});

describe('the payment time of a provider', () => {
  it.each([
    ['before the order was created', -1, 'createdAt'],
    ['in the future', 1_000, 'receivedAt'],
  ] as const)('is clamped when it is %s', async (_what, offsetMs, expected) => {
    const order = await payable();
    const base = expected === 'createdAt' ? order.createdAt : new Date(PAID_AT.getTime() + 1_000);
    const inboxId = await arrival(order.orderNo, { paidAt: new Date(base.getTime() + offsetMs) });
    await receiveFromInbox(db, inboxId);
    const paid = await orderByNo(db, order.orderNo);
    expect(paid.paidAt).toEqual(base);
    expect(paid.paidAt).toEqual(paid[expected]);
  });
});

describe('a free order', () => {
  it('is paid without money, once', async () => {
    const order = await insertOrder(db, { amount: 0 });
    const facts = await receiveFree(db, order);
    expect(facts).toEqual({
      paidAtMs: order.createdAt.getTime(),
      receivedAtMs: order.createdAt.getTime(),
      amountFen: 0,
    });
    expect(await receiveFree(db, order)).toEqual(facts);
    expect(await orderByNo(db, order.orderNo)).toMatchObject({
      money: 'held',
      captured: 0,
      status: 'paid',
      paidChannel: null,
    });
  });
});
