/** Postings a second through the ledger's one function, by 16 connections, at few and at many sellers. */
import { randomBytes } from 'node:crypto';
import { type Database, openDatabase } from '../db/client.js';
import { fen } from '../domain/money.js';
import { account, releasePosting } from '../domain/postings.js';
import { post } from '../ledger/post.js';
import type { Figure } from './figures.js';
import type { Servers } from './servers.js';
import { each, median, range } from './stats.js';
import { BUYER } from './product.js';

const CONNECTIONS = 16;
const SELLERS = [1, 10, 1_000];
const ROUNDS = 3;
const POSTINGS = 6_000;
const RELEASES = 1_500;

const sellerId = (index: number): string => `5e11e4${String(index).padStart(18, '0')}`;

async function rate(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await each([...Array(count).keys()], CONNECTIONS, async (index) => {
    await work(index);
  });
  return (count * 1_000) / (performance.now() - begin);
}

/** Money straight to a seller: the posting alone, with the one row that can be hot. */
function postTo({ db }: Database, run: string, sellers: number, count: number): Promise<number> {
  return rate(count, (index) =>
    post(db, {
      key: `bench/${run}/${index}`,
      kind: 'release',
      orderNo: null,
      legs: [
        { account: 'channel:alipay', amount: -100 },
        { account: account.withdrawable(sellerId(index % sellers)), amount: 100 },
      ],
    }),
  );
}

/** Orders that hold money, as rows alone: what is measured is their release. */
async function heldOrders({ sql }: Servers, run: string, sellers: number): Promise<string[]> {
  const seller = sql`'5e11e4' || lpad((n % ${sellers})::text, 18, '0')`;
  const rows = await sql<{ order_no: string }[]>`
    INSERT INTO orders (id, order_no, kind, buyer_id, seller_id, amount, currency, subject, auto_confirm_after_ms,
                        fee_bps, expires_at, created_by, chain, money, captured)
    SELECT ${run} || lpad(n::text, 8, '0'), ${run} || lpad(n::text, 8, '0'), 'deal', ${BUYER}, ${seller}, 10000, 'CNY',
           'bench', 0, 100, now(), 'bench', 'none', 'held', 10000
      FROM generate_series(0, ${RELEASES - 1}) AS n RETURNING order_no`;
  await sql`INSERT INTO balances (account, balance)
    SELECT 'hold:' || order_no, 10000 FROM orders WHERE order_no = ANY (${rows.map((row) => row.order_no)})`;
  return rows.map((row) => row.order_no);
}

/** The whole release: the order's row, hold, seller, fee, event and status, in one statement. */
async function release(servers: Servers, { db }: Database, run: string, sellers: number): Promise<number> {
  const orders = await heldOrders(servers, run, sellers);
  return rate(orders.length, (index) =>
    post(
      db,
      releasePosting({
        orderNo: orders[index] ?? '',
        sellerId: sellerId(index % sellers),
        amountFen: fen(10_000),
        feeBps: 100,
        by: 'auto-confirm',
        atMs: Date.now(),
      }),
    ),
  );
}

async function addSellers({ sql }: Servers): Promise<void> {
  await sql`INSERT INTO users (id, name)
    SELECT '5e11e4' || lpad(n::text, 18, '0'), 'seller ' || n FROM generate_series(0, 999) AS n ON CONFLICT DO NOTHING`;
}

export async function benchLedger(servers: Servers): Promise<Figure[]> {
  await addSellers(servers);
  const database = openDatabase(servers.postgres.appUrl, { pool: CONNECTIONS, name: 'bench' });
  const run = (): string => randomBytes(4).toString('hex');
  await postTo(database, run(), 1_000, 1_000);
  const posted = new Map<number, number[]>();
  const released = new Map<number, number[]>();
  for (let index = 0; index < ROUNDS; index++) {
    for (const sellers of SELLERS) {
      posted.set(sellers, [...(posted.get(sellers) ?? []), await postTo(database, run(), sellers, POSTINGS)]);
      released.set(sellers, [
        ...(released.get(sellers) ?? []),
        await release(servers, database, run(), sellers),
      ]);
    }
  }
  await database.close();
  const figures = (what: string, rates: Map<number, number[]>, judged: boolean): Figure[] =>
    [...rates].map(([sellers, values]) => ({
      what: `${what}, ${sellers} sellers`,
      value: median(values),
      unit: 'a second',
      ...(judged && { target: { of: 'value' as const, atLeast: sellers < 10 ? 2_500 : 7_000 } }),
      exact: false,
      note: `${CONNECTIONS} connections, one Node process; rounds ${range(values)}`,
    }));
  return [...figures('ledger postings', posted, true), ...figures('whole releases', released, false)];
}
