/** Money in suspense, and its ways out: back to its payer, or to the platform. */
import { createHash } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { addEvent } from '../db/orders.js';
import { entries, postings, refunds } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fen } from '../domain/money.js';
import type { ProviderChannel } from '../domain/order.js';
import { account, keepPosting, suspenseKey, wayOutKey } from '../domain/postings.js';
import { approvePosting, byHandPosting } from '../domain/refund-postings.js';
import { post } from './post.js';
import type { RefundRow } from '../db/refunds.js';
import { INLINE_START_MS, refundOf } from './refund-rows.js';

interface Trade {
  channel: ProviderChannel;
  providerTradeNo: string;
}

export interface SuspendedMoney extends Trade {
  /** Of the posting that put it into suspense. */
  key: string;
  outTradeNo: string;
  amountFen: Fen;
  orderNo: string | null;
  reason: string;
  by: string;
}

/** What of a trade is in suspense now; null when nothing of it came there, or it has left. */
export async function inSuspense(tx: Db, trade: Trade): Promise<{ key: string; amountFen: Fen } | null> {
  const key = suspenseKey(trade);
  const out = await tx
    .select()
    .from(postings)
    .where(eq(postings.key, wayOutKey(key)));
  if (out.length > 0) return null;
  const [entry] = await tx
    .select({ amount: entries.amount })
    .from(entries)
    .innerJoin(postings, eq(postings.id, entries.postingId))
    .where(and(eq(postings.key, key), eq(entries.account, account.suspense)));
  return entry === undefined ? null : { key, amountFen: fen(entry.amount) };
}

/** One payment has one return: its number comes from the payment's own. */
function returnId({ key }: SuspendedMoney): string {
  return createHash('sha256').update(`return/${key}`).digest('hex').slice(0, 24);
}

/**
 * Takes money out of suspense and sets it on its way back to its payer; goes into the caller's transaction.
 * @returns the refund's id; a repeat changes nothing
 */
export async function startReturn(tx: Db, money: SuspendedMoney): Promise<string> {
  const { key, by, reason, channel, outTradeNo, providerTradeNo, amountFen, orderNo } = money;
  const id = returnId(money);
  const fresh = await insertReturn(tx, {
    id,
    orderNo,
    channel,
    outTradeNo,
    providerTradeNo,
    amountFen,
    reason,
    by,
  });
  if (fresh === null) return id;
  await post(tx, { ...approvePosting(refundOf(fresh, null)), key: wayOutKey(key) });
  return id;
}

/** The same again after the provider had refused it for good; the number is a new one. */
export async function repeatReturn(
  tx: Db,
  failed: RefundRow,
  id: string,
  { by, reason }: { by: string; reason: string },
): Promise<RefundRow> {
  const { orderNo, channel, outTradeNo, providerTradeNo, amount } = failed;
  const fresh = await insertReturn(tx, {
    id,
    orderNo,
    channel: providerOf(channel),
    outTradeNo,
    providerTradeNo,
    amountFen: fen(amount),
    reason,
    by,
  });
  if (fresh === null) throw new Error('a new number was used before');
  await post(tx, approvePosting(refundOf(fresh, null)));
  return fresh;
}

function providerOf(channel: RefundRow['channel']): ProviderChannel {
  if (channel === 'wallet') throw new Error('a wallet has no part in suspense');
  return channel;
}

interface NewReturn {
  id: string;
  orderNo: string | null;
  channel: ProviderChannel;
  outTradeNo: string;
  providerTradeNo: string | null;
  amountFen: Fen;
  reason: string;
  by: string;
}

/** @returns null when there is one of this number */
async function insertReturn(tx: Db, { amountFen, by, ...given }: NewReturn): Promise<RefundRow | null> {
  const [fresh] = await tx
    .insert(refunds)
    .values({
      ...given,
      captured: amountFen,
      amount: amountFen,
      source: 'suspense',
      status: 'processing',
      requestedBy: by,
      decidedBy: by,
      decidedAt: sql`now()`,
      startDueAt: new Date(Date.now() + INLINE_START_MS),
    })
    .onConflictDoNothing({ target: refunds.id })
    .returning();
  if (fresh === undefined) return null;
  if (given.orderNo !== null) {
    await addEvent(tx, {
      orderNo: given.orderNo,
      type: 'payment.returned',
      actor: by,
      reason: given.reason,
      data: { refundId: given.id, amount: amountFen, channel: given.channel },
    });
  }
  return fresh;
}

/** An operator's word that money in suspense is the platform's; goes into the caller's transaction. */
export async function keepMoney(tx: Db, { key, amountFen }: { key: string; amountFen: Fen }): Promise<void> {
  await post(tx, keepPosting(key, amountFen));
}

/** An operator's word that what failed to go back from suspense went back outside; into the caller's transaction. */
export async function returnedByHand(tx: Db, failed: RefundRow): Promise<void> {
  await post(tx, byHandPosting(refundOf(failed, null), providerOf(failed.channel)));
}

/** Refuses money that has left suspense in another way meanwhile. */
export function goneFromSuspense(): HoldfastError {
  return new HoldfastError('conflict', {
    message: 'nothing of this payment is in suspense; resolve it with settled_by_hand',
  });
}
