/** Money on its way out, the accounts that it goes to, and what is told of it. */
import { sql } from 'drizzle-orm';
import { bigserial, index, integer, jsonb, pgTable, smallint, text } from 'drizzle-orm/pg-core';
import type { AccountEventType } from '../../domain/account-events.js';
import type { ProviderChannel } from '../../domain/order.js';
import type { WithdrawalStatus } from '../../domain/withdrawals.js';
import { type JsonObject, createdAt, fenColumn, moment } from './columns.js';
import { users } from './people.js';

export const withdrawals = pgTable(
  'withdrawals',
  {
    /** Also the number that the provider knows it by: 24 hex digits, and one payout whatever is asked with it. */
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    amount: fenColumn('amount').notNull(),
    channel: text().$type<ProviderChannel>().notNull(),
    /** Whom it reaches, as the provider knows them. Neither leaves SQL for Temporal or a log (promise S4). */
    accountNo: text('account_no').notNull(),
    accountName: text('account_name').notNull(),
    status: text().$type<WithdrawalStatus>().notNull(),
    requestedBy: text('requested_by').notNull(),
    /** How many operators have to approve it: as the limits were when it was asked for. */
    approvalsNeeded: smallint('approvals_needed').notNull(),
    /** Who has approved it, each once. */
    approvedBy: text('approved_by').array().notNull().default([]),
    /** Of the last decision, whichever way. */
    decidedBy: text('decided_by'),
    decision: text(),
    providerPayoutNo: text('provider_payout_no'),
    /** What the receiver takes it with in their own app. */
    packageInfo: text('package_info'),
    /** Why it failed or came back; while it is under way, what its provider said last that was no answer. */
    error: jsonb().$type<{ code: string; message: string }>(),
    createdAt: createdAt(),
    decidedAt: moment('decided_at'),
    submittedAt: moment('submitted_at'),
    /** The provider has said that it knows of it: from then on it is only asked about. */
    acceptedAt: moment('accepted_at'),
    /** Until when the receiver may take it. */
    receiverUntil: moment('receiver_until'),
    /** When its provider was asked last, whatever came of it. */
    askedAt: moment('asked_at'),
    /** When the receiver had it, as the provider says. */
    paidAt: moment('paid_at'),
    /** When we learnt how it ended. */
    endedAt: moment('ended_at'),
    /** When its workflow is to be started or looked at, or its provider to be asked once more; null for neither. */
    startDueAt: moment('start_due_at'),
    startAttempts: integer('start_attempts').notNull().default(0),
  },
  (t) => [
    index('withdrawals_user').on(t.userId, t.seq),
    index('withdrawals_status').on(t.status, t.seq),
    index('withdrawals_start_due')
      .on(t.startDueAt)
      .where(sql`start_due_at IS NOT NULL`),
    // What a day's bill is compared with.
    index('withdrawals_paid')
      .on(t.paidAt, t.channel)
      .where(sql`paid_at IS NOT NULL`),
    // What stuck_withdrawals looks through.
    index('withdrawals_under_way')
      .on(t.askedAt)
      .where(sql`status IN ('approved', 'submitted', 'awaiting_receiver')`),
  ],
);

/** Where a user's withdrawals go when a call names no account. */
export const payoutAccounts = pgTable('payout_accounts', {
  userId: text('user_id')
    .primaryKey()
    .references(() => users.id),
  channel: text().$type<ProviderChannel>().notNull(),
  no: text().notNull(),
  name: text().notNull(),
  updatedBy: text('updated_by').notNull(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
});

/** What happened to a user's own money beside any order, for the merchants' webhooks. Rows are only added. */
export const accountEvents = pgTable(
  'account_events',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    type: text().$type<AccountEventType>().notNull(),
    /** The withdrawal, or the renewal. */
    ref: text().notNull(),
    userId: text('user_id').notNull(),
    data: jsonb().$type<JsonObject>().notNull().default({}),
    createdAt: createdAt(),
  },
  (t) => [index('account_events_ref').on(t.ref, t.id)],
);
