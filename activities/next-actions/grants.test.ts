import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../db/client.js';
import { entitlements } from '../../db/schema.js';
import { DAY_MS } from '../../test/actions/cases.js';
import { actionOrder } from '../../test/actions/orders.js';
import { type Shop, openShop } from '../../test/actions/shop.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { BUYER, addUsers, giveCash } from '../../test/support/world.js';
import { createNextActions } from './index.js';

let database: TestDatabase;
let db: Db;
let shop: Shop;
let price: string;
beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  shop = openShop(db);
  await addUsers(db);
  await giveCash(db, BUYER, 100_000);
  price = await shop.put('membership-prices', { levelId: 'gold', name: 'gold', amount: 100, days: 30 });
});
afterAll(() => database.close());

async function buy(): Promise<{ validFrom: Date; validTo: Date; orderId: string; of: string }> {
  const { id, orderNo } = await actionOrder(db, BUYER, { type: 6, userLevelPriceId: price });
  await createNextActions(db).buyMembership({ key: `${orderNo}:0`, orderNo, path: '0' });
  const [row, ...others] = await db.select().from(entitlements).where(eq(entitlements.ref, 'gold'));
  const validTo = row?.validTo ?? null;
  if (row === undefined || validTo === null || others.length > 0)
    throw new Error('a level is one entitlement with an end');
  return { validFrom: row.validFrom, validTo, orderId: row.orderId, of: id };
}

const days = (from: Date, to: Date): number => (to.getTime() - from.getTime()) / DAY_MS;

describe('a membership', () => {
  it('that still runs is extended from its end, and names the order that did it', async () => {
    const first = await buy();
    expect(days(first.validFrom, first.validTo)).toBe(30);
    const second = await buy();
    expect(days(first.validTo, second.validTo)).toBe(30);
    expect([second.validFrom, second.orderId]).toEqual([first.validFrom, second.of]);
  });

  it('that has ended begins anew, and nobody pays for days that are past', async () => {
    const past = new Date(Date.now() - 10 * DAY_MS);
    await db.update(entitlements).set({ validFrom: new Date(past.getTime() - DAY_MS), validTo: past });
    const before = Date.now();
    const again = await buy();
    expect(days(again.validFrom, again.validTo)).toBe(30);
    expect(again.validFrom.getTime()).toBeGreaterThanOrEqual(before);
  });
});
