/** Memberships that renew themselves, without their workflow: what each try does, and what stands in its way. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelRenewal } from '../commands/memberships.js';
import type { Db } from '../db/client.js';
import type { RenewalRow } from '../db/memberships.js';
import {
  accountEvents,
  entitlements,
  membershipRenewals,
  webhookDeliveries,
  webhookEndpoints,
} from '../db/schema.js';
import { HOUR_MS } from '../test/support/bills.js';
import { proveLedger, walletOf } from '../ledger/balances.js';
import { actionOrder } from '../test/actions/orders.js';
import { type Shop, openShop } from '../test/actions/shop.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addEndpoint, deliveriesOf } from '../test/support/webhooks.js';
import { addUsers, giveCash } from '../test/support/world.js';
import { type RenewalProgress, createMembershipActivities } from './memberships.js';
import { createNextActions } from './next-actions/index.js';

const PRICE = 100;
const DAYS = 30;
const DAY_MS = 24 * HOUR_MS;

let database: TestDatabase;
let db: Db;
let shop: Shop;
beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  shop = openShop(db);
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

const renewMembership = (wish: { renewalId: string; nowMs: number }): Promise<RenewalProgress> =>
  createMembershipActivities(db).renewMembership(wish);

interface Member {
  userId: string;
  priceId: string;
}

let last = 0;

/** @param cash what is left after the first term */
async function member(cash: number): Promise<Member & { row: RenewalRow; validTo: Date }> {
  last += 1;
  const userId = `member${last}`;
  await addUsers(db, userId);
  await giveCash(db, userId, PRICE + cash);
  const priceId = await shop.put('membership-prices', {
    levelId: 'gold',
    name: 'gold',
    amount: PRICE,
    days: DAYS,
  });
  await buy({ userId, priceId }, true);
  const [row] = await rowsOf(userId);
  if (row === undefined) throw new Error('nothing renews itself');
  return { userId, priceId, row, validTo: await endOf(userId) };
}

async function buy({ userId, priceId }: Member, isAutoRenew?: boolean): Promise<void> {
  const wish = { type: 6, userLevelPriceId: priceId, ...(isAutoRenew !== undefined && { isAutoRenew }) };
  const { orderNo } = await actionOrder(db, userId, wish);
  await createNextActions(db).buyMembership({ key: `${orderNo}:0`, orderNo, path: '0' });
}

const rowsOf = (userId: string): Promise<RenewalRow[]> =>
  db.select().from(membershipRenewals).where(eq(membershipRenewals.userId, userId));

async function endOf(userId: string): Promise<Date> {
  const [level] = await db.select().from(entitlements).where(eq(entitlements.userId, userId));
  const validTo = level?.validTo ?? null;
  if (validTo === null) throw new Error('there is no level with an end');
  return validTo;
}

const cashOf = async (userId: string): Promise<number> => (await walletOf(db, userId)).cash;

async function toldOf({ id }: RenewalRow) {
  const rows = await db
    .select()
    .from(accountEvents)
    .where(eq(accountEvents.ref, id))
    .orderBy(accountEvents.id);
  return rows.map(({ type, data }) => ({ type: type.replace('membership.', ''), ...data }));
}

const before = (moment: Date, hours: number): number => moment.getTime() - hours * HOUR_MS;

describe('a membership that renews itself', () => {
  it('is due 24 hours before its end, and not a moment earlier', async () => {
    const { userId, row, validTo } = await member(PRICE);
    const dueAtMs = before(validTo, 24);
    const nowMs = dueAtMs - 1;
    expect(await renewMembership({ renewalId: row.id, nowMs })).toEqual({ status: 'active', dueAtMs });
    expect([await cashOf(userId), await endOf(userId)]).toEqual([PRICE, validTo]);
  });

  it('T1 pays for a term once, however many tries there are at once and later', async () => {
    const { userId, row, validTo } = await member(5 * PRICE);
    const nowMs = before(validTo, 24);
    const next = { status: 'active', dueAtMs: nowMs + DAYS * DAY_MS };
    const tries = await Promise.all(
      Array.from({ length: 4 }, () => renewMembership({ renewalId: row.id, nowMs })),
    );
    expect(tries).toEqual([next, next, next, next]);
    expect(await renewMembership({ renewalId: row.id, nowMs })).toEqual(next);
    expect(await cashOf(userId)).toBe(4 * PRICE);
    expect((await endOf(userId)).getTime() - validTo.getTime()).toBe(DAYS * DAY_MS);
    expect(await toldOf(row)).toEqual([
      { type: 'renewed', validTo: new Date(validTo.getTime() + DAYS * DAY_MS).toISOString() },
    ]);
    await renewMembership({ renewalId: row.id, nowMs: next.dueAtMs });
    expect(await rowsOf(userId)).toMatchObject([{ renewals: 2, failedTries: 0 }]);
    expect(await cashOf(userId)).toBe(3 * PRICE);
  });

  it('is tried three times where there is too little money, and then is over', async () => {
    const { userId, row, validTo } = await member(PRICE - 1);
    const renewalId = row.id;
    const again = { status: 'active', dueAtMs: before(validTo, 12) };
    expect(await renewMembership({ renewalId, nowMs: before(validTo, 24) })).toEqual(again);
    // A second worker that runs the same try finds that it was made.
    expect(await renewMembership({ renewalId, nowMs: before(validTo, 24) })).toEqual(again);
    expect(await renewMembership({ renewalId, nowMs: again.dueAtMs })).toEqual({
      status: 'active',
      dueAtMs: before(validTo, 1),
    });
    const lapsed = await renewMembership({ renewalId, nowMs: before(validTo, 1) });
    expect(lapsed.status).toBe('lapsed');
    expect(await rowsOf(userId)).toMatchObject([
      { status: 'lapsed', failedTries: 3, endedBy: 'system', endReason: 'insufficient_funds' },
    ]);
    const told = await toldOf(row);
    expect(told.map(({ type }) => type)).toEqual(['renewal_failed', 'renewal_failed', 'renewal_ended']);
    expect(told[0]).toMatchObject({
      nextTryAt: new Date(before(validTo, 12)).toISOString(),
      error: { code: 'insufficient_funds' },
    });
    expect([await cashOf(userId), await endOf(userId)]).toEqual([PRICE - 1, validTo]);
    // Money that comes later is nobody's but the user's.
    await giveCash(db, userId, PRICE);
    expect((await renewMembership({ renewalId, nowMs: validTo.getTime() })).status).toBe('lapsed');
    expect(await cashOf(userId)).toBe(2 * PRICE - 1);
  });

  it('W7 tells merchants of it as it stands', async () => {
    const { endpoint } = await addEndpoint(db, 'https://shop.example.com/');
    const { userId, row, validTo } = await member(PRICE);
    await renewMembership({ renewalId: row.id, nowMs: before(validTo, 24) });
    const end = new Date(validTo.getTime() + DAYS * DAY_MS);
    await renewMembership({ renewalId: row.id, nowMs: before(end, 24) });
    await cancelRenewal(db, userId, row.id, 'user:me');
    const sent = await deliveriesOf(db, endpoint.id);
    const told = sent.map(({ payload }) => JSON.parse(payload) as { type: string; data: object });
    const renewal = { id: row.id, userId, levelId: 'gold', amount: PRICE, currency: 'CNY', days: DAYS };
    expect(told).toMatchObject([
      { type: 'membership.renewed', data: { ...renewal, status: 'active', renewals: 1, error: null } },
      {
        type: 'membership.renewal_failed',
        data: { ...renewal, nextTryAt: expect.any(String) as string, error: { code: 'insufficient_funds' } },
      },
      {
        type: 'membership.renewal_ended',
        data: {
          ...renewal,
          status: 'cancelled',
          endReason: 'cancelled',
          endedAt: expect.any(String) as string,
        },
      },
    ]);
    await db.delete(webhookDeliveries);
    await db.delete(webhookEndpoints);
  });

  it('goes on where its payer tops up between two tries', async () => {
    const { userId, row, validTo } = await member(0);
    const renewalId = row.id;
    await renewMembership({ renewalId, nowMs: before(validTo, 24) });
    await giveCash(db, userId, PRICE);
    const { dueAtMs } = await renewMembership({ renewalId, nowMs: before(validTo, 12) });
    expect(dueAtMs).toBe(before(validTo, 24) + DAYS * DAY_MS);
    expect(await rowsOf(userId)).toMatchObject([{ status: 'active', renewals: 1, failedTries: 0 }]);
  });

  it('that could not be looked at in time goes on from now, and nobody pays for days that are past', async () => {
    const { userId, row, validTo } = await member(PRICE);
    const nowMs = validTo.getTime() + 3 * DAY_MS;
    await renewMembership({ renewalId: row.id, nowMs });
    expect((await endOf(userId)).getTime()).toBe(nowMs + DAYS * DAY_MS);
  });
});

describe('a level that is bought again', () => {
  it.each([undefined, false])('by hand (isAutoRenew %s) puts its renewal off', async (isAutoRenew) => {
    const one = await member(2 * PRICE);
    await buy(one, isAutoRenew);
    const nowMs = before(one.validTo, 24);
    const { dueAtMs } = await renewMembership({ renewalId: one.row.id, nowMs });
    expect(dueAtMs).toBe(nowMs + DAYS * DAY_MS);
    expect(await cashOf(one.userId)).toBe(PRICE);
  });

  it('to renew itself has one renewal, by the new terms', async () => {
    const one = await member(10 * PRICE);
    const dearer = { levelId: 'gold', name: 'gold', amount: 3 * PRICE, days: 90 };
    await buy({ userId: one.userId, priceId: await shop.put('membership-prices', dearer) }, true);
    expect(await rowsOf(one.userId)).toMatchObject([{ id: one.row.id, amount: 3 * PRICE, days: 90 }]);
    const validTo = await endOf(one.userId);
    await renewMembership({ renewalId: one.row.id, nowMs: before(validTo, 24) });
    expect(await cashOf(one.userId)).toBe(4 * PRICE);
  });

  it('costs what was agreed, though its price row has changed', async () => {
    const one = await member(10 * PRICE);
    const dearer = { levelId: 'gold', name: 'gold', amount: 9 * PRICE, days: 1 };
    await shop.put('membership-prices', dearer, one.priceId);
    await renewMembership({ renewalId: one.row.id, nowMs: before(one.validTo, 24) });
    expect(await cashOf(one.userId)).toBe(9 * PRICE);
  });

  it('while its renewal is paid for is paid for as well, once each', async () => {
    const one = await member(2 * PRICE);
    const nowMs = before(one.validTo, 24);
    await Promise.all([buy(one), renewMembership({ renewalId: one.row.id, nowMs })]);
    // The renewal came first and was due, or second and was not.
    const [row] = await rowsOf(one.userId);
    const terms = 1 + (row?.renewals ?? 0);
    expect(await cashOf(one.userId)).toBe((2 - terms) * PRICE);
    expect((await endOf(one.userId)).getTime() - one.validTo.getTime()).toBe(terms * DAYS * DAY_MS);
  });
});

describe('a renewal that is cancelled', () => {
  it('is charged for no more, and what was paid for stays', async () => {
    const { userId, row, validTo } = await member(PRICE);
    const cancelled = await cancelRenewal(db, userId, row.id, 'user:me');
    expect(cancelled).toMatchObject({ status: 'cancelled', endedBy: 'user:me', endReason: 'cancelled' });
    expect(await cancelRenewal(db, userId, row.id, 'user:other')).toEqual(cancelled);
    expect((await renewMembership({ renewalId: row.id, nowMs: before(validTo, 24) })).status).toBe(
      'cancelled',
    );
    expect([await cashOf(userId), await endOf(userId)]).toEqual([PRICE, validTo]);
    expect((await toldOf(row)).map(({ type }) => type)).toEqual(['renewal_ended']);
  });

  it('S2 is cancelled for nobody else', async () => {
    const { userId, row } = await member(0);
    await addUsers(db, `not-${userId}`);
    await expect(cancelRenewal(db, `not-${userId}`, row.id, 'user:x')).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await rowsOf(userId)).toMatchObject([{ status: 'active' }]);
  });

  it('can be asked for anew, as another renewal', async () => {
    const one = await member(2 * PRICE);
    await cancelRenewal(db, one.userId, one.row.id, 'user:me');
    await buy(one, true);
    const statuses = (await rowsOf(one.userId)).map(({ status }) => status);
    expect(statuses.sort()).toEqual(['active', 'cancelled']);
  });
});
