/** Memberships that renew themselves. */
import { sql } from 'drizzle-orm';
import { bigserial, index, integer, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { RenewalStatus } from '../../domain/memberships.js';
import { createdAt, fenColumn, moment } from './columns.js';
import { users } from './people.js';

export const membershipRenewals = pgTable(
  'membership_renewals',
  {
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    levelId: text('level_id').notNull(),
    /** The price row that it was bought by, and its terms as they were then. */
    priceId: text('price_id').notNull(),
    amount: fenColumn('amount').notNull(),
    days: integer().notNull(),
    /** The order and the step that asked for it last. */
    orderId: text('order_id').notNull(),
    orderNo: text('order_no').notNull(),
    step: text().notNull(),
    status: text().$type<RenewalStatus>().notNull().default('active'),
    /** How many terms it has paid for. */
    renewals: integer().notNull().default(0),
    /** How many tries have failed for the coming term. */
    failedTries: integer('failed_tries').notNull().default(0),
    /** When the next try is due. */
    dueAt: moment('due_at').notNull(),
    createdAt: createdAt(),
    endedAt: moment('ended_at'),
    endedBy: text('ended_by'),
    endReason: text('end_reason'),
    /** When its workflow is to be started or told; null for neither. */
    startDueAt: moment('start_due_at').defaultNow(),
    startAttempts: integer('start_attempts').notNull().default(0),
  },
  (t) => [
    // A level is paid for once a term, however often its payer asked for it to go on.
    uniqueIndex('membership_renewals_one')
      .on(t.userId, t.levelId)
      .where(sql`status = 'active'`),
    index('membership_renewals_user').on(t.userId, t.seq),
    // What waits, for operators to see.
    index('membership_renewals_due')
      .on(t.dueAt)
      .where(sql`status = 'active'`),
    index('membership_renewals_start_due')
      .on(t.startDueAt)
      .where(sql`start_due_at IS NOT NULL`),
  ],
);
