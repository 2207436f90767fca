/** Money on its way back. */
import { sql } from 'drizzle-orm';
import { bigserial, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core';
import type { PaymentChannel } from '../../domain/order.js';
import type { RefundSource, RefundStatus } from '../../domain/refund-postings.js';
import { createdAt, fenColumn, moment } from './columns.js';
import { orders } from './orders.js';

export const refunds = pgTable(
  'refunds',
  {
    /** Also the number that the provider knows it by: a retry is the same refund, a new refund is a new row. */
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    /** Null for money that fitted no order. */
    orderNo: text('order_no').references(() => orders.orderNo),
    channel: text().$type<PaymentChannel>().notNull(),
    outTradeNo: text('out_trade_no').notNull(),
    /** Of the payment that it gives back. Null at a wallet, and in rows that earlier versions wrote. */
    providerTradeNo: text('provider_trade_no'),
    /** The whole of the payment that it gives back a part of. */
    captured: fenColumn('captured').notNull(),
    amount: fenColumn('amount').notNull(),
    /** The platform's fee in it; set at approval. */
    fee: fenColumn('fee').notNull().default(0),
    /** Where the money is taken from; set at approval. */
    source: text().$type<RefundSource>(),
    reason: text().notNull(),
    status: text().$type<RefundStatus>().notNull(),
    requestedBy: text('requested_by').notNull(),
    decidedBy: text('decided_by'),
    decision: text(),
    providerRefundNo: text('provider_refund_no'),
    error: jsonb().$type<{ code: string; message: string }>(),
    createdAt: createdAt(),
    decidedAt: moment('decided_at'),
    settledAt: moment('settled_at'),
    /** When its workflow is to be started, if it was not; null when it runs, or needs none. */
    startDueAt: moment('start_due_at'),
    startAttempts: integer('start_attempts').notNull().default(0),
    /** Since when it may be under way to a provider that would make two refunds of it; null when it is not. */
    postingSince: moment('posting_since'),
  },
  (t) => [
    index('refunds_order').on(t.orderNo),
    index('refunds_status').on(t.status, t.seq),
    // What a day's bill is compared with.
    index('refunds_settled')
      .on(t.settledAt, t.channel)
      .where(sql`status = 'succeeded'`),
    index('refunds_start_due')
      .on(t.startDueAt)
      .where(sql`start_due_at IS NOT NULL`),
  ],
);
