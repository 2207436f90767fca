import { randomBytes } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { insertEvent } from '../db/inbox.js';
import type { OrderRow, PaymentRow } from '../db/orders.js';
import { payments } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import { paymentPosting } from '../domain/postings.js';
import { post } from '../ledger/post.js';
import type { CommandContext } from './context.js';
import { verifyPassword } from './passwords.js';
import { assertPayable, attemptNo, lockOrder } from './pay-order.js';

/**
 * Pays from the buyer's balance. One transaction moves the money, writes the inbox row and changes the order, so
 * the caller hears "too little money" at once and Temporal may be down; the signal follows like any other.
 * @throws HoldfastError `wrong_password`, `password_locked`, `insufficient_funds`, `order_not_payable`
 */
export async function payFromWallet(
  context: CommandContext,
  order: OrderRow,
  payPassword: string,
): Promise<PaymentRow> {
  await verifyPassword(context.db, order.buyerId, 'pay', payPassword);
  const earlier = await walletPaymentOf(context.db, order.orderNo);
  if (earlier !== undefined) return earlier;
  assertPayable(order, context.now());
  if (order.kind === 'topup') {
    throw new HoldfastError('invalid_request', {
      message: 'a topup is not paid from the wallet that it fills',
      details: { field: 'channel' },
    });
  }
  const { payment, inboxId } = await context.db.transaction((tx) => pay(tx, order, context.now()));
  crashPoint('wallet payment: committed');
  context.inline.payment(inboxId);
  return payment;
}

/** A repeat after success answers the same and moves nothing. */
async function walletPaymentOf(db: Db, orderNo: string): Promise<PaymentRow | undefined> {
  const [payment] = await db
    .select()
    .from(payments)
    .where(and(eq(payments.orderNo, orderNo), eq(payments.channel, 'wallet'), eq(payments.status, 'paid')));
  return payment;
}

async function pay(
  tx: Db,
  order: OrderRow,
  nowMs: number,
): Promise<{ payment: PaymentRow; inboxId: number }> {
  const { amount, currency, expiresAt } = await lockOrder(tx, order.orderNo, nowMs);
  const now = new Date(nowMs);
  const id = randomBytes(12).toString('hex');
  const attempts = await tx
    .select({ id: payments.id })
    .from(payments)
    .where(eq(payments.orderNo, order.orderNo));
  const outTradeNo = attemptNo(order.orderNo, attempts.length);
  const [payment] = await tx
    .insert(payments)
    .values({
      id,
      orderNo: order.orderNo,
      channel: 'wallet',
      outTradeNo,
      amount,
      currency,
      merchant: 'wallet',
      expiresAt,
      status: 'pending',
    })
    .returning();
  if (payment === undefined) throw new Error('an insert answered no row');
  // The row stays pending until the workflow has taken it: that it was told, not that money moved.
  const event = await insertEvent(tx, {
    channel: 'wallet',
    source: 'wallet',
    eventKey: id,
    outTradeNo,
    facts: {},
    receivedAt: now,
    payment: {
      outTradeNo,
      providerTradeNo: id,
      amountFen: amount,
      currency,
      merchant: 'wallet',
      paidAt: now,
    },
  });
  await post(
    tx,
    paymentPosting(
      { ...order, amountFen: fen(amount) },
      {
        paymentId: id,
        channel: 'wallet',
        providerTradeNo: id,
        inboxId: null,
        paidAtMs: nowMs,
        receivedAtMs: nowMs,
      },
    ),
  );
  crashPoint('wallet payment: before commit');
  return { payment: { ...payment, status: 'paid', paidAt: now, providerTradeNo: id }, inboxId: event.id };
}
