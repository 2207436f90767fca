/** What is on its way: in, out, and to a person. */
import { sql } from 'drizzle-orm';
import { bigserial, index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { PaymentChannel } from '../../domain/order.js';
import { type JsonObject, createdAt, fenColumn, moment } from './columns.js';

/** Verified payments on their way to their order: inserted and committed before the provider hears "success". */
export const inbox = pgTable(
  'inbox',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    channel: text().$type<PaymentChannel>().notNull(),
    eventKey: text('event_key').notNull(),
    source: text().$type<'notification' | 'question' | 'wallet'>().notNull(),
    kind: text().$type<'paid' | 'other'>().notNull(),
    outTradeNo: text('out_trade_no').notNull(),
    providerTradeNo: text('provider_trade_no'),
    amount: fenColumn('amount'),
    currency: text(),
    merchant: text(),
    paidAt: moment('paid_at'),
    facts: jsonb().$type<Record<string, string>>().notNull().default({}),
    receivedAt: moment('received_at').notNull().defaultNow(),
    state: text().$type<InboxState>().notNull().default('pending'),
    /** The relay leaves a row alone until then. */
    dueAt: moment('due_at').notNull().defaultNow(),
    attempts: integer().notNull().default(0),
    lastError: text('last_error'),
    appliedAt: moment('applied_at'),
  },
  (t) => [
    uniqueIndex('inbox_event').on(t.channel, t.eventKey),
    index('inbox_due')
      .on(t.dueAt)
      .where(sql`state = 'pending'`),
    index('inbox_out_trade_no').on(t.outTradeNo),
    // Money that fitted no order: a day's bill has it too.
    index('inbox_set_aside')
      .on(t.channel, t.providerTradeNo)
      .where(sql`state IN ('returned', 'review')`),
  ],
);

/** pending (on its way), applied (its money is posted), returned (it goes back), review (a person's), ignored (has no effect). */
export type InboxState = 'pending' | 'applied' | 'returned' | 'review' | 'ignored';

/** Orders whose workflow is still to be started: written with the order, in one transaction. */
export const outbox = pgTable(
  'outbox',
  {
    orderNo: text('order_no').primaryKey(),
    dueAt: moment('due_at').notNull().defaultNow(),
    attempts: integer().notNull().default(0),
    lastError: text('last_error'),
    doneAt: moment('done_at'),
    createdAt: createdAt(),
  },
  (t) => [
    index('outbox_due')
      .on(t.dueAt)
      .where(sql`done_at IS NULL`),
  ],
);

/** At most the last 100 refused notifications: evidence, not a way to fill the disk (promise W2). */
export const refusedNotifications = pgTable('refused_notifications', {
  id: bigserial({ mode: 'number' }).primaryKey(),
  channel: text().notNull(),
  reason: text().notNull(),
  body: text().notNull(),
  createdAt: createdAt(),
});

/** What needs a person, with what was done about it. */
export const operatorItems = pgTable(
  'operator_items',
  {
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    kind: text().$type<OperatorItemKind>().notNull(),
    /** What it is about; with the kind it is unique, so that a repeat opens no second item. */
    ref: text().notNull(),
    orderNo: text('order_no'),
    details: jsonb().$type<JsonObject>().notNull(),
    status: text().$type<'open' | 'resolved'>().notNull().default('open'),
    resolution: text(),
    reason: text(),
    resolvedBy: text('resolved_by'),
    createdAt: createdAt(),
    resolvedAt: moment('resolved_at'),
  },
  (t) => [
    uniqueIndex('operator_items_ref').on(t.kind, t.ref),
    index('operator_items_status').on(t.status, t.seq),
  ],
);

export const OPERATOR_ITEM_KINDS = [
  'suspense',
  'parked_step',
  'failed_refund',
  'failed_payout',
  'failed_delivery',
  'difference',
  'chargeback',
  'relay_mismatch',
  'deposit_return',
] as const;

export type OperatorItemKind = (typeof OPERATOR_ITEM_KINDS)[number];

export const smsOutbox = pgTable(
  'sms_outbox',
  {
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    key: text().notNull().unique(),
    orderNo: text('order_no').notNull(),
    path: text().notNull(),
    smsId: text('sms_id').notNull(),
    provider: text().notNull(),
    mobile: text().notNull(),
    sign: text().notNull(),
    template: text().notNull(),
    params: jsonb().$type<Record<string, string>>().notNull(),
    /** The order of the parameters, for a provider that takes them by position. */
    paramNames: text('param_names').array().notNull().default([]),
    status: text().$type<SmsStatus>().notNull(),
    /** How often it was posted; more than once only where the provider said each time that it had not taken it. */
    attempts: integer().notNull().default(0),
    triedAt: moment('tried_at'),
    providerMessageId: text('provider_message_id'),
    error: jsonb().$type<{ code: string; message: string }>(),
    createdAt: createdAt(),
    sentAt: moment('sent_at'),
  },
  (t) => [index('sms_outbox_mobile').on(t.mobile, t.seq)],
);

/**
 * queued (no provider has it), sending (it may have been posted: asked for before anything else), sent (taken by the
 * provider), failed (refused for good), unknown (asked for in vain).
 */
export const SMS_STATUSES = ['queued', 'sending', 'sent', 'failed', 'unknown'] as const;

export type SmsStatus = (typeof SMS_STATUSES)[number];
