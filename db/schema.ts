/**
 * What PostgreSQL remembers. Money is bigint fen, times are timestamptz. The ledger's tables are written only by
 * the function `ledger_post` (migration 0001) and read only by `ledger/`.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { ChainState, MoneyState, OrderStatus } from '../domain/order-status.js';
import type { OrderKind, PaymentChannel, Scene, StepStatus } from '../domain/order.js';
import type { ActionName, ActionType } from '../domain/next-actions.js';

type JsonObject = Record<string, unknown>;

const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const createdAt = () => moment('created_at').notNull().defaultNow();
const fenColumn = (name: string) => bigint(name, { mode: 'number' });

export const users = pgTable('users', {
  id: text().primaryKey(),
  name: text().notNull(),
  role: text().$type<'member' | 'student' | 'teacher' | 'operator'>().notNull().default('member'),
  avatar: text(),
  skills: jsonb().$type<unknown[]>().notNull().default([]),
  careers: jsonb().$type<unknown[]>().notNull().default([]),
  mobile: text(),
  openid: text(),
  profile: jsonb().$type<JsonObject>().notNull().default({}),
  loginPasswordHash: text('login_password_hash'),
  payPasswordHash: text('pay_password_hash'),
  createdAt: createdAt(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
});

/** Wrong guesses in a row: counted before a guess is looked at, so that parallel guesses cannot slip by. */
export const passwordGuesses = pgTable(
  'password_guesses',
  {
    userId: text('user_id').notNull(),
    purpose: text().$type<'login' | 'pay'>().notNull(),
    wrong: integer().notNull(),
    lockedUntil: moment('locked_until'),
  },
  (t) => [primaryKey({ columns: [t.userId, t.purpose] })],
);

export const accessTokens = pgTable(
  'access_tokens',
  {
    hash: text().primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    createdAt: createdAt(),
    expiresAt: moment('expires_at').notNull(),
  },
  (t) => [index('access_tokens_user').on(t.userId)],
);

export const apiKeys = pgTable('api_keys', {
  id: text().primaryKey(),
  name: text().notNull(),
  hash: text().notNull().unique(),
  scopes: text().array().notNull(),
  createdAt: createdAt(),
  revokedAt: moment('revoked_at'),
});

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    caller: text().notNull(),
    key: text().notNull(),
    fingerprint: text().notNull(),
    /** Null while the first call is under way. */
    status: smallint(),
    body: jsonb().$type<unknown>(),
    leaseUntil: moment('lease_until').notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.caller, t.key] }), index('idempotency_keys_age').on(t.createdAt)],
);

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

export const orders = pgTable(
  'orders',
  {
    id: text().primaryKey(),
    orderNo: text('order_no').notNull().unique(),
    /** Newest-first paging needs a number that only grows. */
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    kind: text().$type<OrderKind>().notNull(),
    buyerId: text('buyer_id')
      .notNull()
      .references(() => users.id),
    sellerId: text('seller_id').references(() => users.id),
    amount: fenColumn('amount').notNull(),
    currency: text().$type<'CNY'>().notNull(),
    subject: text().notNull(),
    items: jsonb().$type<{ collection: string; id: string }[]>(),
    nextAction: jsonb('next_action').$type<unknown>(),
    chatId: text('chat_id'),
    skillId: text('skill_id'),
    metadata: jsonb().$type<Record<string, string>>().notNull().default({}),
    /** Null: this order has no chat window. */
    chatWindowMs: bigint('chat_window_ms', { mode: 'number' }),
    autoConfirmAfterMs: bigint('auto_confirm_after_ms', { mode: 'number' }).notNull(),
    feeBps: integer('fee_bps').notNull(),
    expiresAt: moment('expires_at').notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: createdAt(),
    money: text().$type<MoneyState>().notNull().default('unpaid'),
    captured: fenColumn('captured').notNull().default(0),
    refunded: fenColumn('refunded').notNull().default(0),
    refundOpen: boolean('refund_open').notNull().default(false),
    chain: text().$type<ChainState>().notNull(),
    /** The same rule as deriveStatus in domain/order-status.ts; a test compares the two. */
    status: text()
      .$type<OrderStatus>()
      .notNull()
      .generatedAlwaysAs(
        sql`CASE
          WHEN money = 'closed' THEN 'closed'
          WHEN money = 'unpaid' THEN 'unpaid'
          WHEN captured > 0 AND refunded = captured THEN 'refunded'
          WHEN refund_open THEN 'refund_requested'
          WHEN chain = 'parked' THEN 'action_required'
          WHEN money = 'held' OR chain = 'running' THEN 'paid'
          WHEN refunded > 0 THEN 'partially_refunded'
          ELSE 'completed'
        END`,
      ),
    paidAt: moment('paid_at'),
    receivedAt: moment('received_at'),
    paidChannel: text('paid_channel').$type<PaymentChannel>(),
    paymentId: text('payment_id'),
    chatClosesAt: moment('chat_closes_at'),
    chatClosedAt: moment('chat_closed_at'),
    releaseDueAt: moment('release_due_at'),
    releasedAt: moment('released_at'),
    releasedBy: text('released_by'),
    closedAt: moment('closed_at'),
    closedReason: text('closed_reason'),
  },
  (t) => [
    index('orders_buyer').on(t.buyerId, t.seq),
    index('orders_seller').on(t.sellerId, t.seq),
    index('orders_status').on(t.status, t.seq),
    index('orders_chat')
      .on(t.chatId)
      .where(sql`chat_id IS NOT NULL`),
  ],
);

/** What happened to an order, with actor and reason: the timeline, the live events and the merchants' webhooks. */
export const orderEvents = pgTable(
  'order_events',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    orderNo: text('order_no').notNull(),
    type: text().notNull(),
    actor: text().notNull(),
    reason: text(),
    data: jsonb().$type<JsonObject>().notNull().default({}),
    createdAt: createdAt(),
  },
  (t) => [index('order_events_order').on(t.orderNo, t.id)],
);

export const actionSteps = pgTable(
  'action_steps',
  {
    orderNo: text('order_no')
      .notNull()
      .references(() => orders.orderNo),
    path: text().notNull(),
    position: smallint().notNull(),
    type: smallint().$type<ActionType>().notNull(),
    name: text().$type<ActionName>().notNull(),
    parameters: jsonb().$type<JsonObject>().notNull(),
    /** Parameters after their variables were read: stored once, used by every retry. */
    resolved: jsonb().$type<JsonObject>(),
    status: text().$type<StepStatus>().notNull().default('pending'),
    attempts: integer().notNull().default(0),
    error: jsonb().$type<{ code: string; message: string }>(),
    startedAt: moment('started_at'),
    endedAt: moment('ended_at'),
  },
  (t) => [primaryKey({ columns: [t.orderNo, t.path] })],
);

export const payments = pgTable(
  'payments',
  {
    id: text().primaryKey(),
    orderNo: text('order_no')
      .notNull()
      .references(() => orders.orderNo),
    channel: text().$type<PaymentChannel>().notNull(),
    scene: text().$type<Scene>(),
    /** What the provider knows the attempt by. */
    outTradeNo: text('out_trade_no').notNull().unique(),
    amount: fenColumn('amount').notNull(),
    currency: text().$type<'CNY'>().notNull(),
    merchant: text().notNull(),
    expiresAt: moment('expires_at').notNull(),
    status: text().$type<PaymentStatus>().notNull(),
    /** What is posted to the provider beside the order's own facts; the same on every try. */
    request: jsonb()
      .$type<{ openid?: string; clientIp?: string; returnUrl?: string }>()
      .notNull()
      .default({}),
    credential: jsonb().$type<Record<string, string>>(),
    credentialAt: moment('credential_at'),
    providerTradeNo: text('provider_trade_no'),
    error: jsonb().$type<{ code: string; message: string }>(),
    /** When the channel is asked next; null when there is nothing left to ask. */
    askAt: moment('ask_at'),
    asked: integer().notNull().default(0),
    createdAt: createdAt(),
    paidAt: moment('paid_at'),
  },
  (t) => [
    index('payments_order').on(t.orderNo),
    index('payments_due')
      .on(t.askAt)
      .where(sql`ask_at IS NOT NULL`),
  ],
);

export type PaymentStatus = 'creating' | 'pending' | 'paid' | 'closed' | 'failed';

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
  ],
);

/** pending (on its way), applied (its money is posted), review (a person's), ignored (has no effect). */
export type InboxState = 'pending' | 'applied' | 'review' | 'ignored';

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

export const OPERATOR_ITEM_KINDS = ['suspense', 'parked_step'] as const;
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
    params: jsonb().$type<JsonObject>().notNull(),
    status: text().$type<'queued' | 'sent' | 'failed'>().notNull(),
    providerMessageId: text('provider_message_id'),
    createdAt: createdAt(),
    sentAt: moment('sent_at'),
  },
  (t) => [index('sms_outbox_mobile').on(t.mobile, t.seq)],
);

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
