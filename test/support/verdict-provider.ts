/** What must hold between our books and what the provider knows: money that moved there, and what it told us. */
import type postgres from 'postgres';
import type { Http } from '../e2e/http.js';
import { type ProviderPayout, payoutViolations } from './verdict-payouts.js';
import type { Violation } from './verdict-run.js';

/** A trade as the provider knows it; amounts in fen. */
export interface ProviderTrade {
  channel: string;
  tradeNo: string;
  outTradeNo: string;
  status: string;
  /** Null: nobody ever paid it. */
  paidAmount: number | null;
  refundedAmount: number;
}

/** One delivery of a notification, with its answer. */
export interface ProviderDelivery {
  channel: string;
  outTradeNo: string;
  /** The provider's id of the event, which is our inbox's event key. */
  eventId: string;
  acknowledged: boolean;
}

export interface ProviderFacts {
  trades: readonly ProviderTrade[];
  deliveries: readonly ProviderDelivery[];
  payouts: readonly ProviderPayout[];
}

const AT_ONCE = 8;

async function read<T>(sandbox: Pick<Http, 'get'>, path: string): Promise<T[]> {
  const { status, body } = await sandbox.get<{ data: T[] }>(path);
  if (status !== 200) throw new Error(`GET ${path} of the sandbox answered ${status}`);
  return body.data;
}

/** The control API lists the newest thousand; what is older is asked for by the number that we know it by. */
async function factsOf(sql: postgres.Sql, sandbox: Pick<Http, 'get'>): Promise<ProviderFacts> {
  const known = await sql<{ out_trade_no: string }[]>`
    SELECT out_trade_no FROM payments WHERE channel <> 'wallet'
    UNION SELECT out_trade_no FROM inbox WHERE channel <> 'wallet'
    UNION SELECT out_trade_no FROM refunds WHERE channel <> 'wallet'`;
  const newest = await read<ProviderTrade>(sandbox, '/trades');
  const numbers = new Set([
    ...known.map((row) => row.out_trade_no).filter((no) => no !== ''),
    ...newest.map((trade) => trade.outTradeNo),
  ]);
  const queue = [...numbers];
  const trades = new Map<string, ProviderTrade>();
  const deliveries: ProviderDelivery[] = [];
  const one = async (): Promise<void> => {
    for (let no = queue.shift(); no !== undefined; no = queue.shift()) {
      const query = `outTradeNo=${encodeURIComponent(no)}`;
      for (const trade of await read<ProviderTrade>(sandbox, `/trades?${query}`)) {
        trades.set(`${trade.channel}/${trade.tradeNo}`, trade);
      }
      deliveries.push(...(await read<ProviderDelivery>(sandbox, `/notifications?${query}`)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return { trades: [...trades.values()], deliveries, payouts: await payoutsOf(sql, sandbox) };
}

/** Likewise. */
async function payoutsOf(sql: postgres.Sql, sandbox: Pick<Http, 'get'>): Promise<ProviderPayout[]> {
  const newest = await read<ProviderPayout>(sandbox, '/payouts');
  const seen = new Set(newest.map(({ outPayoutNo }) => outPayoutNo));
  const known = await sql<{ id: string }[]>`SELECT id FROM withdrawals WHERE submitted_at IS NOT NULL`;
  const older: ProviderPayout[] = [];
  for (const { id } of known) {
    if (!seen.has(id)) older.push(...(await read<ProviderPayout>(sandbox, `/payouts?outPayoutNo=${id}`)));
  }
  return [...newest, ...older];
}

/** What our books say of one provider trade. */
interface Booked {
  trade: string;
  /** Orders that it paid. */
  orders: string[];
  captured: number;
  /** Fen in suspense now, with an open item or a return under way. */
  suspended: number;
  /** Fen that an operator has kept, or sent back by hand. */
  kept: number;
  /** An open item is about it, whether its money is in the books or not. */
  hasItem: boolean;
}

/** Everything that the books know by a provider's number, in one row each. */
async function bookedTrades(sql: postgres.Sql): Promise<Map<string, Booked>> {
  const rows = await sql<
    {
      trade: string;
      orders: string[] | null;
      captured: string;
      suspended: string;
      kept: string;
      has_item: boolean;
    }[]
  >`
    WITH paid AS (
      SELECT y.channel || '/' || y.provider_trade_no AS trade, array_agg(o.order_no) AS orders, sum(o.captured) AS captured
        FROM orders o JOIN payments y ON y.id = o.payment_id WHERE y.channel <> 'wallet' GROUP BY 1),
    suspense AS (
      SELECT substr(replace(p.key, ':corrected', ''), 10) AS trade,
             sum(e.amount) FILTER (WHERE w.kind IS NULL OR (w.kind = 'refund_approved' AND r.status IN ('processing', 'failed'))) AS suspended,
             sum(e.amount) FILTER (WHERE w.kind = 'suspense_kept') AS kept
        FROM postings p
        JOIN entries e ON e.posting_id = p.id AND e.account = 'platform:suspense'
        LEFT JOIN postings w ON w.key = p.key || ':out'
        LEFT JOIN entries x ON x.posting_id = w.id AND x.account LIKE 'refunding:%'
        LEFT JOIN refunds r ON r.id = substr(x.account, 11)
       WHERE p.kind = 'suspense' GROUP BY 1),
    items AS (
      SELECT DISTINCT (details ->> 'channel') || '/' || (details ->> 'providerTradeNo') AS trade
        FROM operator_items WHERE kind = 'suspense' AND status = 'open')
    SELECT trade, paid.orders, COALESCE(paid.captured, 0) AS captured, COALESCE(suspense.suspended, 0) AS suspended,
           COALESCE(suspense.kept, 0) AS kept, items.trade IS NOT NULL AS has_item
      FROM paid FULL JOIN suspense USING (trade) FULL JOIN items USING (trade)`;
  return new Map(
    rows.map((row) => [
      row.trade,
      {
        trade: row.trade,
        orders: row.orders ?? [],
        captured: Number(row.captured),
        suspended: Number(row.suspended),
        kept: Number(row.kept),
        hasItem: row.has_item,
      },
    ]),
  );
}

/** Fen that our books say went back through the provider, by the number of the attempt. */
async function refundedHere(sql: postgres.Sql): Promise<Map<string, number>> {
  const rows = await sql<{ attempt: string; amount: string }[]>`
    SELECT channel || '/' || out_trade_no AS attempt, sum(amount) AS amount FROM refunds
     WHERE channel <> 'wallet' AND status = 'succeeded' GROUP BY 1`;
  return new Map(rows.map(({ attempt, amount }) => [attempt, Number(amount)]));
}

function tradeFaults(trade: ProviderTrade, booked: Booked | undefined, refunded: number): Violation[] {
  const about = `${trade.channel}/${trade.tradeNo}`;
  const faults: Violation[] = [];
  const say = (promise: string, what: string): void => void faults.push({ promise, about, what });
  const paid = trade.paidAmount ?? 0;
  const { orders = [], captured = 0, suspended = 0, kept = 0, hasItem = false } = booked ?? {};
  if (orders.length > 1) say('M5', `pays ${orders.join(' and ')}`);
  if (orders.length === 1 && captured !== paid) {
    say('M4', `was paid with ${paid}, and ${orders[0] ?? ''} captured ${captured}`);
  }
  const isBack = paid > 0 && trade.refundedAmount === paid;
  if (paid > 0 && orders.length === 0 && suspended + kept !== paid && !isBack && !hasItem) {
    say('M4', `was paid with ${paid} for ${trade.outTradeNo}, and nothing here knows of it`);
  }
  if (trade.refundedAmount !== refunded) {
    say('M6', `gave back ${trade.refundedAmount} of ${paid}, and our refunds say ${refunded}`);
  }
  return faults;
}

/** W1: what was answered with success is in the inbox, and nothing of it is left lying. */
async function lostNotifications(
  sql: postgres.Sql,
  deliveries: readonly ProviderDelivery[],
): Promise<Violation[]> {
  const rows = await sql<{ event: string; state: string }[]>`
    SELECT channel || '/' || event_key AS event, state FROM inbox`;
  const states = new Map(rows.map(({ event, state }) => [event, state]));
  const acknowledged = new Map(
    deliveries
      .filter((delivery) => delivery.acknowledged)
      .map(({ channel, eventId, outTradeNo }) => [`${channel}/${eventId}`, outTradeNo]),
  );
  return [...acknowledged].flatMap(([event, outTradeNo]) => {
    const state = states.get(event);
    if (state !== undefined && state !== 'pending') return [];
    const what = state === undefined ? 'is in no inbox' : 'still waits in the inbox';
    return [
      { promise: 'W1', about: event, what: `was answered with success for ${outTradeNo}, and ${what}` },
    ];
  });
}

/**
 * M4, M5, M6, M9 and W1 against what the provider knows. For a system at rest: money that is still on its way is a
 * violation here.
 * @param provider the sandbox's control API, or what it would answer
 */
export async function providerViolations(
  sql: postgres.Sql,
  provider: Pick<Http, 'get'> | ProviderFacts,
): Promise<Violation[]> {
  const facts = 'get' in provider ? await factsOf(sql, provider) : provider;
  const [booked, refunded] = await Promise.all([bookedTrades(sql), refundedHere(sql)]);
  const known = new Map(facts.trades.map((trade) => [`${trade.channel}/${trade.tradeNo}`, trade]));
  const trades = facts.trades.flatMap((trade) => {
    const attempt = `${trade.channel}/${trade.outTradeNo}`;
    return tradeFaults(trade, booked.get(`${trade.channel}/${trade.tradeNo}`), refunded.get(attempt) ?? 0);
  });
  const invented = [...booked.values()].flatMap(({ trade, orders }) =>
    orders.length > 0 && (known.get(trade)?.paidAmount ?? 0) === 0
      ? [{ promise: 'M5', about: trade, what: `pays ${orders.join(', ')}, and the provider was not paid` }]
      : [],
  );
  return [
    ...trades,
    ...invented,
    ...(await payoutViolations(sql, facts.payouts)),
    ...(await lostNotifications(sql, facts.deliveries)),
  ];
}
