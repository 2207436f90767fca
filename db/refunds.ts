/** Rows of refunds, as several folders read them. */
import { eq } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import type { Db } from './client.js';
import { refunds } from './schema.js';

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
