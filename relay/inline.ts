import type { Client } from '@temporalio/client';
import type { Db } from '../db/client.js';
import { deliverPayment } from './payments.js';
import { deliverRefund, hintRefund } from './refunds.js';
import { deliverStart } from './starts.js';

export interface DeliveryLog {
  warn(facts: object, message: string): void;
}

export interface Inline {
  /** Starts an order's workflow now, if that can be had; the relay does it otherwise. Never throws. */
  start(orderNo: string): void;
  /** Takes a payment to its order now. Never throws. */
  payment(inboxId: number): void;
  /** Starts a refund's workflow now. Never throws. */
  refund(refundId: string): void;
  /** Tells a refund's workflow that its provider has news. Never throws. */
  refundHint(refundId: string): void;
  /** Waits for what is under way. */
  drain(): Promise<void>;
}

const MOST_AT_ONCE = 50;
const PAUSE_AFTER_FAILURE_MS = 2_000;

/**
 * The attempt right after a commit: it keeps latency low and promises nothing, since the row is the promise. While
 * Temporal is down there is one such attempt now and then, and the relay catches up afterwards.
 */
export function createInline(db: Db, temporal: Client, log: DeliveryLog): Inline {
  const underWay = new Set<Promise<void>>();
  let pausedUntil = 0;

  const attempt = (what: string, ref: string | number, deliver: () => Promise<void>): void => {
    if (underWay.size >= MOST_AT_ONCE || Date.now() < pausedUntil) return;
    const running = deliver()
      .catch((error: unknown) => {
        pausedUntil = Date.now() + PAUSE_AFTER_FAILURE_MS;
        log.warn({ err: error, ref }, `${what} is left to the relay`);
      })
      .finally(() => underWay.delete(running));
    underWay.add(running);
  };

  return {
    start: (orderNo) => attempt('an order start', orderNo, () => deliverStart(db, temporal, orderNo)),
    payment: (inboxId) => attempt('a payment', inboxId, () => deliverPayment(db, temporal, inboxId)),
    refund: (refundId) => attempt('a refund', refundId, () => deliverRefund(db, temporal, refundId)),
    refundHint: (refundId) => attempt('a refund hint', refundId, () => hintRefund(temporal, refundId)),
    drain: async () => {
      await Promise.all(underWay);
    },
  };
}
