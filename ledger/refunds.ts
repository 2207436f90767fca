/** How a refund is asked for and decided, each in one transaction with its money. Every one may run twice. */
import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type OrderRow, addEvent, orderByNo } from '../db/orders.js';
import { payments, refunds } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fen } from '../domain/money.js';
import { isHeldKind } from '../domain/order.js';
import type { Posting } from '../domain/postings.js';
import { type RefundSource, approvePosting, feeGivenBack } from '../domain/refund-postings.js';
import { post } from './post.js';
import { settle } from './refund-ends.js';
import type { RefundRow } from '../db/refunds.js';
import { INLINE_START_MS, lockOrder, lockRefund, refundOf, resumed, storeRefund } from './refund-rows.js';

export interface RefundWish {
  refundId: string;
  orderNo: string;
  /** Null: all that is left. */
  amountFen: Fen | null;
  reason: string;
  by: string;
  /** When this installation takes no more refunds of a payment: ms after it. */
  windowMs: number;
  /** Epoch ms: from then on nothing is released. */
  nowMs: number;
}

/**
 * Asks for money back: from then on the order has an open refund, and nothing is released.
 * @throws HoldfastError `refund_not_possible`: not paid, too late, too much, or another one is open
 */
export async function requestRefund(db: Db, wish: RefundWish): Promise<RefundRow> {
  return db.transaction(async (tx) => {
    const order = await lockOrder(tx, wish.orderNo);
    const [earlier] = await tx.select().from(refunds).where(eq(refunds.id, wish.refundId));
    return earlier ?? openRefund(tx, order, wish);
  });
}

async function openRefund(tx: Db, order: OrderRow, wish: RefundWish): Promise<RefundRow> {
  const amountFen = refundable(order, wish);
  const [payment] = await tx
    .select()
    .from(payments)
    .where(eq(payments.id, order.paymentId ?? ''));
  if (payment === undefined) throw new Error('what can be refunded was paid by a payment');
  const [refund] = await tx
    .insert(refunds)
    .values({
      id: wish.refundId,
      orderNo: order.orderNo,
      channel: payment.channel,
      outTradeNo: payment.outTradeNo,
      providerTradeNo: payment.providerTradeNo,
      captured: order.captured,
      amount: amountFen,
      reason: wish.reason,
      status: 'requested',
      requestedBy: wish.by,
      createdAt: new Date(wish.nowMs),
    })
    .returning();
  if (refund === undefined) throw new Error('an insert answered no row');
  await post(tx, {
    key: `refund/${refund.id}:request`,
    kind: 'refund_requested',
    orderNo: order.orderNo,
    legs: [],
    order: { from: [order.money], to: order.money, refundOpen: false, set: { refundOpen: true } },
    event: {
      type: 'refund.requested',
      actor: wish.by,
      reason: wish.reason,
      data: { refundId: refund.id, amount: amountFen },
    },
  });
  return refund;
}

/** How much a wish asks for. @throws HoldfastError `refund_not_possible` with the reason */
function refundable(order: OrderRow, wish: RefundWish): Fen {
  const refuse = (why: string, message: string): never => {
    throw new HoldfastError('refund_not_possible', { message, details: { reason: why } });
  };
  const left = order.captured - order.refunded;
  if (order.money !== 'held' && order.money !== 'released')
    refuse('not_paid', `the order is ${order.status}`);
  if (order.refundOpen) refuse('already_open', 'another refund of this order is open');
  if (left <= 0) refuse('nothing_left', 'nothing is left of what was paid');
  if (order.paidAt === null || wish.nowMs >= order.paidAt.getTime() + wish.windowMs) {
    refuse('too_late', 'the time for refunds is over');
  }
  const amount = wish.amountFen ?? left;
  if (amount < 1 || amount > left) refuse('too_much', `at most ${left} fen can go back`);
  return fen(amount);
}

export interface Verdict {
  by: string;
  reason: string;
  /** Epoch ms: a release that waited goes on from then. */
  nowMs: number;
}

/** @throws HoldfastError `refund_decided`: it was decided otherwise before */
export async function rejectRefund(db: Db, refundId: string, verdict: Verdict): Promise<RefundRow> {
  const { by, reason, nowMs } = verdict;
  return db.transaction(async (tx) => {
    const refund = await lockRefund(tx, refundId);
    if (refund.status === 'rejected') return refund;
    assertRequested(refund);
    const order = await orderByNo(tx, refund.orderNo ?? '');
    await post(tx, {
      key: `refund/${refund.id}:reject`,
      kind: 'refund_rejected',
      orderNo: order.orderNo,
      legs: [],
      order: { from: [order.money], to: order.money, refundOpen: true, set: resumed(order, refund, nowMs) },
      event: { type: 'refund.rejected', actor: by, reason, data: { refundId } },
    });
    return storeRefund(tx, refundId, { status: 'rejected', ...decidedBy(verdict) });
  });
}

function decidedBy({ by, reason, nowMs }: Verdict): Partial<RefundRow> {
  return { decidedBy: by, decision: reason, decidedAt: new Date(nowMs) };
}

function assertRequested(refund: RefundRow): void {
  if (refund.status === 'requested') return;
  throw new HoldfastError('refund_decided', {
    message: `the refund is ${refund.status}`,
    details: { refund: refund.status },
  });
}

function sourceOf(order: OrderRow): RefundSource {
  if (isHeldKind(order.kind)) return order.money === 'held' ? 'hold' : 'seller';
  return order.kind === 'topup' ? 'cash' : 'sales';
}

/**
 * Takes the money from where it is and sets it on its way. A wallet payment is back at once; a provider's refund
 * goes on in a workflow of its own.
 * @throws HoldfastError `already_spent`: a topup's money is not in the payer's cash any more; `refund_decided`
 */
export async function approveRefund(db: Db, refundId: string, verdict: Verdict): Promise<RefundRow> {
  return db.transaction(async (tx) => {
    const asked = await lockRefund(tx, refundId);
    if (asked.status === 'processing' || asked.status === 'succeeded') return asked;
    assertRequested(asked);
    return approve(tx, asked, await orderByNo(tx, asked.orderNo ?? ''), verdict);
  });
}

async function approve(tx: Db, asked: RefundRow, order: OrderRow, verdict: Verdict): Promise<RefundRow> {
  const { by, reason, nowMs } = verdict;
  const source = sourceOf(order);
  const stillPaid = fen(order.captured - order.refunded);
  const row = await storeRefund(tx, asked.id, {
    status: 'processing',
    source,
    fee: source === 'seller' ? feeGivenBack(stillPaid, fen(asked.amount), order.feeBps) : 0,
    ...decidedBy(verdict),
    startDueAt: asked.channel === 'wallet' ? null : new Date(Date.now() + INLINE_START_MS),
  });
  await takeMoney(tx, approvePosting(refundOf(row, order)));
  await addEvent(tx, {
    orderNo: order.orderNo,
    type: 'refund.approved',
    actor: by,
    reason,
    data: { refundId: row.id, amount: row.amount },
  });
  if (row.channel !== 'wallet') return row;
  return settle(tx, row, order, { providerRefundNo: null, settledAtMs: nowMs, nowMs });
}

async function takeMoney(tx: Db, posting: Posting): Promise<void> {
  try {
    await post(tx, posting);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'insufficient_funds') throw error;
    throw new HoldfastError('already_spent', {
      message: 'the money of this payment has been spent',
      cause: error,
    });
  }
}

/**
 * Asks again for what a provider refused for good, under a new number, and approves it; goes into the caller's
 * transaction. An operator is bound by no time.
 * @throws HoldfastError `refund_not_possible`, `already_spent`
 */
export async function repeatRefund(
  tx: Db,
  failed: RefundRow,
  refundId: string,
  verdict: Verdict,
): Promise<RefundRow> {
  const order = await lockOrder(tx, failed.orderNo ?? '');
  const wish = {
    refundId,
    orderNo: order.orderNo,
    amountFen: fen(failed.amount),
    reason: failed.reason,
    by: verdict.by,
    windowMs: Number.POSITIVE_INFINITY,
    nowMs: verdict.nowMs,
  };
  return approve(tx, await openRefund(tx, order, wish), await orderByNo(tx, order.orderNo), verdict);
}
