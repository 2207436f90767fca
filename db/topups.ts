/** Attempts to fill a user's balance, as the user looks at them. */
import { and, desc, eq, ne } from 'drizzle-orm';
import type { Db } from './client.js';
import type { OrderRow, PaymentRow } from './orders.js';
import { orders, payments } from './schema.js';

export interface Topup {
  order: OrderRow;
  payment: PaymentRow;
}

export interface TopupFilter {
  outTradeNo?: string | undefined;
  paid?: boolean | undefined;
}

/** A user's, the newest first. */
export function topupsOf(
  db: Db,
  userId: string,
  { outTradeNo, paid }: TopupFilter,
  page: { no: number; size: number },
): Promise<Topup[]> {
  return db
    .select({ order: orders, payment: payments })
    .from(payments)
    .innerJoin(orders, eq(orders.orderNo, payments.orderNo))
    .where(
      and(
        eq(orders.buyerId, userId),
        eq(orders.kind, 'topup'),
        outTradeNo === undefined ? undefined : eq(payments.outTradeNo, outTradeNo),
        paid === undefined ? undefined : (paid ? eq : ne)(payments.status, 'paid'),
      ),
    )
    .orderBy(desc(orders.seq), desc(payments.outTradeNo))
    .limit(page.size)
    .offset((page.no - 1) * page.size);
}
