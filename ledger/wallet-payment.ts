/** An order that is paid from its buyer's balance: money, inbox row and the order's state in one transaction. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { insertEvent } from '../db/inbox.js';
import type { OrderRow, PaymentRow } from '../db/orders.js';
import { payments } from '../db/schema.js';
import { fen } from '../domain/money.js';
import { attemptNo } from '../domain/order.js';
import { paymentPosting } from '../domain/postings.js';
import { post } from './post.js';

/**
 * The signal to the order's workflow follows like any other, from the inbox row.
 * @param order as it is under the lock of its row, unpaid
 * @throws HoldfastError `insufficient_funds`, `state_conflict`
 */
export async function payWithWallet(
  tx: Db,
  order: OrderRow,
  nowMs: number,
): Promise<{ payment: PaymentRow; inboxId: number }> {
  const { amount, currency, expiresAt } = order;
  const now = new Date(nowMs);
  const id = randomBytes(12).toString('hex');
  const outTradeNo = attemptNo(order.orderNo, await tx.$count(payments, eq(payments.orderNo, order.orderNo)));
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
