/** The daily proof that our books equal a provider's. */
import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { ProviderChannel } from '../../domain/order.js';
import type {
  BillKind,
  DifferenceKind,
  DifferenceResolution,
  DifferenceType,
  ReconciliationStatus,
} from '../../domain/reconciliation.js';
import { createdAt, fenColumn, moment } from './columns.js';

/** One row a channel and day; another run of the same day updates it. */
export const reconciliations = pgTable(
  'reconciliations',
  {
    /** `<channel>-<date>`. */
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    channel: text().$type<ProviderChannel>().notNull(),
    /** A day in China, such as `2026-11-23`. */
    date: text().notNull(),
    status: text().$type<ReconciliationStatus>().notNull(),
    run: integer().notNull().default(1),
    /** Whoever raises it owns the staging; who knows an older number has been taken for dead and writes no more. */
    fence: integer().notNull().default(0),
    /** How many rows are staged, and the digest of them: where a worker that takes over goes on. */
    billRows: integer('bill_rows').notNull().default(0),
    billDigest: text('bill_digest'),
    /** Rows of the bill that our books have alike. */
    matched: integer().notNull().default(0),
    /** Fen that the provider kept of the day, as it was posted. */
    fees: fenColumn('fees'),
    requestedBy: text('requested_by').notNull(),
    error: jsonb().$type<{ code: string; message: string }>(),
    createdAt: createdAt(),
    startedAt: moment('started_at'),
    /** When a bill of this day was compared last. */
    comparedAt: moment('compared_at'),
    endedAt: moment('ended_at'),
  },
  // Not unique, which the id is: two such would let one of two inserts at the same moment fail.
  (t) => [index('reconciliations_day').on(t.channel, t.date)],
);

/** One side of a difference. Times are ISO 8601. */
export interface DifferenceFacts {
  amount: number;
  status?: string;
  at?: string;
  providerNo?: string;
  fee?: number;
  /** How often the bill has it. */
  copies?: number;
}

export const reconciliationDifferences = pgTable(
  'reconciliation_differences',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    channel: text().$type<ProviderChannel>().notNull(),
    /** The day of our row, or of the bill where only the bill has it. */
    date: text().notNull(),
    type: text().$type<DifferenceType>().notNull(),
    kind: text().$type<DifferenceKind>().notNull(),
    /** What both sides know it by. */
    no: text().notNull(),
    providerNo: text('provider_no').notNull(),
    /** The operator item's: the same over all runs. */
    ref: text()
      .notNull()
      .generatedAlwaysAs(
        sql`channel || '/' || date || '/' || type || '/' || kind || '/' || no || '/' || provider_no`,
      ),
    ours: jsonb().$type<DifferenceFacts>(),
    theirs: jsonb().$type<DifferenceFacts>(),
    orderNo: text('order_no'),
    /** The day whose bill may have it, for a row that is late. */
    awaits: text(),
    status: text().$type<'open' | 'resolved'>().notNull(),
    resolution: text().$type<DifferenceResolution>(),
    /** The last run of its day that found it. */
    run: integer().notNull(),
    /** The run in which the channel was asked about it; and the inbox row, where it said "paid". */
    askedRun: integer('asked_run'),
    inboxId: bigint('inbox_id', { mode: 'number' }),
    createdAt: createdAt(),
    resolvedAt: moment('resolved_at'),
  },
  (t) => [
    uniqueIndex('reconciliation_differences_once').on(t.channel, t.date, t.type, t.kind, t.no, t.providerNo),
    index('reconciliation_differences_open')
      .on(t.type, t.createdAt)
      .where(sql`status = 'open'`),
    // What another day's bill had.
    index('reconciliation_differences_late')
      .on(t.channel)
      .where(sql`type = 'late'`),
  ],
);

/** A bill while it is being compared: no bill is ever whole in a process. Emptied when the run ends. */
export const billRows = pgTable(
  'bill_rows',
  {
    reconciliationId: text('reconciliation_id').notNull(),
    /** Its place in the bill, from 1: what is staged twice is there once. */
    line: integer().notNull(),
    kind: text().$type<BillKind>().notNull(),
    no: text().notNull(),
    providerNo: text('provider_no').notNull(),
    amount: fenColumn('amount').notNull(),
    fee: fenColumn('fee').notNull(),
    status: text().$type<'succeeded' | 'failed' | 'processing' | 'unknown'>().notNull(),
    at: moment('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.reconciliationId, t.line] })],
);
