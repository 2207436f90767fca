import { and, eq, inArray } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Channel, KnownAttempt, TradeState } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { insertAnswer, isSetAside } from '../db/inbox.js';
import { type PaymentRow, orderByNo } from '../db/orders.js';
import { payments } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';

/** An attempt as its channel is asked about it. */
export function toKnown({ outTradeNo, credential, createdAt }: PaymentRow): KnownAttempt {
  return { outTradeNo, credential, createdAt };
}

/** Changes an attempt that is still open: one that was paid while its provider was being asked stays paid. */
export async function changeOpen(db: Db, { id }: PaymentRow, change: Partial<PaymentRow>): Promise<void> {
  const isOpen = inArray(payments.status, ['creating', 'pending']);
  await db
    .update(payments)
    .set(change)
    .where(and(eq(payments.id, id), isOpen));
}

/**
 * Posts an attempt to its provider and stores what the payer's device needs. The same attempt, posted again, has
 * the same number and the same parameters, so no second trade comes of it.
 * @returns the row as it is afterwards: `pending`, or still `creating` when nobody knows what became of it
 * @throws HoldfastError `channel_refused`: the attempt has failed, for good
 */
export async function postAttempt(
  db: Db,
  channel: Channel,
  publicUrl: string,
  payment: PaymentRow,
): Promise<PaymentRow> {
  const order = await orderByNo(db, payment.orderNo);
  const store = async (change: Partial<PaymentRow>): Promise<PaymentRow> => {
    await changeOpen(db, payment, change);
    return { ...payment, ...change };
  };
  try {
    const credential = await channel.create({
      ...toKnown(payment),
      scene: payment.scene ?? channel.defaultScene,
      amountFen: fen(payment.amount),
      currency: payment.currency,
      subject: order.subject,
      expiresAt: payment.expiresAt,
      notifyUrl: `${publicUrl}/webhooks/${channel.name}`,
      ...payment.request,
    });
    crashPoint('attempt: posted to the provider');
    return await store({ status: 'pending', credential, credentialAt: new Date(), error: null });
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const told = { code: error.code, message: error.message };
    if (error.code === 'channel_unknown_outcome') return store({ error: told });
    await store({ status: 'failed', askAt: null, error: told });
    throw error;
  }
}

/**
 * Asks about an open attempt, and closes it.
 * @returns the inbox row when the attempt turns out to be paid
 * @throws HoldfastError `channel_unknown_outcome`: nobody knows, so nothing is closed
 */
export async function settleAttempt(db: Db, channels: Channels, payment: PaymentRow): Promise<number | null> {
  if (payment.channel === 'wallet' || payment.scene === null) return null;
  const channel = channelNamed(channels, payment.channel);
  const asked = await channel.query(toKnown(payment));
  crashPoint('close: asked at the provider');
  return closeAttempt(db, channel, payment, asked);
}

/**
 * Closes an open attempt at its provider where that can be done, then here.
 * @param asked what the provider has just said of it
 * @returns the inbox row when the attempt turns out to be paid
 * @throws HoldfastError `channel_unknown_outcome`: nobody knows, so nothing is closed
 */
export async function closeAttempt(
  db: Db,
  channel: Channel,
  payment: PaymentRow,
  asked: TradeState,
): Promise<number | null> {
  const found =
    asked.state === 'unpaid' && channel.canClose(payment.scene ?? channel.defaultScene)
      ? await channel.close(toKnown(payment))
      : asked;
  crashPoint('close: closed at the provider');
  if (found.state === 'paid') {
    const inboxId = await insertAnswer(db, channel.name, found.payment);
    // Money that did not fit must not keep its order from closing: the same answer would come for ever.
    if (!(await isSetAside(db, inboxId))) return inboxId;
  }
  // A trade that cannot be closed ends by its own expiry; money that comes all the same is a late payment.
  await changeOpen(db, payment, { status: 'closed', askAt: null });
  return null;
}
