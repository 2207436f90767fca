import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { postings } from '../db/schema.js';
import { MAX_AMOUNT_FEN } from '../domain/money.js';
import type { Leg, Posting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf, sqlStateOf } from '../test/support/errors.js';
import { proveLedger, walletOf } from './balances.js';
import { post } from './post.js';

let database: TestDatabase;
let db: Db;
let made = 0;
let user: string;

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(() => {
  user = `u${++made}`;
});

/** A posting of its own, by account and amount. */
function posting(legs: Record<string, number>, change: Partial<Posting> = {}): Posting {
  const list = Object.entries(legs).map(([account, amount]): Leg => ({ account, amount }));
  return { key: `test/${++made}`, kind: 'test', orderNo: null, legs: list, ...change };
}

/** Gives the user of this test what they have. */
async function has(buckets: { cash?: number; withdrawable?: number; debt?: number }): Promise<void> {
  for (const [bucket, amount] of Object.entries(buckets)) {
    const signed = bucket === 'debt' ? -amount : amount;
    await post(db, posting({ [`user:${user}:${bucket}`]: signed, 'channel:alipay': -signed }));
  }
}

async function balanceOf(account: string): Promise<number> {
  const rows = await db.execute<{ balance: string }>(
    sql`SELECT balance FROM balances WHERE account = ${account}`,
  );
  return Number(rows[0]?.balance ?? 0);
}

async function mine(): Promise<{ cash: number; withdrawable: number; debt: number }> {
  const [cash, withdrawable, debt] = await Promise.all(
    ['cash', 'withdrawable', 'debt'].map((bucket) => balanceOf(`user:${user}:${bucket}`)),
  );
  return { cash: cash ?? 0, withdrawable: withdrawable ?? 0, debt: debt ?? 0 };
}

async function entriesOf(postingId: number): Promise<[string, number][]> {
  const rows = await db.execute<{ account: string; amount: string }>(
    sql`SELECT account, amount FROM entries WHERE posting_id = ${postingId} ORDER BY account`,
  );
  return rows.map((row) => [row.account, Number(row.amount)]);
}

const isPosted = async ({ key }: Posting): Promise<boolean> =>
  (await db.select().from(postings).where(eq(postings.key, key))).length > 0;

describe('a posting', () => {
  it('moves money once, and a repeat moves nothing', async () => {
    const topup = posting({ 'channel:alipay': -500, [`user:${user}:cash`]: 500 });
    const first = await post(db, topup);
    expect(first.duplicate).toBe(false);
    expect(await post(db, topup)).toEqual({ postingId: first.postingId, duplicate: true });
    expect((await mine()).cash).toBe(500);
    expect(await entriesOf(first.postingId)).toHaveLength(2);
  });

  it('moves money once when it is asked for ten times at once', async () => {
    const topup = posting({ 'channel:alipay': -500, [`user:${user}:cash`]: 500 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(db, topup)));
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ postingId }) => postingId)).size).toBe(1);
    expect((await mine()).cash).toBe(500);
  });

  it.each<[string, Partial<Posting>]>([
    [
      'other accounts',
      {
        legs: [
          { account: 'channel:wechat', amount: -5 },
          { account: 'platform:sales', amount: 5 },
        ],
      },
    ],
    [
      'another amount',
      {
        legs: [
          { account: 'channel:alipay', amount: -6 },
          { account: 'platform:sales', amount: 6 },
        ],
      },
    ],
    ['another kind', { kind: 'other' }],
    ['another identity', { identity: 'alipay/t2' }],
  ])('is refused under a key that has %s', async (_what, change) => {
    const first = posting({ 'channel:alipay': -5, 'platform:sales': 5 }, { identity: 'alipay/t1' });
    const { postingId } = await post(db, first);
    expect(await refusalOf(post(db, { ...first, ...change }))).toMatchObject({ code: 'posting_conflict' });
    expect(await entriesOf(postingId)).toEqual([
      ['channel:alipay', -5],
      ['platform:sales', 5],
    ]);
  });

  it.each<[string, Record<string, number>]>([
    ['a fen too many', { 'channel:alipay': -100, 'platform:sales': 101 }],
    ['one leg', { 'channel:alipay': -100 }],
    ['two credits', { 'channel:alipay': 100, 'platform:sales': 100 }],
  ])('M1 whose legs do not sum to 0 is refused whole: %s', async (_what, legs) => {
    const wrong = posting(legs);
    expect(await sqlStateOf(post(db, wrong))).toBe('HF005');
    expect(await isPosted(wrong)).toBe(false);
  });

  it('has no leg of 0', async () => {
    expect(await sqlStateOf(post(db, posting({ 'channel:alipay': 0, 'platform:sales': 0 })))).toBe('23514');
  });

  it('M3 takes nobody below 0, and leaves nothing behind', async () => {
    await has({ cash: 60, withdrawable: 39 });
    const charge = posting({ [`user:${user}:spendable`]: -100, 'platform:sales': 100 });
    expect(await refusalOf(post(db, charge))).toMatchObject({
      code: 'insufficient_funds',
      details: { account: `user:${user}:withdrawable` },
    });
    expect(await mine()).toEqual({ cash: 60, withdrawable: 39, debt: 0 });
    expect(await isPosted(charge)).toBe(false);
  });

  it('goes through later under the same key when there is money then', async () => {
    const charge = posting({ [`user:${user}:spendable`]: -100, 'platform:sales': 100 });
    await refusalOf(post(db, charge));
    await has({ cash: 100 });
    expect((await post(db, charge)).duplicate).toBe(false);
    expect((await mine()).cash).toBe(0);
  });

  it('counts sums above what one call may name', async () => {
    await has({ cash: MAX_AMOUNT_FEN });
    await has({ cash: MAX_AMOUNT_FEN });
    expect((await walletOf(db, user)).cash).toBe(2 * MAX_AMOUNT_FEN);
  });

  it('is undone with the transaction around it', async () => {
    const topup = posting({ 'channel:alipay': -500, [`user:${user}:cash`]: 500 });
    const failed = db.transaction(async (tx) => {
      await post(tx, topup);
      throw new Error('the effect failed');
    });
    await expect(failed).rejects.toThrow('the effect failed');
    expect([await isPosted(topup), (await mine()).cash]).toEqual([false, 0]);
  });
});

describe('spending', () => {
  it.each([
    ['cash alone', { cash: 100 }, 60, { cash: 40, withdrawable: 0 }],
    ['cash first', { cash: 60, withdrawable: 60 }, 60, { cash: 0, withdrawable: 60 }],
    ['then what was earned', { cash: 60, withdrawable: 60 }, 61, { cash: 0, withdrawable: 59 }],
    ['what was earned alone', { withdrawable: 60 }, 60, { cash: 0, withdrawable: 0 }],
    ['all there is', { cash: 1, withdrawable: 1 }, 2, { cash: 0, withdrawable: 0 }],
  ])('takes %s', async (_what, given, amount, left) => {
    await has(given);
    await post(db, posting({ [`user:${user}:spendable`]: -amount, 'platform:sales': amount }));
    expect(await mine()).toMatchObject(left);
  });

  it('writes what it took into the entries', async () => {
    await has({ cash: 60, withdrawable: 60 });
    const { postingId } = await post(
      db,
      posting({ [`user:${user}:spendable`]: -100, 'platform:sales': 100 }),
    );
    expect(await entriesOf(postingId)).toEqual([
      ['platform:sales', 100],
      [`user:${user}:cash`, -60],
      [`user:${user}:withdrawable`, -40],
    ]);
  });
});

describe('earning', () => {
  it.each([
    ['is withdrawable', {}, 100, { withdrawable: 100, debt: 0 }],
    ['settles a debt first', { debt: 30 }, 100, { withdrawable: 70, debt: 0 }],
    ['settles a debt in part', { debt: 130 }, 100, { withdrawable: 0, debt: 30 }],
    ['settles a debt exactly', { debt: 100 }, 100, { withdrawable: 0, debt: 0 }],
  ])('%s', async (_what, given, amount, left) => {
    await has(given);
    await post(db, posting({ 'channel:alipay': -amount, [`user:${user}:earnings`]: amount }));
    expect(await mine()).toMatchObject(left);
  });

  it('M3 keeps a debt on an account of its own, never as a negative balance', async () => {
    await has({ debt: 50 });
    expect(await mine()).toEqual({ cash: 0, withdrawable: 0, debt: 50 });
    const over = posting({ 'channel:alipay': -51, [`user:${user}:debt`]: 51 });
    expect(await refusalOf(post(db, over))).toMatchObject({ code: 'insufficient_funds' });
  });
});

it('M4 the books of all these postings balance', async () => {
  expect(await proveLedger(db)).toMatchObject({ balanced: true });
});
