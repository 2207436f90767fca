/**
 * Delivers what is committed and has not arrived: orders to start, payments to signal, questions to ask. Any number
 * of relays may run; a row is leased by one at a time. It also takes up orders that nothing drives any more.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Channels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { deliverBulkStep, leaseBulkSteps } from './bulk-retries.js';
import type { DeliveryLog } from './inline.js';
import { deliverRenewal, leaseRenewals } from './memberships.js';
import { deliverPayment, leasePayments, putOff } from './payments.js';
import { ask, leaseQuestions } from './questions.js';
import { deliverRefund, leaseRefunds } from './refunds.js';
import { deliverStart, leaseStarts } from './starts.js';
import { findStuck, restart } from './stuck.js';
import { deliverWithdrawal, leaseWithdrawals } from './withdrawals.js';

const BATCH = 50;
const AT_ONCE = 10;
const IDLE_MS = 1_000;
// What it finds has stood still for minutes.
const LOOK_FOR_STUCK_MS = 30_000;

interface Lane<T> {
  name: string;
  /** How long it waits when there is nothing to do. */
  idleMs?: number;
  lease(limit: number): Promise<T[]>;
  deliver(row: T): Promise<void>;
}

export interface RelayParts {
  db: Db;
  temporal: Client;
  channels: Channels;
  publicUrl: string;
  log: DeliveryLog;
}

export interface Relay {
  /** Ends after the batches that are under way. */
  stop(): Promise<void>;
}

export function startRelay({ db, temporal, channels, publicUrl, log }: RelayParts): Relay {
  const stopping = new AbortController();
  const run = <T>(lane: Lane<T>): Promise<void> => runLane(lane, stopping.signal, log);
  const lanes = [
    run({
      name: 'order start',
      lease: (limit) => leaseStarts(db, limit),
      deliver: (orderNo) => deliverStart(db, temporal, orderNo),
    }),
    run({
      name: 'payment',
      lease: (limit) => leasePayments(db, limit),
      deliver: async (inboxId) => {
        await deliverPayment(db, temporal, inboxId);
        await putOff(db, inboxId);
      },
    }),
    run({
      name: 'refund',
      lease: (limit) => leaseRefunds(db, limit),
      deliver: (refundId) => deliverRefund(db, temporal, refundId),
    }),
    run({
      name: 'withdrawal',
      lease: (limit) => leaseWithdrawals(db, limit),
      deliver: (withdrawalId) => deliverWithdrawal({ db, temporal, channels, publicUrl }, withdrawalId),
    }),
    run({
      name: 'membership renewal',
      lease: (limit) => leaseRenewals(db, limit),
      deliver: (renewalId) => deliverRenewal(db, temporal, renewalId),
    }),
    run({
      name: 'question',
      lease: (limit) => leaseQuestions(db, limit),
      deliver: async (payment) => {
        const inboxId = await ask(db, channels, publicUrl, payment);
        if (inboxId !== null) await deliverPayment(db, temporal, inboxId);
      },
    }),
    run({
      name: 'bulk retry',
      lease: (limit) => leaseBulkSteps(db, limit),
      deliver: (id) => deliverBulkStep(db, temporal, id),
    }),
    run({
      name: 'stuck order',
      idleMs: LOOK_FOR_STUCK_MS,
      lease: (limit) => findStuck(db, limit),
      deliver: (orderNo) => restart(db, temporal, orderNo),
    }),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(lanes);
    },
  };
}

async function runLane<T>(lane: Lane<T>, stopping: AbortSignal, log: DeliveryLog): Promise<void> {
  while (!stopping.aborted) {
    const rows = await lane.lease(BATCH).catch((error: unknown): T[] => {
      log.warn({ err: error, lane: lane.name }, 'the relay could not lease');
      return [];
    });
    await deliverAll(lane, rows, log);
    if (rows.length < BATCH || lane.idleMs !== undefined) await idle(lane.idleMs ?? IDLE_MS, stopping);
  }
}

/** A few at a time: a burst after an outage must not crowd out the orders of now. */
async function deliverAll<T>(lane: Lane<T>, rows: T[], log: DeliveryLog): Promise<void> {
  const queue = [...rows];
  const one = async (): Promise<void> => {
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
      // The lease runs out by itself, so a failed delivery comes round again.
      await lane.deliver(row).catch((error: unknown) => {
        log.warn({ err: error, lane: lane.name }, 'the relay will try again');
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function idle(idleMs: number, stopping: AbortSignal): Promise<void> {
  try {
    await wait(idleMs, undefined, { signal: stopping });
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
}
