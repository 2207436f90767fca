import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNextActions } from '../activities/next-actions/index.js';
import type { Db } from '../db/client.js';
import { deposits } from '../db/schema.js';
import { proveLedger, walletOf } from '../ledger/balances.js';
import { actionOrder } from '../test/actions/orders.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { BUYER, addUsers, giveCash, giveEarnings } from '../test/support/world.js';
import { returnDeposit } from './deposits.js';

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase(8);
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());

/** @returns its id */
async function deposit(amount: string): Promise<string> {
  const { orderNo } = await actionOrder(db, BUYER, { type: 5, amount });
  await createNextActions(db).payDeposit({ key: `${orderNo}:0`, orderNo, path: '0' });
  const rows = await db.select().from(deposits);
  return rows.find((row) => row.orderNo === orderNo)?.id ?? '';
}

const balance = async () => {
  const { cash, withdrawable } = await walletOf(db, BUYER);
  return { cash, withdrawable };
};

describe('a deposit', () => {
  it('M4 goes back to the balances that paid it, what was earned as earned', async () => {
    await giveCash(db, BUYER, 3_000);
    await giveEarnings(db, BUYER, 5_000);
    const id = await deposit('70.00');
    expect(await balance()).toEqual({ cash: 0, withdrawable: 1_000 });
    expect(await returnDeposit(db, id, 'test')).toMatchObject({ status: 'returned', returnedBy: 'test' });
    expect(await balance()).toEqual({ cash: 3_000, withdrawable: 5_000 });
  });

  it('M6 goes back once, however often it is asked for, eight at once', async () => {
    const id = await deposit('10.00');
    const before = await balance();
    const all = await Promise.all(Array.from({ length: 8 }, () => returnDeposit(db, id, 'test')));
    expect(new Set(all.map(({ returnedAt }) => returnedAt?.getTime())).size).toBe(1);
    const after = await balance();
    expect(after.cash + after.withdrawable - before.cash - before.withdrawable).toBe(1_000);
  });

  it('that does not exist is not returned', async () => {
    expect(await refusalOf(returnDeposit(db, '0'.repeat(24), 'test'))).toMatchObject({
      code: 'deposit_not_found',
    });
  });

  it('M1 leaves the books balanced', async () => {
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
