/** Days of books, and bills of them: made in bulk, so that a day may have 100,000 rows. */
import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { BillRow, Channel } from '../../channels/channel.js';
import type { Channels } from '../../channels/index.js';
import { type Db, forLongReads } from '../../db/client.js';
import { refunds, withdrawals } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { fen } from '../../domain/money.js';
import { dayStartMs } from '../../domain/reconciliation.js';
import { BUYER, SELLER } from './world.js';

export const HOUR_MS = 3_600_000;
const NOON_MS = 12 * HOUR_MS;

/** A moment of a day in China. */
export const at = (date: string, afterMs = NOON_MS): Date => new Date(dayStartMs(date) + afterMs);

/** What the n-th payment of a day costs; every one something else. */
const amountOf = (n: number): number => 1_000 + n;

export interface PaidDay {
  date: string;
  count: number;
  /** Of the numbers: `<prefix><n>`, from 1. */
  prefix: string;
  atMs?: number;
}

/** Orders that were paid by Alipay at one moment of a day. */
export async function bookPayments(db: Db, { date, count, prefix, atMs = NOON_MS }: PaidDay): Promise<void> {
  const paidAt = at(date, atMs).toISOString();
  // So many rows may take longer than an ordinary statement.
  await forLongReads(db).transaction(async (tx) => {
    await tx.execute(sql`
      INSERT INTO orders (id, order_no, kind, buyer_id, seller_id, amount, currency, subject, auto_confirm_after_ms,
                          fee_bps, expires_at, created_by, chain, money, captured, paid_at, paid_channel)
      SELECT ${prefix} || n, ${prefix} || n, 'deal', ${BUYER}, ${SELLER}, 1000 + n, 'CNY', 'a lesson', 86400000, 0,
             ${paidAt}::timestamptz, 'test', 'none', 'released', 1000 + n, ${paidAt}::timestamptz, 'alipay'
        FROM generate_series(1, ${count}::int) n`);
    await tx.execute(sql`
      INSERT INTO payments (id, order_no, channel, scene, out_trade_no, amount, currency, merchant, expires_at, status,
                            provider_trade_no, paid_at)
      SELECT ${prefix} || n, ${prefix} || n, 'alipay', 'app', ${prefix} || n, 1000 + n, 'CNY', 'app/seller',
             ${paidAt}::timestamptz, 'paid', 'trade-' || ${prefix} || n, ${paidAt}::timestamptz
        FROM generate_series(1, ${count}::int) n`);
  });
}

export const paymentRow = (
  no: string,
  amount: number,
  time: Date,
  change: Partial<BillRow> = {},
): BillRow => ({
  kind: 'payment',
  no,
  providerNo: `trade-${no}`,
  amountFen: fen(amount),
  feeFen: 0,
  status: 'succeeded',
  at: time,
  ...change,
});

/** The bill that such a day has, one row after the other. */
export function* billOf({ date, count, prefix, atMs = NOON_MS }: PaidDay): Generator<BillRow> {
  const time = at(date, atMs);
  for (let n = 1; n <= count; n++) yield paymentRow(`${prefix}${n}`, amountOf(n), time);
}

/** @returns the refund's number */
export async function bookRefund(
  db: Db,
  settledAt: Date,
  change: Partial<typeof refunds.$inferInsert> = {},
): Promise<string> {
  const id = randomBytes(12).toString('hex');
  await db.insert(refunds).values({
    id,
    channel: 'alipay',
    outTradeNo: `of${id}`,
    captured: 500,
    amount: 500,
    reason: 'no lesson',
    status: 'succeeded',
    source: 'suspense',
    requestedBy: 'test',
    providerRefundNo: id,
    settledAt,
    ...change,
  });
  return id;
}

/** @returns the payout's number */
export async function bookPayout(
  db: Db,
  paidAt: Date,
  change: Partial<typeof withdrawals.$inferInsert> = {},
): Promise<string> {
  const id = randomBytes(12).toString('hex');
  await db.insert(withdrawals).values({
    id,
    userId: SELLER,
    amount: 700,
    channel: 'alipay',
    accountNo: 'a',
    accountName: 'b',
    status: 'paid',
    requestedBy: 'test',
    approvalsNeeded: 0,
    providerPayoutNo: `p${id}`,
    paidAt,
    ...change,
  });
  return id;
}

/** What the provider's side is in a test. */
export interface Provider {
  /** By day. A day without one is not ready. */
  bills: Map<string, () => Iterable<BillRow> | AsyncIterable<BillRow>>;
  /** How often a bill was asked for. */
  asked: number;
  query: Channel['query'];
  channels: Channels;
}

/** A channel that has nothing but bills, and answers to questions. */
export function billProvider({ hasBills = true } = {}): Provider {
  const nothing = (): never => {
    throw new Error('this test asks for bills alone');
  };
  const provider: Omit<Provider, 'channels'> = {
    bills: new Map(),
    asked: 0,
    query: () => Promise.resolve({ state: 'unpaid' }),
  };
  const answer = { status: 200, contentType: 'text/plain', body: '' };
  async function* bill(date: string): AsyncGenerator<BillRow> {
    provider.asked++;
    const rows = provider.bills.get(date);
    if (rows === undefined) throw new HoldfastError('bill_not_ready', { message: `no bill of ${date} yet` });
    yield* rows();
  }
  const alipay: Channel = {
    name: 'alipay',
    merchant: 'app/seller',
    scenes: ['app'],
    defaultScene: 'app',
    credentialLivesMs: nothing,
    create: nothing,
    query: (attempt) => provider.query(attempt),
    canClose: () => false,
    close: nothing,
    verifyNotification: nothing,
    acknowledgement: { success: answer, failure: answer },
    ...(hasBills && { bill }),
  };
  return Object.assign(provider, {
    channels: { alipay, wechat: undefined, stripe: undefined, pingpp: undefined },
  });
}
