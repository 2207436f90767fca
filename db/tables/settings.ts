/** What operators set up: system parameters, and what the actions act on. */
import { jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { type JsonObject, createdAt, moment } from './columns.js';

export const settings = pgTable('settings', {
  key: text().primaryKey(),
  value: jsonb().$type<unknown>().notNull(),
  updatedBy: text('updated_by').notNull(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
});

export const catalogItems = pgTable(
  'catalog_items',
  {
    collection: text().notNull(),
    id: text().notNull(),
    body: jsonb().$type<JsonObject>().notNull(),
    /** Null where a thing is not paid for. */
    status: text().$type<'pending' | 'paid'>(),
    paidByOrderId: text('paid_by_order_id'),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.collection, t.id] })],
);
