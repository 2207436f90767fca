/** What callers see of what actions gave and took. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNextActions } from '../../activities/next-actions/index.js';
import { actionOrder } from '../../test/actions/orders.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { BUYER, addUsers, giveCash } from '../../test/support/world.js';
import { type TestApp, allRows, startTestApp } from '../test-support.js';

let database: TestDatabase;
let api: TestApp;
beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  await addUsers(database.db);
  await giveCash(database.db, BUYER, 100_000);
});
afterAll(async () => {
  await api.close();
  await database.close();
});

/** @returns the order's id */
async function run(name: 'buyBlindBoxPulls' | 'claimCoupon' | 'payDeposit' | 'payShopBill', action: object) {
  const { id, orderNo } = await actionOrder(database.db, BUYER, action);
  await createNextActions(database.db)[name]({ key: `${orderNo}:0`, orderNo, path: '0' });
  return id;
}

describe('the entitlements of a user', () => {
  it('are theirs by kind, with the order and the step that gave them', async () => {
    await api.admin('PUT', '/v1/settings/price.blindBoxPull', { value: 1 });
    const rule = { name: 'welcome', amountOff: 1, stock: 9, perUser: 9 };
    await api.admin('PUT', '/v1/catalog/coupon-rules/1', rule);
    const orderId = await run('buyBlindBoxPulls', { type: 21, pullTimes: 3 });
    const coupons = [
      await run('claimCoupon', { type: 7, couponRuleId: 1 }),
      await run('claimCoupon', { type: 7, couponRuleId: 1 }),
    ];
    const pulls = await api.admin('GET', `/v1/users/${BUYER}/entitlements?kind=blind_box_pulls`);
    expect(pulls.json['data']).toMatchObject([
      { kind: 'blind_box_pulls', ref: 'blind_box', quantity: 3, validTo: null, orderId, step: '0' },
    ]);
    const all = await allRows(api, `/v1/users/${BUYER}/entitlements?limit=1`);
    expect(all.map((row) => row['orderId'])).toEqual([orderId, ...coupons]);
  });

  it('are of kinds that there are', async () => {
    const answer = await api.admin('GET', `/v1/users/${BUYER}/entitlements?kind=castle`);
    expect(answer.status).toBe(400);
  });
});

describe('the deposits of a user', () => {
  it('are shown newest first, and as returned once they are', async () => {
    await run('payDeposit', { type: 5, amount: '1.00', refCode: 7 });
    await run('payDeposit', { type: 5, amount: 2, remark: 'a bike', extJsonStr: { frame: 7 } });
    const { data } = (await api.admin('GET', `/v1/users/${BUYER}/deposits`)).json as {
      data: Record<string, unknown>[];
    };
    expect(data).toMatchObject([
      { amount: 200, refCode: null, remark: 'a bike', ext: { frame: 7 }, status: 'held', step: '0' },
      { amount: 100, refCode: '7', remark: null, ext: null, status: 'held' },
    ]);
    const returned = await api.admin('POST', `/v1/deposits/${String(data[0]?.['id'])}/return`);
    expect(returned.json).toMatchObject({ status: 'returned', amount: 200 });
    const missing = await api.admin('POST', `/v1/deposits/${'0'.repeat(24)}/return`);
    expect([missing.status, missing.json['code']]).toEqual([404, 'deposit_not_found']);
  });
});

describe('the bills of a shop', () => {
  it('are listed under it, and put by nobody', async () => {
    await api.admin('PUT', '/v1/catalog/shops/5', { name: 'a tea house' });
    await api.admin('PUT', '/v1/catalog/shops/6', { name: 'another' });
    await run('payShopBill', { type: 4, uid: 5, money: 12.5 });
    const bills = await api.admin('GET', '/v1/catalog/shop-bills?shopId=5');
    expect(bills.json['data']).toMatchObject([{ shopId: '5', userId: BUYER, amount: 1250, paid: 1250 }]);
    expect((await api.admin('GET', '/v1/catalog/shop-bills?shopId=6')).json['data']).toEqual([]);
    const bill = { shopId: '5', userId: BUYER, amount: 1, paid: 1 };
    expect((await api.admin('PUT', '/v1/catalog/shop-bills/9', bill)).status).toBe(405);
  });
});
