/** Whom merchants want told of events, and what is on its way to them. */
import { sql } from 'drizzle-orm';
import { bigserial, index, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type {
  DeliveryStatus,
  DeliveryType,
  EndpointStatus,
  WebhookEventType,
} from '../../domain/webhooks.js';
import { createdAt, moment } from './columns.js';

export const webhookEndpoints = pgTable('webhook_endpoints', {
  id: text().primaryKey(),
  seq: bigserial({ mode: 'number' }).notNull().unique(),
  url: text().notNull(),
  description: text().notNull().default(''),
  /** Null: all of them, also those that a later version adds. */
  eventTypes: text('event_types').array().$type<WebhookEventType[]>(),
  status: text().$type<EndpointStatus>().notNull().default('enabled'),
  /** Who or what has disabled it. */
  disabledReason: text('disabled_reason'),
  /** It signs, so a hash would not do: sealed with PAYLOAD_KEY, and as it is where that is not set. */
  secret: text().notNull(),
  /** The one before, which signs beside it for a day after a rotation. */
  previousSecret: text('previous_secret'),
  previousUntil: moment('previous_until'),
  /** Since when every try has failed; null while they succeed. */
  failingSince: moment('failing_since'),
  createdBy: text('created_by').notNull(),
  createdAt: createdAt(),
  /** Gone for callers. The row stays, since its deliveries do. */
  deletedAt: moment('deleted_at'),
});

/** One try. */
export interface DeliveryAttempt {
  at: string;
  durationMs: number;
  /** Null where there was no answer. */
  status: number | null;
  /** What was wrong with it; null where nothing was. */
  error: string | null;
  /** The beginning of the answer's body. */
  answer: string | null;
}

/**
 * One event for one endpoint, written by triggers in the transaction of the event itself. It has no foreign key to its
 * endpoint: every order's transaction would lock that one row.
 */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    endpointId: text('endpoint_id').notNull(),
    /** What the receiver knows the event by, on every try and at every endpoint. */
    messageId: text('message_id').notNull(),
    type: text().$type<DeliveryType>().notNull(),
    orderNo: text('order_no'),
    /** The body, byte by byte: what is signed must be what is sent. */
    payload: text().notNull(),
    status: text().$type<DeliveryStatus>().notNull().default('pending'),
    attempts: jsonb().$type<DeliveryAttempt[]>().notNull().default([]),
    /** The next try. */
    dueAt: moment('due_at').notNull().defaultNow(),
    /** A relay has it until then; one that dies leaves it to the next. */
    leasedUntil: moment('leased_until'),
    /** The schedule counts from here, so that an outage of ours takes nothing from it. */
    firstTriedAt: moment('first_tried_at'),
    createdAt: createdAt(),
    endedAt: moment('ended_at'),
  },
  (t) => [
    uniqueIndex('webhook_deliveries_message').on(t.endpointId, t.messageId),
    index('webhook_deliveries_due')
      .on(t.endpointId, t.dueAt)
      .where(sql`status = 'pending'`),
    index('webhook_deliveries_failed')
      .on(t.endpointId, t.seq)
      .where(sql`status = 'failed'`),
    index('webhook_deliveries_endpoint').on(t.endpointId, t.seq),
    index('webhook_deliveries_ended')
      .on(t.endedAt)
      .where(sql`status = 'succeeded'`),
  ],
);
