/** The ledger: written only by the function `ledger_post` (migration 0001), read only by `ledger/`. */
import { bigint, bigserial, index, pgTable, text } from 'drizzle-orm/pg-core';
import { createdAt, fenColumn } from './columns.js';

export const postings = pgTable('postings', {
  id: bigserial({ mode: 'number' }).primaryKey(),
  key: text().notNull().unique(),
  kind: text().notNull(),
  /** What was asked for: the same key with another fingerprint is an error, never a second posting. */
  fingerprint: text().notNull(),
  orderNo: text('order_no'),
  createdAt: createdAt(),
});

export const entries = pgTable(
  'entries',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    postingId: bigint('posting_id', { mode: 'number' })
      .notNull()
      .references(() => postings.id),
    account: text().notNull(),
    /** Credits are positive, debits negative; a posting's entries sum to 0. */
    amount: fenColumn('amount').notNull(),
    currency: text().notNull(),
    createdAt: createdAt(),
  },
  (t) => [index('entries_account').on(t.account, t.id), index('entries_posting').on(t.postingId)],
);

/** Only accounts that can be overdrawn have a row here; those that every order touches have entries alone. */
export const balances = pgTable('balances', {
  account: text().primaryKey(),
  balance: fenColumn('balance').notNull(),
});
