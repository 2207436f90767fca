import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closePosting } from '../domain/postings.js';
import { post } from '../ledger/post.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import type { Db } from './client.js';
import { type VerifiedEvent, insertEvent } from './inbox.js';
import { inbox } from './schema.js';

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase(2);
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());

const paymentOf = (outTradeNo: string, eventKey = outTradeNo): VerifiedEvent => ({
  channel: 'alipay',
  source: 'notification',
  eventKey,
  outTradeNo,
  facts: {},
  receivedAt: new Date(),
  payment: {
    outTradeNo,
    providerTradeNo: `trade-${outTradeNo}`,
    amountFen: 10_000,
    currency: 'CNY',
    merchant: 'app/seller',
    paidAt: new Date(),
  },
});

async function payable(): Promise<string> {
  const order = await insertOrder(db);
  await openAttempt(db, order);
  return order.orderNo;
}

describe('a verified event', () => {
  it('names the unpaid order that its attempt belongs to, once', async () => {
    const orderNo = await payable();
    const first = await insertEvent(db, paymentOf(orderNo));
    expect(first).toMatchObject({ fresh: true, unpaidOrderNo: orderNo });
    expect(await insertEvent(db, paymentOf(orderNo))).toEqual({
      id: first.id,
      fresh: false,
      unpaidOrderNo: null,
    });
  });

  it('names no order that is not unpaid any more', async () => {
    const orderNo = await payable();
    await post(db, closePosting(orderNo, 'test', 'test', Date.now()));
    expect(await insertEvent(db, paymentOf(orderNo))).toMatchObject({ fresh: true, unpaidOrderNo: null });
  });

  it.each([
    { what: 'of an attempt that nobody made', change: { outTradeNo: 'nobody' } },
    { what: 'of another channel', change: { channel: 'wechat' as const } },
  ])('names no order: $what', async ({ change }) => {
    const orderNo = await payable();
    expect(await insertEvent(db, { ...paymentOf(orderNo), ...change })).toMatchObject({
      unpaidOrderNo: null,
    });
  });

  it.each([
    { inlineAttempt: true, waitsMs: 10_000 },
    { inlineAttempt: false, waitsMs: 0 },
  ])(
    'is the relay’s after $waitsMs ms, inline attempt: $inlineAttempt',
    async ({ inlineAttempt, waitsMs }) => {
      const before = Date.now();
      const { id } = await insertEvent(db, paymentOf(`due-${waitsMs}`), inlineAttempt);
      const [row] = await db.select().from(inbox).where(eq(inbox.id, id));
      const dueAfterMs = (row?.dueAt.getTime() ?? 0) - before;
      expect(dueAfterMs).toBeGreaterThanOrEqual(waitsMs);
      expect(dueAfterMs).toBeLessThan(waitsMs + 5_000);
    },
  );
});
