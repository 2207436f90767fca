import { pgTable, smallint, text } from 'drizzle-orm/pg-core';
import { createdAt } from './columns.js';
import { orders } from './orders.js';
import { users } from './people.js';

/** What a buyer says of an order that is completed: once. */
export const orderComments = pgTable('order_comments', {
  orderNo: text('order_no')
    .primaryKey()
    .references(() => orders.orderNo),
  userId: text('user_id')
    .notNull()
    .references(() => users.id),
  score: smallint().notNull(),
  text: text().notNull(),
  createdAt: createdAt(),
});
