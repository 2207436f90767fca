/** Rows of refunds, as several folders read them. */
import { and, eq, sql } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import type { Db } from './client.js';
import { inbox, refunds } from './schema.js';

export type RefundRow = typeof refunds.$inferSelect;

/** @throws HoldfastError `refund_not_found` */
export async function refundById(db: Db, refundId: string): Promise<RefundRow> {
  const [refund] = await db.select().from(refunds).where(eq(refunds.id, refundId));
  if (refund === undefined) {
    throw new HoldfastError('refund_not_found', {
      message: `there is no refund ${refundId}`,
      details: { refundId },
    });
  }
  return refund;
}

/**
 * The provider's number of the payment that a refund gives back. A row of an earlier version lacks it; the channels of
 * that time had one trade to a number of ours, so whatever the inbox says of that number is about this payment.
 */
export async function tradeOf(db: Db, refund: RefundRow): Promise<string> {
  if (refund.providerTradeNo !== null) return refund.providerTradeNo;
  const { channel, outTradeNo } = refund;
  const [told] = await db
    .select({ providerTradeNo: inbox.providerTradeNo })
    .from(inbox)
    .where(and(eq(inbox.outTradeNo, outTradeNo), eq(inbox.channel, channel), eq(inbox.kind, 'paid')))
    .limit(1);
  if (!told?.providerTradeNo) throw new Error("what a provider gives back came with the provider's number");
  return told.providerTradeNo;
}

// A channel posts within seconds of its beginning and waits seconds for the answer; the rest is the provider's, for a
// call that it will never have answered. Short of the minute within which an order comes to rest (promise T5).
const UNDER_WAY_AT_MOST = sql`interval '30 seconds'`;

/** Takes the right to post a refund. @returns false while another posting of it may be under way */
export async function beginPosting(db: Db, refundId: string): Promise<boolean> {
  const taken = await db
    .update(refunds)
    .set({ postingSince: sql`now()` })
    .where(
      and(
        eq(refunds.id, refundId),
        sql`(${refunds.postingSince} IS NULL OR ${refunds.postingSince} < now() - ${UNDER_WAY_AT_MOST})`,
      ),
    )
    .returning({ id: refunds.id });
  return taken.length > 0;
}

export async function endPosting(db: Db, refundId: string): Promise<void> {
  await db.update(refunds).set({ postingSince: null }).where(eq(refunds.id, refundId));
}
