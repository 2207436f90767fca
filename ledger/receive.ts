import { and, eq, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import type { InboxRow } from '../db/inbox.js';
import { openItem } from '../db/operator-items.js';
import type { OrderRow, PaymentRow } from '../db/orders.js';
import { inbox, orderEvents, orders, payments, refunds } from '../db/schema.js';
import { clampPaidAt } from '../domain/deadlines.js';
import { HoldfastError } from '../domain/errors.js';
import { isOurMoney, misfitOf } from '../domain/fit.js';
import { fen } from '../domain/money.js';
import type { PaidFacts, ProviderChannel, Standing } from '../domain/order.js';
import {
  type Posting,
  type ReceivedPayment,
  correctedSuspensePosting,
  paymentPosting,
  suspensePosting,
} from '../domain/postings.js';
import { post } from './post.js';
import { lockOrder, standingOf } from './refund-rows.js';
import { startReturn } from './returns.js';

interface Arrived {
  event: InboxRow;
  payment: PaymentRow | null;
  order: OrderRow | null;
}

/** An inbox row with the attempt and the order that it names; undefined when there is no such row. */
async function readArrived(db: Db, inboxId: number): Promise<Arrived | undefined> {
  const [row] = await db
    .select({ event: inbox, payment: payments, order: orders })
    .from(inbox)
    .leftJoin(payments, and(eq(payments.outTradeNo, inbox.outTradeNo), eq(payments.channel, inbox.channel)))
    .leftJoin(orders, eq(orders.orderNo, payments.orderNo))
    .where(eq(inbox.id, inboxId));
  return row;
}

/**
 * Turns one verified payment into money, exactly once: its order's, or suspense when it fits no unpaid order.
 * @param orderNo when given, the payment must be that order's: a signal sent by hand proves nothing
 * @returns the facts of the order's payment when this is the one that paid it, else null
 */
export async function receiveFromInbox(db: Db, inboxId: number, orderNo?: string): Promise<PaidFacts | null> {
  const arrived = await readArrived(db, inboxId);
  // Anybody who can reach Temporal can send a number that was never in the inbox.
  if (arrived === undefined) return null;
  const { event, payment, order } = arrived;
  if (event.kind !== 'paid' || event.state === 'review' || event.state === 'returned') return null;
  if (orderNo !== undefined && order?.orderNo !== orderNo) return null;
  const misfit = misfitOf(event, payment);
  if (misfit !== null || payment === null || order === null) {
    await toReview(
      db,
      arrived,
      misfit ?? 'no_attempt',
      isOurMoney(misfit ?? 'no_attempt', event.merchant, payment?.merchant ?? event.merchant, event.currency),
    );
    return null;
  }
  const received = receivedPayment(event, payment, order);
  try {
    crashPoint('hold: before posting');
    const posted = await post(db, paymentPosting({ ...order, amountFen: fen(order.amount) }, received));
    crashPoint('hold: posted');
    if (posted.duplicate) return await paidFacts(db, order.orderNo);
    const { paidAtMs, receivedAtMs } = received;
    return { paidAtMs, receivedAtMs, amountFen: fen(order.amount) };
  } catch (error) {
    // Another payment has paid the order, or it closed before this one came: the money goes back by itself.
    if (!(error instanceof HoldfastError)) throw error;
    if (error.code !== 'posting_conflict' && error.code !== 'state_conflict') throw error;
    await giveBack(db, arrived, error.code === 'posting_conflict' ? 'second_payment' : 'late_payment');
    return null;
  }
}

function receivedPayment(event: InboxRow, payment: PaymentRow, order: OrderRow): ReceivedPayment {
  const receivedAtMs = event.receivedAt.getTime();
  return {
    paymentId: payment.id,
    channel: event.channel,
    providerTradeNo: event.providerTradeNo,
    inboxId: event.id,
    receivedAtMs,
    paidAtMs: clampPaidAt(
      (event.paidAt ?? event.receivedAt).getTime(),
      order.createdAt.getTime(),
      receivedAtMs,
    ),
  };
}

/** A free order is paid at once, without a provider. A repeat moves nothing and answers the first one's facts. */
export async function receiveFree(db: Db, order: OrderRow): Promise<PaidFacts> {
  const at = order.createdAt.getTime();
  await post(
    db,
    paymentPosting(
      { ...order, amountFen: fen(0) },
      {
        paymentId: null,
        channel: null,
        providerTradeNo: null,
        inboxId: null,
        paidAtMs: at,
        receivedAtMs: at,
      },
    ),
  );
  return { paidAtMs: at, receivedAtMs: at, amountFen: fen(0) };
}

async function paidFacts(db: Db, orderNo: string): Promise<PaidFacts> {
  const [order] = await db.select().from(orders).where(eq(orders.orderNo, orderNo));
  if (!order?.paidAt || !order.receivedAt) throw new Error('a paid order has its times');
  return {
    paidAtMs: order.paidAt.getTime(),
    receivedAtMs: order.receivedAt.getTime(),
    amountFen: fen(order.captured),
    ...(await refundsToTakeOver(db, orderNo)),
  };
}

/** Refunds that somebody asked for before this run of the order's workflow; most orders have none. */
async function refundsToTakeOver(db: Db, orderNo: string): Promise<{ standing?: Standing }> {
  const ofItsOwn = and(eq(refunds.orderNo, orderNo), sql`${refunds.source} IS DISTINCT FROM 'suspense'`);
  const [one] = await db.select({ id: refunds.id }).from(refunds).where(ofItsOwn).limit(1);
  return one === undefined ? {} : { standing: await standingOf(db, orderNo) };
}

/** @returns false when this trade is in suspense already, with another amount: two tellings are not twice the money */
async function toSuspense(tx: Db, posting: Posting): Promise<boolean> {
  try {
    await tx.transaction((savepoint) => post(savepoint, posting));
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'posting_conflict') return false;
    throw error;
  }
}

/** What a provider says was paid. @throws Error for an event that no provider sends: a bug of ours */
function providerMoney({ channel, providerTradeNo, amount }: InboxRow) {
  if (channel === 'wallet' || providerTradeNo === null || amount === null) {
    throw new Error('only a provider has payments that come late, twice or with other facts');
  }
  return { channel, providerTradeNo, amountFen: fen(amount) };
}

/** Money that an order has no use for: to suspense, and from there back to its payer, in one transaction. */
async function giveBack(db: Db, { event, order }: Arrived, reason: string): Promise<void> {
  const trade = providerMoney(event);
  await db.transaction(async (tx) => {
    let posting = suspensePosting(trade);
    // Told with another amount before; what goes back is what was paid.
    if (!(await toSuspense(tx, posting))) {
      posting = correctedSuspensePosting(trade);
      await post(tx, posting);
    }
    const { outTradeNo } = event;
    const orderNo = order?.orderNo ?? null;
    await startReturn(tx, { ...trade, key: posting.key, outTradeNo, orderNo, reason, by: 'system' });
    await tx.update(inbox).set({ state: 'returned', lastError: reason }).where(eq(inbox.id, event.id));
  });
  crashPoint('return: committed');
}

/** Whether this trade has paid the order with its true amount: told again with another one, it is no more money. */
async function isBooked(
  tx: Db,
  trade: { channel: ProviderChannel; providerTradeNo: string },
  order: OrderRow | null,
): Promise<boolean> {
  if (order === null) return false;
  // The payment's posting locks the same row, so the two cannot miss each other.
  await lockOrder(tx, order.orderNo);
  const [paid] = await tx
    .select({ id: payments.id })
    .from(payments)
    .where(
      and(
        eq(payments.orderNo, order.orderNo),
        eq(payments.channel, trade.channel),
        eq(payments.providerTradeNo, trade.providerTradeNo),
        eq(payments.status, 'paid'),
      ),
    );
  return paid !== undefined;
}

/** No effect on the order: what is ours goes to suspense, and a person is told. */
async function toReview(db: Db, { event, order }: Arrived, reason: string, ours: boolean): Promise<void> {
  const trade = providerMoney(event);
  const { channel, providerTradeNo, amountFen: amount } = trade;
  await db.transaction(async (tx) => {
    const inSuspense =
      ours &&
      amount > 0 &&
      !(await isBooked(tx, trade, order)) &&
      (await toSuspense(tx, suspensePosting(trade)));
    await tx.update(inbox).set({ state: 'review', lastError: reason }).where(eq(inbox.id, event.id));
    const details = {
      reason,
      channel,
      providerTradeNo,
      outTradeNo: event.outTradeNo,
      amount,
      inSuspense,
    };
    await openItem(tx, {
      kind: 'suspense',
      ref: `${channel}/${providerTradeNo}/${event.outTradeNo}`,
      orderNo: order?.orderNo ?? null,
      details,
    });
    if (order !== null) {
      await tx
        .insert(orderEvents)
        .values({ orderNo: order.orderNo, type: 'payment.unmatched', actor: channel, reason, data: details });
    }
  });
  crashPoint('suspense: committed');
}
