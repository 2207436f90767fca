/** Orders, and what hangs on them. */
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
  unique,
} from 'drizzle-orm/pg-core';
import type { ChainState, MoneyState, OrderStatus } from '../../domain/order-status.js';
import type { OrderKind, PaymentChannel, Scene, StepStatus } from '../../domain/order.js';
import type { ActionName, ActionType } from '../../domain/next-actions.js';
import { type JsonObject, createdAt, fenColumn, moment } from './columns.js';
import { users } from './people.js';

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
    /** Null: only a confirmation releases what is held. */
    autoConfirmAfterMs: bigint('auto_confirm_after_ms', { mode: 'number' }),
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
    // What stuck_orders looks through.
    index('orders_expiring')
      .on(t.expiresAt)
      .where(sql`money = 'unpaid'`),
    index('orders_release_due')
      .on(t.releaseDueAt)
      .where(sql`money = 'held'`),
    index('orders_chain_running')
      .on(t.receivedAt)
      .where(sql`chain = 'running'`),
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
    /** The last try, by which a chain that stands still is told from one that retries. */
    triedAt: moment('tried_at'),
    endedAt: moment('ended_at'),
  },
  (t) => [
    primaryKey({ columns: [t.orderNo, t.path] }),
    index('action_steps_parked')
      .on(t.orderNo)
      .where(sql`status = 'parked'`),
  ],
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
    outTradeNo: text('out_trade_no').notNull(),
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
    // One number may be offered to two providers, where the caller's front end chooses between them.
    unique('payments_number').on(t.outTradeNo, t.channel),
    index('payments_due')
      .on(t.askAt)
      .where(sql`ask_at IS NOT NULL`),
    // What a day's bill is compared with.
    index('payments_paid')
      .on(t.paidAt, t.channel)
      .where(sql`status = 'paid'`),
  ],
);

export type PaymentStatus = 'creating' | 'pending' | 'paid' | 'closed' | 'failed';
