/** What merchants are told, and how long it is tried. */
import type { AccountEventType } from './account-events.js';
import type { OrderStatus } from './order-status.js';

/** The closed list: a type is a promise to whoever listens to it. */
export const WEBHOOK_EVENT_TYPES = [
  'order.paid',
  'order.completed',
  'order.closed',
  'order.refund_requested',
  'order.refunded',
  'order.partially_refunded',
  'action.parked',
  'withdrawal.requested',
  'withdrawal.approved',
  'withdrawal.paid',
  'withdrawal.failed',
  'withdrawal.rejected',
  'withdrawal.bounced',
  'membership.renewed',
  'membership.renewal_failed',
  'membership.renewal_ended',
] as const satisfies readonly (`order.${OrderStatus}` | 'action.parked' | AccountEventType)[];
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number];

/** Sent on request alone, to one endpoint. */
export const TEST_EVENT_TYPE = 'webhook.test';
export const DELIVERY_TYPES = [...WEBHOOK_EVENT_TYPES, TEST_EVENT_TYPE] as const;
export type DeliveryType = (typeof DELIVERY_TYPES)[number];

export const ENDPOINT_STATUSES = ['enabled', 'disabled'] as const;
export type EndpointStatus = (typeof ENDPOINT_STATUSES)[number];

export const DELIVERY_STATUSES = ['pending', 'succeeded', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** When it is tried, from the first try on (Standard Webhooks' own schedule, over one day). */
export const TRIES_AFTER_MS = [
  0,
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;

/** An endpoint that was away must not be met by everything in the same second. */
const JITTER_SHARE = 0.1;
const MAX_JITTER_MS = 5 * MINUTE_MS;

/**
 * When an event is tried again after a try that failed. A try that came late leaves out those that it overtook, so
 * that a long queue ends as well.
 * @param chance from 0 up to 1
 * @returns epoch ms; null after the last one
 */
export function nextTryAt(firstTriedAtMs: number, triedAtMs: number, chance: number): number | null {
  const passedMs = triedAtMs - firstTriedAtMs;
  const afterMs = TRIES_AFTER_MS.find((ms) => ms > passedMs);
  if (afterMs === undefined) return null;
  // Only ever later: an early try would find its own place in the schedule again.
  return firstTriedAtMs + afterMs + Math.floor(chance * Math.min(afterMs * JITTER_SHARE, MAX_JITTER_MS));
}

/** How long a secret that was replaced still signs beside the new one. */
export const ROTATION_MS = 24 * HOUR_MS;
