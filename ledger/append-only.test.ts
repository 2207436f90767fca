/** What PostgreSQL itself refuses, whoever has got hold of a connection. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { sqlStateOf } from '../test/support/errors.js';
import { BUYER, addUsers, giveCash, insertOrder } from '../test/support/world.js';

const NO_RIGHT = '42501';
const NEVER_CHANGED = 'HF004';

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await addUsers(database.db);
  await insertOrder(database.db);
  await giveCash(database.db, BUYER, 500);
});
afterAll(() => database.close());

const asApplication = (statement: string): Promise<string> =>
  sqlStateOf(sqlAs(database.appUrl, (sql) => sql.unsafe(statement).then(() => true)));
const asOwner = (statement: string): Promise<string> =>
  sqlStateOf(sqlAs(database.ownerUrl, (sql) => sql.unsafe(statement).then(() => true)));

describe('M2 the application role', () => {
  it.each([
    'INSERT INTO postings (key, kind, fingerprint) VALUES ($$k$$, $$k$$, $$f$$)',
    'UPDATE postings SET fingerprint = $$x$$',
    'DELETE FROM postings',
    'TRUNCATE postings CASCADE',
    `INSERT INTO entries (posting_id, account, amount, currency) VALUES (1, 'user:${BUYER}:cash', 5, 'CNY')`,
    'UPDATE entries SET amount = amount + 1',
    'DELETE FROM entries',
    'TRUNCATE entries',
    `INSERT INTO balances (account, balance) VALUES ('user:x:cash', 5)`,
    'UPDATE balances SET balance = balance + 1',
    'DELETE FROM balances',
    `UPDATE orders SET money = 'released'`,
    'UPDATE orders SET captured = 5',
    'UPDATE orders SET refunded = 0',
    'UPDATE orders SET refund_open = true',
    `UPDATE orders SET seller_id = '${BUYER}'`,
    'UPDATE orders SET amount = 1',
    'UPDATE orders SET fee_bps = 0',
    'DELETE FROM orders',
    'UPDATE order_events SET actor = $$x$$',
    'DELETE FROM order_events',
    `SELECT ledger_move('user:${BUYER}:cash', 5)`,
    `SELECT ledger_enter(1, ARRAY['channel:alipay', 'user:${BUYER}:cash'], ARRAY[-5, 5]::bigint[], 'CNY')`,
    'ALTER TABLE entries DISABLE TRIGGER ALL',
    'DROP TRIGGER entries_append_only ON entries',
    'CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE sql AS $$ SELECT NULL $$',
    'SET session_replication_role = replica',
  ])('has no right to %s', async (statement) => {
    expect(await asApplication(statement)).toBe(NO_RIGHT);
  });

  it.each(["UPDATE orders SET chain = 'done'", 'UPDATE orders SET chat_closed_at = now()'])(
    'may %s',
    async (statement) => {
      await sqlAs(database.appUrl, (sql) => sql.unsafe(`BEGIN; ${statement}; ROLLBACK`));
    },
  );
});

describe('M2 the owner of the schema', () => {
  it.each([
    'UPDATE entries SET amount = amount + 1',
    'DELETE FROM entries',
    'TRUNCATE entries',
    'UPDATE postings SET fingerprint = $$x$$',
    'DELETE FROM postings',
    'TRUNCATE postings CASCADE',
  ])('is held back by a trigger: %s', async (statement) => {
    expect(await asOwner(statement)).toBe(NEVER_CHANGED);
  });

  it('M3 cannot take a balance below 0 either', async () => {
    expect(await asOwner('UPDATE balances SET balance = balance - 501')).toBe('23514');
  });
});
