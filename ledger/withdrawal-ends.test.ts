import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { withdrawalById } from '../db/withdrawals.js';
import { fen } from '../domain/money.js';
import { paymentPosting, releasePosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { refusalOf, sqlStateOf } from '../test/support/errors.js';
import { addUsers, giveEarnings, insertOrder, openAttempt } from '../test/support/world.js';
import {
  approve,
  ask,
  bucketsOf,
  earner,
  itemsAbout,
  kept,
  newId,
  reject,
  times,
  toldOf,
} from '../test/support/withdrawals.js';
import { proveLedger } from './balances.js';
import { post } from './post.js';
import { approveRefund, requestRefund } from './refunds.js';
import {
  acceptWithdrawal,
  bounceWithdrawal,
  failWithdrawal,
  settleWithdrawal,
  submitWithdrawal,
} from './withdrawal-ends.js';

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

const no = { error: { code: 'channel_refused', message: 'no such account' }, nowMs: Date.now() };
const done = { providerPayoutNo: 'p1', paidAtMs: Date.now(), nowMs: Date.now() };

async function submitted(userId: string, amount: number): Promise<string> {
  const { id } = await approve(db, await ask(db, userId, amount));
  await submitWithdrawal(db, id, Date.now());
  return id;
}

describe('the end of a withdrawal', () => {
  it('M3 M4 paid N times at once leaves through the channel once', async () => {
    const userId = await earner(db);
    const id = await submitted(userId, 400);
    expect(kept(await times(8, () => settleWithdrawal(db, id, done)))).toBe(8);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 600, frozen: 0, debt: 0 });
    expect(await withdrawalById(db, id)).toMatchObject({ status: 'paid', startDueAt: null, error: null });
    expect(await toldOf(db, { id })).toEqual(['requested', 'approved', 'paid']);
  });

  it('M9 failed for certain N times at once comes back once, with one operator item', async () => {
    const userId = await earner(db);
    const id = await submitted(userId, 400);
    expect(kept(await times(8, () => failWithdrawal(db, id, no)))).toBe(8);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
    expect(await itemsAbout(db, { id })).toMatchObject([{ kind: 'failed_payout', status: 'open' }]);
    expect(await toldOf(db, { id })).toEqual(['requested', 'approved', 'failed']);
    // M7 a late "paid" of what has failed moves nothing.
    expect(await refusalOf(settleWithdrawal(db, id, done))).toMatchObject({ code: 'state_conflict' });
  });

  it('M7 paid and failed at once end in one way', async () => {
    for (let round = 0; round < 10; round++) {
      const userId = await earner(db);
      const id = await submitted(userId, 400);
      const results = await Promise.allSettled([settleWithdrawal(db, id, done), failWithdrawal(db, id, no)]);
      expect(kept(results)).toBe(1);
      const { status } = await withdrawalById(db, id);
      const back = status === 'failed' ? 400 : 0;
      expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 600 + back, frozen: 0, debt: 0 });
    }
  });

  it('what was paid bounces once, with one operator item', async () => {
    const userId = await earner(db);
    const id = await submitted(userId, 400);
    await settleWithdrawal(db, id, done);
    expect(kept(await times(8, () => bounceWithdrawal(db, id, no)))).toBe(8);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
    expect(await toldOf(db, { id })).toEqual(['requested', 'approved', 'paid', 'bounced']);
    expect(await itemsAbout(db, { id })).toMatchObject([{ kind: 'failed_payout', status: 'open' }]);
    expect((await settleWithdrawal(db, id, done)).status).toBe('bounced');
  });

  it('a bounce that is the first we hear is booked as paid and come back', async () => {
    const id = await submitted(await earner(db), 400);
    expect(await bounceWithdrawal(db, id, no)).toMatchObject({ status: 'bounced', error: no.error });
    expect(await toldOf(db, { id })).toEqual(['requested', 'approved', 'paid', 'bounced']);
  });

  it('what waits for its receiver keeps the time that it was given first', async () => {
    const userId = await earner(db);
    const id = await submitted(userId, 400);
    const first = await acceptWithdrawal(db, id, { packageInfo: 'one', nowMs: 1_000_000 });
    expect(first).toMatchObject({ status: 'awaiting_receiver', packageInfo: 'one' });
    const again = await acceptWithdrawal(db, id, { packageInfo: 'two', nowMs: 2_000_000 });
    expect(again).toMatchObject({ packageInfo: 'two', receiverUntil: first.receiverUntil });
    expect(await bucketsOf(db, userId)).toMatchObject({ frozen: 400 });
    expect(await failWithdrawal(db, id, no)).toMatchObject({ status: 'failed', packageInfo: null });
  });

  it.each(['requested', 'rejected'] as const)('nothing leaves of one that is %s', async (status) => {
    const userId = await earner(db);
    const row = await ask(db, userId, 400);
    if (status === 'rejected') await reject(db, row);
    const before = await bucketsOf(db, userId);
    expect(await refusalOf(settleWithdrawal(db, row.id, done))).toMatchObject({ code: 'state_conflict' });
    expect(await refusalOf(failWithdrawal(db, row.id, no))).toMatchObject({ code: 'state_conflict' });
    expect(await refusalOf(bounceWithdrawal(db, row.id, no))).toMatchObject({ code: 'state_conflict' });
    expect(await bucketsOf(db, userId)).toEqual(before);
  });
});

describe('money that is frozen', () => {
  /** A released deal of 1,000 fen, refunded while its seller's money is on its way out. */
  async function refundedWhileFrozen(): Promise<{ sellerId: string; id: string }> {
    const sellerId = newId();
    await addUsers(db, sellerId);
    const order = await insertOrder(db, { sellerId, amount: 1_000 });
    const payment = await openAttempt(db, order);
    const at = Date.now();
    const received = {
      paymentId: payment.id,
      channel: 'alipay' as const,
      providerTradeNo: order.orderNo,
      inboxId: null,
      paidAtMs: at,
      receivedAtMs: at,
    };
    const { orderNo, feeBps } = order;
    const amountFen = fen(1_000);
    await post(db, paymentPosting({ ...order, amountFen }, received));
    await post(db, releasePosting({ orderNo, sellerId, amountFen, feeBps, by: 'test', atMs: at }));
    const id = await submitted(sellerId, 1_000);
    const wish = { orderNo, amountFen, reason: 'x', by: 'test', windowMs: 3_600_000, nowMs: at };
    const refund = await requestRefund(db, { refundId: newId(), ...wish });
    await approveRefund(db, refund.id, { by: 'op', reason: 'x', nowMs: at });
    return { sellerId, id };
  }

  it('M3 cannot be taken by a refund, and settles the debt that the refund made when it comes back', async () => {
    const { sellerId, id } = await refundedWhileFrozen();
    expect(await bucketsOf(db, sellerId)).toEqual({ withdrawable: 0, frozen: 1_000, debt: 1_000 });
    await failWithdrawal(db, id, no);
    expect(await bucketsOf(db, sellerId)).toEqual({ withdrawable: 0, frozen: 0, debt: 0 });
  });

  it('asked for and given back at once by many never deadlocks', async () => {
    const userId = await earner(db, 100_000);
    const rows = await Promise.all(Array.from({ length: 60 }, () => ask(db, userId, 100)));
    const results = await Promise.allSettled(
      rows.flatMap((row) => [reject(db, row), ask(db, userId, 100), giveEarnings(db, userId, 1)]),
    );
    expect(kept(results)).toBe(results.length);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 94_060, frozen: 6_000, debt: 0 });
  }, 30_000);
});

describe('M2 the application’s role', () => {
  it('can neither change nor take back what was told', async () => {
    await sqlAs(database.appUrl, async (app) => {
      expect(await sqlStateOf(app`UPDATE account_events SET user_id = 'x'`)).toBe('42501');
      expect(await sqlStateOf(app`DELETE FROM account_events`)).toBe('42501');
    });
  });
});

describe('T6 stuck_withdrawals', () => {
  const stuck = async (id: string): Promise<string[]> => {
    const rows = await db.execute<{ why: string }>(sql`SELECT why FROM stuck_withdrawals WHERE id = ${id}`);
    return rows.map(({ why }) => why);
  };
  const set = (id: string, change: string) =>
    db.execute(sql`UPDATE withdrawals SET ${sql.raw(change)} WHERE id = ${id}`);

  it.each([
    ['start_due_at = NULL', ['its workflow was not started']],
    [`start_due_at = now() - interval '3 minutes'`, ['its workflow was not started']],
    ['start_attempts = 5', ['its workflow was not started']],
    [`asked_at = now() - interval '31 minutes'`, ['nobody asks its provider']],
    [`asked_at = now() - interval '29 minutes', start_due_at = now() + interval '9 minutes'`, []],
  ])('one under way with %s', async (change, expected) => {
    const id = await submitted(await earner(db), 400);
    expect(await stuck(id)).toEqual([]);
    await set(id, change);
    expect(await stuck(id)).toEqual(expected);
    await settleWithdrawal(db, id, done);
    expect(await stuck(id)).toEqual([]);
    await set(id, `start_due_at = now() - interval '3 minutes'`);
    expect(await stuck(id)).toEqual(['nobody asks whether it came back']);
    await set(id, 'start_due_at = NULL');
  });
});
