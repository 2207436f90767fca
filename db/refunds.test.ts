import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import type { Db } from './client.js';
import { insertEvent } from './inbox.js';
import { type RefundRow, beginPosting, endPosting, tradeOf } from './refunds.js';
import { refunds } from './schema.js';

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
});
afterAll(() => database.close());

async function newRefund(id: string, change: Partial<RefundRow> = {}): Promise<RefundRow> {
  const [row] = await db
    .insert(refunds)
    .values({
      id,
      channel: 'pingpp',
      outTradeNo: `no${id}`,
      providerTradeNo: 'ch_1',
      captured: 100,
      amount: 100,
      reason: 'x',
      status: 'processing',
      requestedBy: 'test',
      ...change,
    })
    .returning();
  if (row === undefined) throw new Error('an insert answered no row');
  return row;
}

/** How many of so many at once may post it. */
const begun = async (id: string, times: number): Promise<number> =>
  (await Promise.all(Array.from({ length: times }, () => beginPosting(db, id)))).filter(Boolean).length;

it('M6: one of many may post a refund, and the next one once the provider has answered', async () => {
  await newRefund('a');
  await newRefund('b');
  expect(await begun('a', 8)).toBe(1);
  expect(await beginPosting(db, 'b')).toBe(true);
  await endPosting(db, 'a');
  expect(await begun('a', 2)).toBe(1);
});

it.each([
  ['29 seconds', 0],
  ['31 seconds', 1],
])('T5: after %s without an answer a refund may be posted by %i', async (ago, free) => {
  const { id } = await newRefund(`since${ago.slice(0, 2)}`);
  await db.execute(sql`UPDATE refunds SET posting_since = now() - ${ago}::interval WHERE id = ${id}`);
  expect(await begun(id, 2)).toBe(free);
});

it('reads which payment an older row gives back from what the provider told', async () => {
  const old = await newRefund('old', { channel: 'alipay', providerTradeNo: null });
  const { outTradeNo } = old;
  await expect(tradeOf(db, old)).rejects.toThrow('came with the provider');
  const payment = { outTradeNo, providerTradeNo: '2026', amountFen: 100, currency: 'CNY', merchant: 'm' };
  for (const channel of ['wechat', 'alipay'] as const) {
    await insertEvent(db, {
      channel,
      source: 'notification',
      eventKey: `event-${channel}`,
      outTradeNo,
      facts: {},
      receivedAt: new Date(),
      payment: { ...payment, providerTradeNo: `${channel}2026`, paidAt: new Date() },
    });
  }
  expect(await tradeOf(db, old)).toBe('alipay2026');
  expect(await tradeOf(db, await newRefund('new'))).toBe('ch_1');
});
