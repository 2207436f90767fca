/** What operators set up: system parameters, and what the actions act on. */
import { jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { ThingStatus } from '../../domain/catalog.js';
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
    status: text().$type<ThingStatus>(),
    paidByOrderId: text('paid_by_order_id'),
    /** The order that holds the money for a seller, where the thing was somebody's to sell. */
    heldByOrderNo: text('held_by_order_no'),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.collection, t.id] })],
);
