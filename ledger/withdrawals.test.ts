import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { withdrawals } from '../db/schema.js';
import { withdrawalById } from '../db/withdrawals.js';
import { fen } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { WITHDRAWAL_LIMITS } from '../domain/withdrawals.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { insertOrder } from '../test/support/world.js';
import {
  approve,
  ask,
  bucketsOf,
  earner,
  kept,
  newId,
  reject,
  times,
  toldOf,
} from '../test/support/withdrawals.js';
import { proveLedger } from './balances.js';
import { post } from './post.js';

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

describe('asking for a withdrawal', () => {
  it('freezes the amount at once, waits for an operator, and is told', async () => {
    const userId = await earner(db);
    const row = await ask(db, userId, 400);
    expect(row).toMatchObject({ status: 'requested', approvalsNeeded: 1, approvedBy: [], startDueAt: null });
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 600, frozen: 400, debt: 0 });
    expect(await toldOf(db, row)).toEqual(['requested']);
  });

  it('takes all that can be withdrawn where no amount is named, and says so where that is nothing', async () => {
    const userId = await earner(db, 777);
    expect((await ask(db, userId, null)).amount).toBe(777);
    expect(await refusalOf(ask(db, userId, null))).toMatchObject({ code: 'insufficient_funds' });
  });

  it('M3 N at once never take more than there is', async () => {
    const userId = await earner(db);
    expect(kept(await times(12, () => ask(db, userId, 300)))).toBe(3);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 100, frozen: 900, debt: 0 });
  });

  it('M3 N equal ones at once are one withdrawal', async () => {
    const userId = await earner(db);
    const withdrawalId = newId();
    const rows = await Promise.all(Array.from({ length: 12 }, () => ask(db, userId, 300, { withdrawalId })));
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set([withdrawalId]));
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 700, frozen: 300, debt: 0 });
    expect(await toldOf(db, { id: withdrawalId })).toEqual(['requested']);
  });

  it('M3 against spending at once, the same money leaves once', async () => {
    for (let round = 0; round < 10; round++) {
      const userId = await earner(db);
      const order = await insertOrder(db, { buyerId: userId });
      const results = await Promise.allSettled([
        ask(db, userId, 800),
        post(db, chargePosting(newId(), userId, fen(800), order.orderNo)),
      ]);
      expect(kept(results)).toBe(1);
      const withdrawn = results[0].status === 'fulfilled';
      expect(await bucketsOf(db, userId)).toEqual({
        withdrawable: 200,
        frozen: withdrawn ? 800 : 0,
        debt: 0,
      });
    }
  });

  it('N at once stay within the day, and what came back does not count', async () => {
    const userId = await earner(db, 10_000);
    const limits = { ...WITHDRAWAL_LIMITS, perDay: 1_000 };
    const results = await times(8, () => ask(db, userId, 400, { limits }));
    expect(kept(results)).toBe(2);
    expect(await refusalOf(ask(db, userId, 201, { limits }))).toMatchObject({
      code: 'withdrawal_limit',
      details: { reason: 'too_much_today' },
    });
    const [first] = await db.select().from(withdrawals).where(eq(withdrawals.userId, userId));
    if (first === undefined) throw new Error('two were taken');
    await reject(db, first);
    expect((await ask(db, userId, 600, { limits })).status).toBe('requested');
    // A day in China later.
    const tomorrow = Date.now() + 24 * 3_600_000;
    expect((await ask(db, userId, 1_000, { limits, nowMs: tomorrow })).status).toBe('requested');
  });

  it('up to the limit nobody has to approve', async () => {
    const limits = { ...WITHDRAWAL_LIMITS, autoApprove: 400 };
    const userId = await earner(db);
    const row = await ask(db, userId, 400, { limits });
    expect(row).toMatchObject({ status: 'approved', decidedBy: 'system', approvedBy: [] });
    expect(row.startDueAt).not.toBeNull();
    expect(await toldOf(db, row)).toEqual(['requested', 'approved']);
    expect((await ask(db, userId, 401, { limits })).status).toBe('requested');
  });
});

describe('deciding about a withdrawal', () => {
  it('N approvals at once set it on its way once', async () => {
    const row = await ask(db, await earner(db), 400);
    const results = await times(8, (index) => approve(db, row, `user:op${index}`));
    expect(kept(results)).toBe(8);
    const now = await withdrawalById(db, row.id);
    expect(now).toMatchObject({ status: 'approved', decision: 'looked into' });
    expect(now.approvedBy).toHaveLength(1);
    expect(await toldOf(db, row)).toEqual(['requested', 'approved']);
  });

  it('of an approval and a rejection at once one wins, and the money goes one way', async () => {
    const ways = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const userId = await earner(db);
      const row = await ask(db, userId, 400);
      const both = [() => approve(db, row), () => reject(db, row)];
      if (round % 2 === 1) both.reverse();
      const results = await Promise.allSettled(both.map((decide) => decide()));
      expect(kept(results)).toBe(1);
      const { status } = await withdrawalById(db, row.id);
      ways.add(status);
      expect(await bucketsOf(db, userId)).toMatchObject(
        status === 'approved' ? { withdrawable: 600, frozen: 400 } : { withdrawable: 1_000, frozen: 0 },
      );
    }
    expect([...ways].every((status) => ['approved', 'rejected'].includes(status))).toBe(true);
  });

  it('above the limit two operators have to approve, and nobody twice', async () => {
    const limits = { ...WITHDRAWAL_LIMITS, twoOperators: 399 };
    const row = await ask(db, await earner(db), 400, { limits });
    expect(await approve(db, row, 'user:one')).toMatchObject({
      status: 'requested',
      approvedBy: ['user:one'],
    });
    expect(await refusalOf(approve(db, row, 'user:one'))).toMatchObject({
      code: 'another_operator_needed',
      details: { reason: 'approved_before' },
    });
    expect(await toldOf(db, row)).toEqual(['requested']);
    expect(await approve(db, row, 'user:two')).toMatchObject({
      status: 'approved',
      approvedBy: ['user:one', 'user:two'],
    });
    // A repeat after that answers the same, whoever repeats.
    expect(await approve(db, row, 'user:one')).toMatchObject({ status: 'approved' });
  });

  it('the first of two approvals does not keep the second operator from rejecting', async () => {
    const userId = await earner(db);
    const row = await ask(db, userId, 400, { limits: { ...WITHDRAWAL_LIMITS, twoOperators: 0 } });
    await approve(db, row, 'user:one');
    expect(await reject(db, row, 'user:two')).toMatchObject({ status: 'rejected', decidedBy: 'user:two' });
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
  });

  it('nobody approves one of their own, and may still take it back', async () => {
    const userId = await earner(db);
    const row = await ask(db, userId, 400);
    expect(await refusalOf(approve(db, row, `user:${userId}`))).toMatchObject({
      code: 'another_operator_needed',
      details: { reason: 'own' },
    });
    expect((await reject(db, row, `user:${userId}`)).status).toBe('rejected');
  });

  it('N rejections at once give the money back once, and nothing is approved afterwards', async () => {
    const userId = await earner(db);
    const row = await ask(db, userId, 400);
    expect(kept(await times(8, () => reject(db, row)))).toBe(8);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
    expect(await toldOf(db, row)).toEqual(['requested', 'rejected']);
    expect(await refusalOf(approve(db, row))).toMatchObject({ code: 'withdrawal_decided' });
  });

  it('is refused for one that there is not', async () => {
    expect(
      await refusalOf(approve(db, { ...(await ask(db, await earner(db), 10)), id: newId() })),
    ).toMatchObject({ code: 'withdrawal_not_found' });
  });
});
