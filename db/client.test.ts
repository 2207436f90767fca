import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { sqlStateOf } from '../test/support/errors.js';
import { forLongReads } from './client.js';
import { settings } from './schema.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase(2);
});
afterAll(() => database.close());

describe('a JSON value', () => {
  it.each([
    '13500000000',
    '0013',
    '1.10',
    '1e5',
    'true',
    'null',
    '{"a":1}',
    '"quoted"',
    '',
    '参数2',
    '{type:0, id:1}',
    0,
    1.5,
    true,
    false,
    { a: '1.10', b: [null, '2'] },
    ['1', 2],
  ])('is read as it was written: %j', async (value) => {
    await database.db.insert(settings).values({ key: 'K', value, updatedBy: 'test' });
    const [row] = await database.db.delete(settings).where(eq(settings.key, 'K')).returning();
    expect(row?.value).toEqual(value);
  });
});

describe('a connection', () => {
  it('ends a statement, a wait for a lock and an idle transaction that take too long', async () => {
    const [limits] = await database.db.execute(sql`
      SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
             current_setting('idle_in_transaction_session_timeout') AS idle, current_user AS role`);
    expect(limits).toEqual({ statement: '5s', lock: '3s', idle: '10s', role: 'holdfast_app' });
  });

  it('for long reads gives them two minutes, and is the same database', async () => {
    const [limits] = await forLongReads(database.db).execute(sql`
      SELECT current_setting('statement_timeout') AS statement, current_user AS role,
             current_database() = ${new URL(database.appUrl).pathname.slice(1)} AS same`);
    expect(limits).toEqual({ statement: '2min', role: 'holdfast_app', same: true });
    await database.db.transaction(async (tx) => {
      expect(forLongReads(tx)).toBe(tx);
    });
  });

  it('belongs to a role that cannot change the schema', async () => {
    expect(await sqlStateOf(database.db.execute(sql`CREATE TABLE mine (id int)`))).toBe('42501');
  });
});
