/** Coupons: claimed within their rule, spent once, on what they are for. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../db/client.js';
import type { OrderRow } from '../../db/orders.js';
import { entitlements } from '../../db/schema.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { type Shop, openShop } from '../../test/actions/shop.js';
import { actionOrder } from '../../test/actions/orders.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { failureOfTry } from '../../test/support/errors.js';
import { stepStatuses } from '../../test/support/journeys.js';
import { addUsers, giveCash } from '../../test/support/world.js';
import { createNextActions } from './index.js';

let database: TestDatabase;
let db: Db;
let shop: Shop;
let activities: ReturnType<typeof createNextActions>;
let payer = '';
let people = 0;

beforeAll(async () => {
  database = await freshDatabase(8);
  db = database.db;
  shop = openShop(db);
  activities = createNextActions(db);
});
afterAll(() => database.close());
beforeEach(async () => {
  people += 1;
  payer = `guest-${people}`;
  await addUsers(db, payer);
  await giveCash(db, payer, 10_000);
});

const input = ({ orderNo }: OrderRow, path = '0') => ({ key: `${orderNo}:${path}`, orderNo, path });
const cash = async (): Promise<number> => (await walletOf(db, payer)).cash;
const rule = (change: object = {}): Promise<string> =>
  shop.put('coupon-rules', { name: 'welcome', amountOff: 300, stock: 100, perUser: 5, ...change });

async function claim(couponRuleId: string, userId = payer, pwd?: string): Promise<void> {
  const order = await actionOrder(db, userId, { type: 7, couponRuleId, ...(pwd !== undefined && { pwd }) });
  await activities.claimCoupon(input(order));
}

/** @returns the number that other actions know it by */
async function coupon(couponRuleId: string, userId = payer): Promise<string> {
  await claim(couponRuleId, userId);
  return String((await shop.entitlements(userId, 'coupon')).at(-1)?.['id']);
}

async function table(amount = 1_000): Promise<string> {
  return shop.put('dining-orders', { userId: payer, amount, table: 'A 7' });
}

describe('claiming a coupon', () => {
  it.each([
    ['the rule’s stock', { stock: 3 }, 'sold_out', ['a', 'b', 'c', 'd', 'e']],
    ['what one user may have', { perUser: 3 }, 'already_granted', ['a', 'a', 'a', 'a', 'a']],
  ])('stays within %s, however many claim at once', async (_what, change, code, claimants) => {
    const couponRuleId = await rule(change);
    const users = claimants.map((letter) => `${payer}-${letter}`);
    await addUsers(db, ...users);
    const claims = await Promise.allSettled(users.map((user) => claim(couponRuleId, user)));
    const refused = claims.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toMatchObject([{ code }, { code }]);
    expect(await db.$count(entitlements, eq(entitlements.ref, couponRuleId))).toBe(3);
  });

  it('wants the rule’s password', async () => {
    const couponRuleId = await rule({ password: 'sesame' });
    const order = await actionOrder(db, payer, { type: 7, couponRuleId, pwd: 'open' });
    const failure = await failureOfTry('claimCoupon', activities.claimCoupon(input(order)));
    expect([failure.type, failure.nonRetryable]).toEqual(['wrong_password', true]);
    await claim(couponRuleId, payer, 'sesame');
    expect(await shop.entitlements(payer, 'coupon')).toHaveLength(1);
  });
});

describe('a table’s bill with coupons', () => {
  it('is less by one of them', async () => {
    const [orderId, couponId] = [await table(), await coupon(await rule())];
    const order = await actionOrder(db, payer, { type: 9, orderId, couponId });
    await activities.payDiningOrder(input(order));
    expect(await cash()).toBe(10_000 - 700);
    expect(await shop.thing('dining-orders', orderId)).toMatchObject({ status: 'paid' });
    expect(await shop.entitlements(payer, 'coupon')).toMatchObject([{ quantity: 0 }]);
  });

  it('T2 is paid by the last of several, and what had been spent before a failure is not spent again', async () => {
    const ruleId = await rule();
    const [first, second] = [await coupon(ruleId), await coupon(ruleId)];
    const orderId = await table();
    const order = await actionOrder(db, payer, { type: 9, orderId, couponId: `${first},${second}` });
    await activities.payDiningOrder(input(order, `0:${first}`));
    expect(await cash()).toBe(10_000);
    await giveCash(db, payer, 1);
    await activities.payDiningOrder(input(order, `0:${first}`));
    await activities.payDiningOrder(input(order, `0:${second}`));
    expect(await cash()).toBe(10_001 - 400);
    expect(await stepStatuses(db, order)).toEqual([`0:${first} succeeded`, `0:${second} succeeded`]);
  });

  it('costs nothing where they are worth more, and nobody is paid for eating', async () => {
    const couponId = await coupon(await rule({ amountOff: 5_000 }));
    const order = await actionOrder(db, payer, { type: 9, orderId: await table(), couponId });
    await activities.payDiningOrder(input(order));
    expect(await cash()).toBe(10_000);
  });

  it.each([
    [
      'is used',
      async () => {
        const used = await coupon(await rule());
        const earlier = await actionOrder(db, payer, { type: 9, orderId: await table(), couponId: used });
        await activities.payDiningOrder(input(earlier));
        return used;
      },
      'coupon_not_usable',
    ],
    ['is for more than this', async () => coupon(await rule({ minSpend: 1_001 })), 'coupon_not_usable'],
    [
      'is somebody else’s',
      async () => {
        await addUsers(db, `${payer}-friend`);
        return coupon(await rule(), `${payer}-friend`);
      },
      'not_owner',
    ],
    ['does not exist', () => Promise.resolve('987654'), 'missing_thing'],
  ])('parks with one that %s, and nothing is spent', async (_what, make, code) => {
    const couponId = await make();
    const [orderId, before] = [await table(), await cash()];
    const order = await actionOrder(db, payer, { type: 9, orderId, couponId });
    const failure = await failureOfTry('payDiningOrder', activities.payDiningOrder(input(order)));
    expect([failure.type, failure.nonRetryable]).toEqual([code, true]);
    expect(failure.message).toContain(couponId);
    expect([await cash(), (await shop.thing('dining-orders', orderId))['status']]).toEqual([
      before,
      'pending',
    ]);
  });

  it('T1 spends a coupon on one bill, where two want it at once', async () => {
    const couponId = await coupon(await rule());
    const bills = [await table(), await table()];
    const orders = await Promise.all(
      bills.map((orderId) => actionOrder(db, payer, { type: 9, orderId, couponId })),
    );
    const both = await Promise.allSettled(orders.map((order) => activities.payDiningOrder(input(order))));
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await cash()).toBe(10_000 - 700);
  });
});

it('M1 the books balance after all of it', async () => {
  expect(await proveLedger(db)).toMatchObject({ balanced: true });
});
