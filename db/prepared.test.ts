import { count, eq, inArray, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account } from '../domain/postings.js';
import { post } from '../ledger/post.js';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { sqlStateOf } from '../test/support/errors.js';
import { type WireCount, countWire } from '../test/support/wire-count.js';
import { type Database, type Db, openDatabase } from './client.js';
import { firstTexts } from './prepared.js';
import { settings, users } from './schema.js';

let database: TestDatabase;
let wire: WireCount;
let opened: Database;
// One connection: what is prepared on one is unknown to the next.
let db: Db;

beforeAll(async () => {
  database = await freshDatabase(2);
  wire = await countWire(database.appUrl);
  opened = openDatabase(wire.through(database.appUrl), { pool: 1, name: 'test' });
  db = opened.db;
  await db.insert(users).values([
    { id: 'a'.repeat(24), name: 'one' },
    { id: 'b'.repeat(24), name: 'two' },
  ]);
});
afterAll(async () => {
  await opened.close();
  await wire.close();
  await database.close();
});

async function exchangesOf(work: () => Promise<unknown>): Promise<number> {
  const before = wire.exchanges();
  await work();
  return wire.exchanges() - before;
}

const byName = (on: Db, name: string) => on.select().from(users).where(eq(users.name, name));
let postings = 0;
const posting = (on: Db) =>
  post(on, {
    key: `test/${postings++}`,
    kind: 'test',
    orderNo: null,
    legs: [
      { account: account.channel('alipay'), amount: -5 },
      { account: account.withdrawable('a'.repeat(24)), amount: 5 },
    ],
  });

describe('a statement with parameters', () => {
  it.each<{ what: string; run: () => Promise<unknown> }>([
    { what: 'a read', run: () => byName(db, 'one') },
    { what: 'an insert', run: () => db.insert(users).values({ id: postings++ + 'c'.repeat(22), name: 'x' }) },
    { what: 'SQL of our own', run: () => db.execute(sql`SELECT ${1}::int AS one`) },
    { what: 'a posting', run: () => posting(db) },
  ])('crosses the wire once, after the first time: $what', async ({ run }) => {
    expect(await exchangesOf(run)).toBe(2);
    expect(await exchangesOf(run)).toBe(1);
  });

  it('crosses it once in a transaction and in a savepoint too', async () => {
    const run = () =>
      db.transaction(async (tx) => {
        await byName(tx, 'one');
        await tx.transaction((savepoint) => byName(savepoint, 'two'));
      });
    await run();
    // BEGIN, SAVEPOINT, COMMIT, and the two.
    expect(await exchangesOf(run)).toBe(5);
  });
});

describe('a schema that changes while a statement is prepared', () => {
  const migrate = (text: string): Promise<unknown> => sqlAs(database.ownerUrl, (owner) => owner.unsafe(text));
  const within: Record<string, (work: (on: Db) => Promise<unknown>) => Promise<unknown>> = {
    'on its own': (work) => work(db),
    'in a transaction': (work) => db.transaction((tx) => work(tx)),
  };

  it.each(Object.keys(within))('may get a column: %s', async (where) => {
    const read = () => within[where]?.((on) => on.select().from(settings));
    await db.insert(settings).values({ key: 'K', value: 1, updatedBy: 'test' }).onConflictDoNothing();
    const one = () => within[where]?.((on) => on.select().from(settings).where(eq(settings.key, 'K')));
    const before = [await read(), await one()];
    await migrate(
      `ALTER TABLE settings ADD COLUMN ${where.replaceAll(' ', '_')} text NOT NULL DEFAULT 'new'`,
    );
    expect([await read(), await one()]).toEqual(before);
    await db.insert(settings).values({ key: where, value: 2, updatedBy: 'test' });
  });

  it.each(Object.keys(within))('may get another ledger_post: %s', async (where) => {
    const run = () => within[where]?.(posting);
    await run();
    const [found] = await sqlAs(
      database.ownerUrl,
      (owner) => owner<{ text: string }[]>`SELECT pg_get_functiondef('ledger_post'::regproc) AS text`,
    );
    // As a migration does that adds a parameter: dropped, and made anew.
    const changed = (found?.text ?? '').replace(
      'DEFAULT NULL::text)',
      "DEFAULT NULL::text, p_more text DEFAULT '')",
    );
    expect(changed).toContain('p_more');
    await migrate(`DROP FUNCTION ledger_post; ${changed}`);
    await expect(run()).resolves.toMatchObject({ duplicate: false });
  });

  it('is met again at once when a column that is read changes its type', async () => {
    await migrate('CREATE TABLE later (id int, at int); GRANT SELECT ON later TO holdfast_app');
    const read = (on: Db) => on.execute(sql`SELECT at FROM later WHERE id = ${1}`);
    await read(db);
    await migrate('INSERT INTO later VALUES (1, 2); ALTER TABLE later ALTER COLUMN at TYPE text');
    expect([...(await read(db))]).toEqual([{ at: '2' }]);
    await migrate('ALTER TABLE later ALTER COLUMN at TYPE int USING at::int');
    // A transaction fails as a whole and only once: PostgreSQL has ended it before anybody could try again.
    expect(await sqlStateOf(db.transaction(read))).toBe('0A000');
    expect([...((await db.transaction(read)) as unknown[])]).toEqual([{ at: 2 }]);
  });
});

describe('what is prepared', () => {
  it('is bounded: a text that grows with its input is not prepared for ever', async () => {
    for (let most = 1; most <= 600; most++) {
      await db
        .select({ n: count() })
        .from(users)
        .where(inArray(users.name, Array<string>(most).fill('one')));
    }
    const [prepared] = await db.execute<{ n: number }>(
      sql`SELECT count(*)::int AS n FROM pg_prepared_statements`,
    );
    expect(prepared?.n).toBeLessThanOrEqual(510);
    expect(await byName(db, 'one')).toHaveLength(1);
  });

  it('is the first so many texts', () => {
    const isFirst = firstTexts(2);
    expect(['a', 'b', 'c', 'a', 'b', 'c'].map(isFirst)).toEqual([true, true, false, true, true, false]);
  });
});
