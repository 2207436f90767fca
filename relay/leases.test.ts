import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { insertEvent } from '../db/inbox.js';
import { inbox, outbox, payments } from '../db/schema.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import { leasePayments, putOff } from './payments.js';
import { leaseQuestions } from './questions.js';
import { leaseStarts } from './starts.js';

let database: TestDatabase;
let db: Db;
let made = 0;

beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());
beforeEach(async () => {
  await db.delete(outbox);
  await db.delete(inbox);
  await db.delete(payments);
});

const PAST = new Date(Date.now() - 60_000);

async function addStart(attempts = 0): Promise<string> {
  const orderNo = `order${++made}`;
  await db.insert(outbox).values({ orderNo, dueAt: PAST, attempts });
  return orderNo;
}

async function addPayment(attempts = 0): Promise<number> {
  const { id } = await insertEvent(db, {
    channel: 'alipay',
    source: 'notification',
    eventKey: `event${++made}`,
    outTradeNo: 'none',
    facts: {},
    receivedAt: new Date(),
    payment: {
      outTradeNo: 'none',
      providerTradeNo: `t${made}`,
      amountFen: 1,
      currency: 'CNY',
      merchant: 'm',
      paidAt: new Date(),
    },
  });
  await db.update(inbox).set({ dueAt: PAST, attempts }).where(eq(inbox.id, id));
  return id;
}

async function addQuestion(asked = 0): Promise<string> {
  const { id } = await openAttempt(db, await insertOrder(db));
  await db.update(payments).set({ askAt: PAST, asked }).where(eq(payments.id, id));
  return id;
}

const LANES = [
  { lane: 'starts', add: addStart, lease: (limit: number): Promise<unknown[]> => leaseStarts(db, limit) },
  {
    lane: 'payments',
    add: addPayment,
    lease: (limit: number): Promise<unknown[]> => leasePayments(db, limit),
  },
  {
    lane: 'questions',
    add: addQuestion,
    lease: async (limit: number): Promise<unknown[]> => (await leaseQuestions(db, limit)).map(({ id }) => id),
  },
];

describe.each(LANES)('a lease of $lane', ({ add, lease }) => {
  it('gives no row to two relays, and every row to one of them', async () => {
    const rows: unknown[] = [];
    for (let count = 0; count < 60; count++) rows.push(await add());
    const leased = (await Promise.all(Array.from({ length: 12 }, () => lease(7)))).flat();
    expect(new Set(leased).size).toBe(leased.length);
    for (let more = await lease(50); more.length > 0; more = await lease(50)) leased.push(...more);
    expect(new Set(leased)).toEqual(new Set(rows));
  });

  it('takes at most as many as were asked for, the longest waiting first', async () => {
    const [first] = [await add(), await add()];
    await db.execute(
      sql`UPDATE outbox SET due_at = due_at - interval '1h' WHERE order_no = ${String(first)}`,
    );
    expect(await lease(1)).toHaveLength(1);
    expect(await lease(5)).toHaveLength(1);
    expect(await lease(5)).toEqual([]);
  });

  it('never ends, however long the outage was', async () => {
    const row = await add(5_000);
    expect(await lease(5)).toEqual([row]);
  });
});

describe('a row that was not delivered', () => {
  const spanOf = async (dueAt: Promise<Date | undefined>): Promise<number> =>
    Math.round((((await dueAt)?.getTime() ?? 0) - Date.now()) / 1_000);

  it.each([
    [0, 5],
    [1, 10],
    [2, 10],
    [50, 10],
  ])('after %d tries comes round again in %d s', async (tries, seconds) => {
    const [orderNo, inboxId] = [await addStart(tries), await addPayment(tries)];
    await Promise.all([leaseStarts(db, 9), leasePayments(db, 9)]);
    const start = db.select().from(outbox).where(eq(outbox.orderNo, orderNo));
    const payment = db.select().from(inbox).where(eq(inbox.id, inboxId));
    expect(await spanOf(start.then(([row]) => row?.dueAt))).toBeCloseTo(seconds, -0.5);
    expect(await spanOf(payment.then(([row]) => row?.dueAt))).toBeCloseTo(seconds, -0.5);
    expect([(await start)[0]?.attempts, (await payment)[0]?.attempts]).toEqual([tries + 1, tries + 1]);
  });

  it('W5 is asked about 10, 30 and 60 s after the attempt, then less and less often', async () => {
    const gaps: number[] = [];
    for (const asked of [0, 1, 2, 3, 9]) {
      const id = await addQuestion(asked);
      await leaseQuestions(db, 9);
      const [row] = await db.select().from(payments).where(eq(payments.id, id));
      expect(row?.asked).toBe(asked + 1);
      gaps.push(Math.round(((row?.askAt?.getTime() ?? 0) - Date.now()) / 10_000) * 10);
    }
    expect(gaps).toEqual([20, 30, 60, 120, 600]);
  });

  it('waits for half a minute once Temporal has the signal, and for ever when it is done', async () => {
    const inboxId = await addPayment();
    await leasePayments(db, 9);
    await putOff(db, inboxId);
    const dueAt = async () =>
      db
        .select()
        .from(inbox)
        .where(eq(inbox.id, inboxId))
        .then(([row]) => row?.dueAt);
    expect(await spanOf(dueAt())).toBe(30);
    await db.update(inbox).set({ state: 'applied', dueAt: PAST }).where(eq(inbox.id, inboxId));
    await putOff(db, inboxId);
    expect(await dueAt()).toEqual(PAST);
  });

  it('is left alone while it is not due, or when it is done', async () => {
    const [orderNo, inboxId] = [await addStart(), await addPayment()];
    await db.update(outbox).set({ doneAt: new Date() }).where(eq(outbox.orderNo, orderNo));
    for (const state of ['applied', 'review', 'ignored'] as const) {
      await db.update(inbox).set({ state }).where(eq(inbox.id, inboxId));
      expect(await leasePayments(db, 9)).toEqual([]);
    }
    expect(await leaseStarts(db, 9)).toEqual([]);
    const [later] = await db
      .insert(outbox)
      .values({ orderNo: 'later', dueAt: new Date(Date.now() + 5_000) })
      .returning();
    expect([later?.orderNo, await leaseStarts(db, 9)]).toEqual(['later', []]);
  });
});
