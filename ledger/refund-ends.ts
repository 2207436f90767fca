/** How a refund that was approved ends, each in one transaction with its money. Every one may run twice. */
import { and, eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { openItem } from '../db/operator-items.js';
import { type OrderRow, addEvent } from '../db/orders.js';
import { entries, postings } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import { type OrderChange, account } from '../domain/postings.js';
import {
  type WalletParts,
  goneBack,
  returnPosting,
  settlePosting,
  walletReturn,
} from '../domain/refund-postings.js';
import { post } from './post.js';
import type { RefundRow } from '../db/refunds.js';
import { lockRefund, moneysOrder, refundOf, resumed, storeRefund } from './refund-rows.js';

export interface RefundDone {
  /** The provider's number; null for a wallet's. */
  providerRefundNo: string | null;
  /** When the payer had it back, as the provider says. Epoch ms. */
  settledAtMs: number;
  /** When we learnt of it: the release is put off until then. Epoch ms. */
  nowMs: number;
}

/** What has ended stays as it ended, whatever is told later (promise M7). */
function assertUnderWay({ status }: RefundRow): void {
  if (status === 'processing') return;
  throw new HoldfastError('state_conflict', {
    message: `the refund is ${status}`,
    details: { refund: status },
  });
}

/** The provider says that the money is back. */
export async function settleRefund(db: Db, refundId: string, done: RefundDone): Promise<RefundRow> {
  return db.transaction(async (tx) => {
    const row = await lockRefund(tx, refundId);
    if (row.status === 'succeeded') return row;
    assertUnderWay(row);
    return settle(tx, row, await moneysOrder(tx, row), done);
  });
}

/** Goes into the caller's transaction, which has locked the order and the refund. */
export async function settle(
  tx: Db,
  row: RefundRow,
  order: OrderRow | null,
  done: RefundDone,
): Promise<RefundRow> {
  const change = order === null ? undefined : settledOrder(order, row, done.nowMs);
  await post(tx, settlePosting(refundOf(row, order), await payeeOf(tx, row, order), change));
  return storeRefund(tx, row.id, {
    status: 'succeeded',
    providerRefundNo: done.providerRefundNo,
    settledAt: new Date(done.settledAtMs),
    startDueAt: null,
    error: null,
  });
}

async function payeeOf(
  tx: Db,
  row: RefundRow,
  order: OrderRow | null,
): Promise<Parameters<typeof settlePosting>[1]> {
  if (row.channel !== 'wallet') return { channel: row.channel };
  if (order === null) throw new Error('only an order is paid from a wallet');
  return { buyerId: order.buyerId, parts: await walletParts(tx, row, order) };
}

function settledOrder(order: OrderRow, row: RefundRow, nowMs: number): OrderChange {
  const gone = goneBack(order, row.amount, 'refund', nowMs);
  return { ...gone, refundOpen: true, set: { ...resumed(order, row, nowMs), ...gone.set } };
}

/** What a wallet's payment took from each bucket, less what earlier refunds put back. */
async function walletParts(tx: Db, row: RefundRow, { orderNo, buyerId }: OrderRow): Promise<WalletParts> {
  const moved = await tx
    .select({ kind: postings.kind, account: entries.account, amount: entries.amount })
    .from(entries)
    .innerJoin(postings, eq(postings.id, entries.postingId))
    .where(and(eq(postings.orderNo, orderNo), sql`${postings.kind} IN ('payment', 'refund_settled')`));
  const sum = (kind: string, of: string): number =>
    moved
      .filter((entry) => entry.kind === kind && entry.account === of)
      .reduce((total, entry) => total + Math.abs(entry.amount), 0);
  const parts = (kind: string): WalletParts => ({
    cash: sum(kind, account.cash(buyerId)),
    withdrawable: sum(kind, account.withdrawable(buyerId)),
  });
  return walletReturn(fen(row.amount), parts('payment'), parts('refund_settled'));
}

export interface RefundFailure {
  error: { code: string; message: string };
  /** When we learnt of it. Epoch ms. */
  nowMs: number;
}

/** The provider says that no money moved, for good: it goes back to where it was, and a person is told. */
export async function failRefund(
  db: Db,
  refundId: string,
  { error, nowMs }: RefundFailure,
): Promise<RefundRow> {
  return db.transaction(async (tx) => {
    const row = await lockRefund(tx, refundId);
    if (row.status === 'failed') return row;
    assertUnderWay(row);
    const order = await moneysOrder(tx, row);
    const change = order && {
      from: [order.money],
      to: order.money,
      refundOpen: true,
      set: resumed(order, row, nowMs),
    };
    await post(tx, returnPosting(refundOf(row, order), change ?? undefined));
    const { amount, channel, outTradeNo, source } = row;
    await openItem(tx, {
      kind: 'failed_refund',
      ref: refundId,
      orderNo: row.orderNo,
      details: { refundId, amount, channel, outTradeNo, source, ...error },
    });
    if (row.orderNo !== null) {
      await addEvent(tx, {
        orderNo: row.orderNo,
        type: 'refund.failed',
        actor: row.channel,
        reason: error.message,
        data: { refundId, code: error.code },
      });
    }
    return storeRefund(tx, refundId, {
      status: 'failed',
      error,
      settledAt: new Date(nowMs),
      startDueAt: null,
    });
  });
}
