/** What the relays of course orders said, and what courses have earned. */
import { bigserial, boolean, index, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { RelayedChannel } from '../../domain/courses.js';
import { createdAt, fenColumn, moment } from './columns.js';
import { orders } from './orders.js';

/** A relay's word about a payment: a hint, whoever sent it. Kept once, however often it comes. */
export const courseCallbacks = pgTable(
  'course_callbacks',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    orderNo: text('order_no')
      .notNull()
      .references(() => orders.orderNo),
    channel: text().$type<RelayedChannel>().notNull(),
    paid: boolean().notNull(),
    result: text().notNull(),
    thirdTradeNo: text('third_trade_no').notNull(),
    thirdBuyerId: text('third_buyer_id').notNull(),
    /** As it was sent; its own order's amount, or a person looks at it. */
    amount: text().notNull(),
    /** How often the channel had been asked about the attempt: what it says later, it says knowing this. */
    asked: integer().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('course_callbacks_once').on(t.orderNo, t.channel, t.paid, t.thirdTradeNo, t.amount),
    index('course_callbacks_order').on(t.orderNo, t.id),
  ],
);

/** What a course has earned its seller, net of refunds, as of the last hour that was counted. */
export const courseTotals = pgTable(
  'course_totals',
  {
    sellerId: text('seller_id').notNull(),
    courseId: text('course_id').notNull(),
    total: fenColumn('total').notNull(),
    countedAt: moment('counted_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.sellerId, t.courseId] })],
);
