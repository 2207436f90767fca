import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { insertEvent } from '../db/inbox.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { inbox, orderEvents, payments } from '../db/schema.js';
import { fen } from '../domain/money.js';
import { closePosting, paymentPosting, releasePosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { BUYER, SELLER, addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import { walletOf } from './balances.js';
import { post } from './post.js';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());

async function heldFor(orderNo: string): Promise<number> {
  const account = `hold:${orderNo}`;
  const rows = await db.execute<{ balance: string }>(
    sql`SELECT balance FROM balances WHERE account = ${account}`,
  );
  return Number(rows[0]?.balance ?? 0);
}

const received = (payment: { id: string }, inboxId: number | null, providerTradeNo = 't1') => ({
  paymentId: payment.id,
  channel: 'alipay' as const,
  providerTradeNo,
  inboxId,
  paidAtMs: Date.parse('2026-11-24T10:00:00.123Z'),
  receivedAtMs: Date.parse('2026-11-24T10:00:00.456Z'),
});
const payable = (order: OrderRow) => ({ ...order, amountFen: fen(order.amount) });
const statusEvents = async (orderNo: string): Promise<string[]> =>
  (await db.select().from(orderEvents).where(eq(orderEvents.orderNo, orderNo)).orderBy(orderEvents.id)).map(
    ({ type }) => type,
  );

describe('a posting of an order', () => {
  it('changes the order, its attempt, the inbox row and the timeline with the money', async () => {
    const order = await insertOrder(db, { chatWindowMs: 60_000 });
    const payment = await openAttempt(db, order);
    const { id: inboxId } = await insertEvent(db, {
      channel: 'alipay',
      source: 'notification',
      eventKey: order.orderNo,
      outTradeNo: order.orderNo,
      facts: {},
      receivedAt: new Date(),
      payment: null,
    });
    await post(db, paymentPosting(payable(order), received(payment, inboxId)));
    expect(await orderByNo(db, order.orderNo)).toMatchObject({
      money: 'held',
      status: 'paid',
      captured: 10_000,
      paidAt: new Date('2026-11-24T10:00:00.123Z'),
      receivedAt: new Date('2026-11-24T10:00:00.456Z'),
      chatClosesAt: new Date('2026-11-24T10:01:00.123Z'),
      releaseDueAt: new Date('2026-11-25T10:00:00.123Z'),
      paidChannel: 'alipay',
      paymentId: payment.id,
    });
    const [attempt] = await db.select().from(payments).where(eq(payments.id, payment.id));
    expect(attempt).toMatchObject({ status: 'paid', providerTradeNo: 't1', askAt: null });
    expect((await db.select().from(inbox).where(eq(inbox.id, inboxId)))[0]?.state).toBe('applied');
    expect(await heldFor(order.orderNo)).toBe(10_000);
    expect(await statusEvents(order.orderNo)).toEqual(['payment.received', 'order.paid']);
  });

  it('M5 pays an order once: another trade is refused, the same one is a repeat', async () => {
    const order = await insertOrder(db);
    const payment = await openAttempt(db, order);
    await post(db, paymentPosting(payable(order), received(payment, null)));
    const second = paymentPosting(payable(order), received(payment, null, 't2'));
    expect(await refusalOf(post(db, second))).toMatchObject({ code: 'posting_conflict' });
    const repeat = await post(db, paymentPosting(payable(order), received(payment, null)));
    expect(repeat.duplicate).toBe(true);
    expect(await heldFor(order.orderNo)).toBe(10_000);
  });

  it('M7 neither closes a paid order nor pays a closed one', async () => {
    const [paid, closed] = [await insertOrder(db), await insertOrder(db)];
    await post(db, paymentPosting(payable(paid), received(await openAttempt(db, paid), null)));
    await post(db, closePosting(closed.orderNo, 'expired', 'system', Date.now()));
    const close = closePosting(paid.orderNo, 'expired', 'system', Date.now());
    expect(await refusalOf(post(db, close))).toMatchObject({
      code: 'state_conflict',
      details: { state: 'held' },
    });
    const pay = paymentPosting(payable(closed), received(await openAttempt(db, closed), null));
    expect(await refusalOf(post(db, pay))).toMatchObject({
      code: 'state_conflict',
      details: { state: 'closed' },
    });
    expect(await heldFor(closed.orderNo)).toBe(0);
  });

  it('releases the hold less the fee, once, whoever asks again', async () => {
    const order = await insertOrder(db, { amount: 199, feeBps: 100 });
    await post(db, paymentPosting(payable(order), received(await openAttempt(db, order), null)));
    const before = (await walletOf(db, SELLER)).withdrawable;
    const release = { orderNo: order.orderNo, sellerId: SELLER, amountFen: fen(199), feeBps: 100 };
    await post(db, releasePosting({ ...release, by: `user:${BUYER}`, atMs: Date.now() }));
    const repeat = await post(db, releasePosting({ ...release, by: 'auto-confirm', atMs: Date.now() + 1 }));
    expect(repeat.duplicate).toBe(true);
    expect((await walletOf(db, SELLER)).withdrawable - before).toBe(198);
    expect(await orderByNo(db, order.orderNo)).toMatchObject({
      status: 'completed',
      releasedBy: `user:${BUYER}`,
    });
  });

  it('is refused for an order that does not exist', async () => {
    const close = closePosting('ffffffffffffffff', 'expired', 'system', Date.now());
    expect(await refusalOf(post(db, close))).toMatchObject({ code: 'order_not_found' });
  });
});
