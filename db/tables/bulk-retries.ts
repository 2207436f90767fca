/** Parked steps that an operator has retried all at once, and how far that is. */
import { sql } from 'drizzle-orm';
import { bigserial, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core';
import type { BulkFilter, BulkStepState } from '../../domain/bulk-retries.js';
import { createdAt, moment } from './columns.js';

export const bulkRetries = pgTable('bulk_retries', {
  id: text().primaryKey(),
  filter: jsonb().$type<BulkFilter>().notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
});

/** A step that was parked when it began. */
export const bulkRetrySteps = pgTable(
  'bulk_retry_steps',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    bulkId: text('bulk_id')
      .notNull()
      .references(() => bulkRetries.id),
    orderNo: text('order_no').notNull(),
    path: text().notNull(),
    state: text().$type<BulkStepState>().notNull().default('waiting'),
    attempts: integer().notNull().default(0),
    dueAt: moment('due_at').notNull().defaultNow(),
    endedAt: moment('ended_at'),
  },
  (t) => [
    index('bulk_retry_steps_bulk').on(t.bulkId, t.state),
    index('bulk_retry_steps_due')
      .on(t.dueAt)
      .where(sql`state = 'waiting'`),
  ],
);
