import type { Client } from '@temporalio/client';
import type { Db } from '../db/client.js';
import { deliverPayment, tellOrder } from './payments.js';
import { deliverRefund, hintRefund } from './refunds.js';
import { deliverStart } from './starts.js';
import { hintPayout, startWithdrawal } from './withdrawals.js';

export interface DeliveryLog {
  warn(facts: object, message: string): void;
}

export interface Inline {
  /** Starts an order's workflow now, if that can be had; the relay does it otherwise. Never throws. */
  start(orderNo: string): void;
  /** Whether an attempt would be made now. Where not, the row that is written next is due at once, for the relay. */
  hasRoom(): boolean;
  /**
   * Takes a payment to its order now. Never throws.
   * @param unpaidOrderNo the payment's order, where it was unpaid when the row was written: nothing is read then
   */
  payment(inboxId: number, unpaidOrderNo?: string | null): void;
  /** Starts a refund's workflow now. Never throws. */
  refund(refundId: string): void;
  /** Tells a refund's workflow that its provider has news. Never throws. */
  refundHint(refundId: string): void;
  /** Starts a withdrawal's workflow now. Never throws. */
  withdrawal(withdrawalId: string): void;
  /** Tells a withdrawal's workflow that its provider has news. Never throws. */
  payoutHint(withdrawalId: string): void;
  /** Waits for what is under way, and for what waits. */
  drain(): Promise<void>;
}

// Attempts use the processor that the next notifications wait for. A few at once are enough for hundreds a second.
const MOST_AT_ONCE = 6;
// About a second's, on a busy machine. The relays of all workers take the rest within a second.
const MOST_WAITING = 50;
// The relay takes the rows up soon after that.
const WAITS_MS = 8_000;
const PAUSE_AFTER_FAILURE_MS = 2_000;

interface Attempt {
  what: string;
  ref: string | number;
  since: number;
  deliver: () => Promise<void>;
}

/**
 * The attempt right after a commit: it keeps latency low and promises nothing, since the row is the promise. While
 * Temporal is down there is one such attempt now and then, and the relay catches up afterwards.
 */
export function createInline(db: Db, temporal: Client, log: DeliveryLog): Inline {
  const running = new Set<Promise<void>>();
  const waiting: Attempt[] = [];
  let pausedUntil = 0;

  const hasRoom = (): boolean => waiting.length < MOST_WAITING && Date.now() >= pausedUntil;
  const run = async ({ what, ref, since, deliver }: Attempt): Promise<void> => {
    if (Date.now() - since > WAITS_MS) return;
    try {
      await deliver();
    } catch (error) {
      pausedUntil = Date.now() + PAUSE_AFTER_FAILURE_MS;
      // They would most likely fail too.
      waiting.length = 0;
      log.warn({ err: error, ref }, `${what} is left to the relay`);
    }
  };
  const next = (): void => {
    const one = running.size < MOST_AT_ONCE ? waiting.shift() : undefined;
    if (one === undefined) return;
    const attempt = run(one).finally(() => {
      running.delete(attempt);
      next();
    });
    running.add(attempt);
  };
  const attempt = (what: string, ref: string | number, deliver: () => Promise<void>): void => {
    if (!hasRoom()) return;
    waiting.push({ what, ref, since: Date.now(), deliver });
    next();
  };

  return {
    hasRoom,
    start: (orderNo) => attempt('an order start', orderNo, () => deliverStart(db, temporal, orderNo)),
    payment: (inboxId, unpaidOrderNo) =>
      attempt('a payment', inboxId, () =>
        typeof unpaidOrderNo === 'string'
          ? tellOrder(db, temporal, unpaidOrderNo, inboxId)
          : deliverPayment(db, temporal, inboxId),
      ),
    refund: (refundId) => attempt('a refund', refundId, () => deliverRefund(db, temporal, refundId)),
    refundHint: (refundId) => attempt('a refund hint', refundId, () => hintRefund(temporal, refundId)),
    withdrawal: (id) => attempt('a withdrawal', id, () => startWithdrawal(db, temporal, id)),
    payoutHint: (id) => attempt('a payout hint', id, () => hintPayout(temporal, id)),
    drain: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
