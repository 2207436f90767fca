/** How everything really stands: read from PostgreSQL and from the provider, without the product's own code. */
import type postgres from 'postgres';
import type { MoneyState } from '../../domain/order-status.js';
import { sqlAs } from '../support/database.js';
import { until } from '../support/world.js';
import type { Played } from './perform.js';
import { type Outcome, itemOf, possibleItems } from './predict.js';
import type { Stage } from './stage.js';

export interface Found {
  outcomeOf: (played: Played) => Outcome;
  /** The number of the attempt that paid it. */
  paidBy: (orderNo: string) => string | null;
  /** Rows of the inbox that come from nothing that was sent here, with what they tell. */
  others: { state: string; kind: string; facts: Record<string, string> }[];
  /** Balances, as sums of entries, of kinds of accounts; those without money are left out. */
  accounts: Record<string, number>;
  samples: number;
}

const GIVES_UP_AFTER_MS = 45_000;

/**
 * Waits until nothing is on its way any more: every start, every payment and every refund has come to its end.
 * @returns what does not: nothing of it has moved for so long that nobody should wait for it
 */
export function atRest({ flow }: Stage): Promise<string[]> {
  return sqlAs(flow.database.appUrl, async (sql) => {
    let left: string[] = [];
    let movedAt = Date.now();
    await until(async () => {
      const rows = await sql<{ what: string }[]>`
        SELECT 'notification ' || channel || ' ' || event_key AS what FROM inbox WHERE state = 'pending'
        UNION ALL SELECT 'start of ' || order_no FROM outbox WHERE done_at IS NULL
        UNION ALL SELECT 'refund ' || id || ' of ' || out_trade_no FROM refunds WHERE status = 'processing'`;
      if (rows.length !== left.length) movedAt = Date.now();
      left = rows.map(({ what }) => what);
      return left.length === 0 || Date.now() - movedAt > GIVES_UP_AFTER_MS;
    });
    return left;
  });
}

interface OrderFound {
  order_no: string;
  money: MoneyState;
  captured: string;
  paid_by: string | null;
  payments: string;
}

interface ItemFound {
  kind: string;
  ref: string;
  status: string;
  suspended: boolean | null;
}

export async function lookUp(stage: Stage): Promise<Found> {
  const rows = await sqlAs(stage.flow.database.appUrl, read);
  const orders = new Map(rows.orders.map((row) => [row.order_no, row]));
  const inbox = groupBy(rows.inbox, ({ event_key }) => ORDER_OF_KEY.exec(event_key)?.[1] ?? 'others');
  const items = groupBy(rows.items, ({ ref }) => numberOf(ref));
  const suspense = groupBy(rows.suspense, ({ trade }) => trade);
  const refunds = groupBy(rows.refunds, ({ out_trade_no }) => out_trade_no);
  const atProvider = groupBy(await refundsAtProvider(stage), ({ outTradeNo }) => outTradeNo);
  return {
    paidBy: (orderNo) => orders.get(orderNo)?.paid_by ?? null,
    others: inbox.get('others') ?? [],
    accounts: Object.fromEntries(rows.accounts.map(({ account, balance }) => [account, Number(balance)])),
    samples: Number(rows.samples[0]?.count),
    outcomeOf: (played) => {
      const { orderNo, attempts, script } = played;
      const order = orders.get(orderNo);
      if (order === undefined) throw new Error(`order ${orderNo} is gone`);
      const numbers = attempts.map(({ outTradeNo }) => outTradeNo);
      const of = <T>(groups: Map<string, T[]>): T[] => numbers.flatMap((no) => groups.get(no) ?? []);
      return {
        money: order.money,
        captured: Number(order.captured),
        payments: Number(order.payments),
        inbox: texts(
          inbox.get(String(script.nth)) ?? [],
          (row) => `${row.channel} ${row.event_key} ${row.state}`,
        ),
        items: itemTexts(played, of(items)),
        suspense: texts(
          tradesOf(played).flatMap((trade) => suspense.get(trade) ?? []),
          ({ trade, amount }) => `${trade} ${amount}`,
        ),
        refunds: texts(
          of(refunds),
          ({ channel, out_trade_no, amount, status }) => `${channel}/${out_trade_no} ${amount} ${status}`,
        ),
        refundsAtProvider: texts(
          of(atProvider),
          ({ channel, outTradeNo, amount, status }) => `${channel}/${outTradeNo} ${amount} ${status}`,
        ),
      };
    },
  };
}

const tradesOf = ({ sent }: Played): string[] => [
  ...new Set(sent.map(({ telling, tradeNo }) => `${telling.route}/${tradeNo}`)),
];

/** What is told of one order has its number in the key. */
const ORDER_OF_KEY = /^chaos-(\d+)-\d+$/;
const numberOf = (ref: string): string => ref.split('/').at(-1) ?? '';

async function read(sql: postgres.Sql) {
  return {
    orders: await sql<OrderFound[]>`
      SELECT o.order_no, o.money, o.captured, y.out_trade_no AS paid_by, count(p.id) AS payments
        FROM orders o LEFT JOIN payments y ON y.id = o.payment_id
        LEFT JOIN postings p ON p.order_no = o.order_no AND p.kind = 'payment'
       GROUP BY o.order_no, o.money, o.captured, y.out_trade_no`,
    inbox: await sql<
      { channel: string; event_key: string; state: string; kind: string; facts: Record<string, string> }[]
    >`SELECT channel, event_key, state, kind, facts FROM inbox WHERE source = 'notification'`,
    items: await sql<ItemFound[]>`
      SELECT kind, ref, status, (details ->> 'inSuspense')::boolean AS suspended FROM operator_items`,
    suspense: await sql<{ trade: string; amount: string }[]>`
      SELECT regexp_replace(p.key, '^suspense/([^:]+).*', '\\1') AS trade, sum(e.amount) AS amount
        FROM entries e JOIN postings p ON p.id = e.posting_id
       WHERE e.account = 'platform:suspense' GROUP BY 1 HAVING sum(e.amount) <> 0`,
    refunds: await sql<{ channel: string; out_trade_no: string; amount: string; status: string }[]>`
      SELECT channel, out_trade_no, amount, status FROM refunds`,
    accounts: await sql<{ account: string; balance: string }[]>`
      SELECT regexp_replace(regexp_replace(account, '^user:[^:]+:', 'user:*:'), '^(hold|refunding):.*', '\\1:*') AS account,
             sum(amount) AS balance FROM entries GROUP BY 1 HAVING sum(amount) <> 0`,
    samples: await sql<{ count: string }[]>`SELECT count(*) FROM refused_notifications`,
  };
}

interface RefundFound {
  channel: string;
  outTradeNo: string;
  amount: number;
  status: string;
}

async function refundsAtProvider({ flow }: Stage): Promise<RefundFound[]> {
  return ((await flow.providers.control('GET', '/refunds')) as { data: RefundFound[] }).data;
}

/** Without those that the model leaves open, as long as they are what they may be. */
function itemTexts(played: Played, found: readonly ItemFound[]): string[] {
  const possible = possibleItems(played);
  const own = new Set(played.sent.map(itemOf));
  return texts(
    found.filter(({ kind, ref }) => !(kind === 'suspense' && possible.has(ref))),
    ({ kind, ref, status, suspended }) => {
      const isExpected = kind === 'suspense' && status === 'open' && own.has(ref);
      return `${ref} ${isExpected ? (suspended === true ? 'in suspense' : '') : `${kind} ${status}`}`;
    },
  );
}

const texts = <T>(rows: readonly T[], text: (row: T) => string): string[] => rows.map(text).sort();

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row)) ?? [];
    groups.set(keyOf(row), group);
    group.push(row);
  }
  return groups;
}
