import { beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { fen } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { paymentPosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { BUYER, SELLER, addUsers, giveCash, insertOrder } from '../test/support/world.js';
import { proveLedger, walletEntries, walletOf } from './balances.js';
import { post } from './post.js';

let database: TestDatabase;
let db: Db;

beforeEach(async () => {
  database = await freshDatabase(2);
  db = database.db;
  await addUsers(db);
  await giveCash(db, BUYER, 1_000);
  return () => database.close();
});

/** The buyer pays an order from the wallet. */
async function pay(amount: number): Promise<void> {
  const order = await insertOrder(db, { amount });
  const payment = { paymentId: null, channel: 'wallet' as const, providerTradeNo: order.id, inboxId: null };
  const times = { paidAtMs: Date.now(), receivedAtMs: Date.now() };
  await post(db, paymentPosting({ ...order, amountFen: fen(amount) }, { ...payment, ...times }));
}

describe('a wallet', () => {
  it('is all zeros for somebody who never had money', async () => {
    expect(await walletOf(db, 'nobody')).toEqual({ cash: 0, withdrawable: 0, held: 0, frozen: 0 });
    expect(await walletEntries(db, 'nobody', { limit: 10, beforeId: null })).toEqual([]);
  });

  it('shows what was topped up, and what is held for a seller', async () => {
    await pay(300);
    await pay(200);
    expect(await walletOf(db, BUYER)).toEqual({ cash: 500, withdrawable: 0, held: 0, frozen: 0 });
    expect(await walletOf(db, SELLER)).toEqual({ cash: 0, withdrawable: 0, held: 500, frozen: 0 });
  });

  it('is read from one user alone, whatever their id looks like', async () => {
    await giveCash(db, 'a_b', 5);
    expect((await walletOf(db, 'axb')).cash).toBe(0);
    expect((await walletOf(db, 'a_b')).cash).toBe(5);
  });

  it('lists its entries newest first, page by page', async () => {
    await pay(300);
    await post(db, chargePosting('none:0', BUYER, fen(50), (await insertOrder(db)).orderNo));
    const [newest, ...others] = await walletEntries(db, BUYER, { limit: 10, beforeId: null });
    expect(newest).toMatchObject({ bucket: 'cash', amount: -50, currency: 'CNY', kind: 'charge' });
    expect(others.map(({ amount, kind }) => [amount, kind])).toEqual([
      [-300, 'payment'],
      [1_000, 'payment'],
    ]);
    const page = await walletEntries(db, BUYER, { limit: 1, beforeId: newest?.id ?? 0 });
    expect(page).toEqual(others.slice(0, 1));
  });
});

describe('the proof of the ledger', () => {
  it('recomputes every sum from the entries', async () => {
    await pay(300);
    const proof = await proveLedger(db);
    expect(proof).toMatchObject({ balanced: true, totalDebit: 1_300, totalCredit: 1_300 });
    expect(proof.accounts).toEqual([
      { account: 'channel:alipay', balance: -1_000, entries: 1 },
      { account: 'hold:*', balance: 300, entries: 1 },
      { account: 'user:*:cash', balance: 700, entries: 2 },
    ]);
    expect(proof.accounts.reduce((sum, { balance }) => sum + balance, 0)).toBe(0);
  });

  it('is balanced before anything has happened', async () => {
    const empty = await freshDatabase(1);
    try {
      expect(await proveLedger(empty.db)).toMatchObject({ balanced: true, totalDebit: 0, accounts: [] });
    } finally {
      await empty.close();
    }
  });

  it.each([
    [
      'an entry that was changed',
      `UPDATE entries SET amount = amount + 1 WHERE account = 'user:${BUYER}:cash'`,
      { unbalancedPostings: 1, wrongBalances: 1 },
    ],
    [
      'an entry that vanished',
      `DELETE FROM entries WHERE account = 'channel:alipay'`,
      { unbalancedPostings: 1, wrongBalances: 0 },
    ],
    [
      'an entry from nowhere',
      `INSERT INTO entries (posting_id, account, amount, currency) VALUES (1, 'platform:sales', 7, 'CNY')`,
      { unbalancedPostings: 1, wrongBalances: 0 },
    ],
    [
      'money moved to somebody else',
      `UPDATE entries SET account = 'user:thief:cash' WHERE account = 'user:${BUYER}:cash'`,
      { unbalancedPostings: 0, wrongBalances: 2 },
    ],
    [
      'another currency on one leg',
      `UPDATE entries SET currency = 'USD' WHERE account = 'channel:alipay'`,
      { unbalancedPostings: 2, wrongBalances: 0 },
    ],
    ['a balance that was changed', `UPDATE balances SET balance = balance + 1`, { wrongBalances: 1 }],
    ['a balance row that vanished', `DELETE FROM balances`, { wrongBalances: 1 }],
    [
      'a balance from nowhere',
      `INSERT INTO balances (account, balance) VALUES ('user:thief:cash', 7)`,
      { wrongBalances: 1 },
    ],
    [
      'a balance below 0',
      `ALTER TABLE balances DROP CONSTRAINT balances_never_negative; UPDATE balances SET balance = -1`,
      { wrongBalances: 1, negativeBalances: 1 },
    ],
  ])('finds %s', async (_what, statement, faults) => {
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
    await sqlAs(database.superuserUrl, (sql) =>
      sql.unsafe(`SET session_replication_role = replica; ${statement}`),
    );
    expect(await proveLedger(db)).toMatchObject({ balanced: false, faults });
  });
});
