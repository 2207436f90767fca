import { and, eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import type { OrderRow, PaymentRow } from '../db/orders.js';
import { payments } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { payWithWallet } from '../ledger/wallet-payment.js';
import type { CommandContext } from './context.js';
import { verifyPassword } from './passwords.js';
import { assertPayable, lockOrder } from './pay-order.js';

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
  return payFromBalance(context, order);
}

/**
 * The same, for a caller whose pay password was verified.
 * @throws HoldfastError `insufficient_funds`, `order_not_payable`
 */
export async function payFromBalance(context: CommandContext, order: OrderRow): Promise<PaymentRow> {
  const earlier = await walletPaymentOf(context.db, order.orderNo);
  if (earlier !== undefined) return earlier;
  assertPayable(order, context.now());
  if (order.kind === 'topup') {
    throw new HoldfastError('invalid_request', {
      message: 'a topup is not paid from the wallet that it fills',
      details: { field: 'channel' },
    });
  }
  const { payment, inboxId } = await context.db.transaction(async (tx) => {
    await lockOrder(tx, order.orderNo, context.now());
    return payWithWallet(tx, order, context.now());
  });
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
