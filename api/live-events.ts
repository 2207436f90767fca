/** Live events of orders: one reader a process for everybody who listens, and none while nobody does. */
import { setTimeout as wait } from 'node:timers/promises';
import { and, asc, gt, sql } from 'drizzle-orm';
import type { Logger } from 'pino';
import type { Db } from '../db/client.js';
import { orderEvents } from '../db/schema.js';

export type OrderEventRow = typeof orderEvents.$inferSelect;

interface Listener {
  orderNo: string;
  /** The last event that this listener has. */
  cursor: number;
  push(event: OrderEventRow): void;
}

const INTERVAL_MS = 500;
const BATCH = 1_000;

export interface LiveEvents {
  /** @returns a function that ends it */
  listen(orderNo: string, afterId: number, push: (event: OrderEventRow) => void): () => void;
  close(): void;
}

export function createLiveEvents(db: Db, log: Logger): LiveEvents {
  const listeners = new Set<Listener>();
  const closing = new AbortController();
  let reading = false;

  const readOnce = async (): Promise<void> => {
    const behind = [...listeners];
    const from = Math.min(...behind.map(({ cursor }) => cursor));
    const orderNos = [...new Set(behind.map((one) => one.orderNo))];
    const events = await db
      .select()
      .from(orderEvents)
      .where(
        // One statement, however many listen: each text is prepared for itself.
        and(gt(orderEvents.id, from), sql`${orderEvents.orderNo} = ANY (${sql.param(orderNos)})`),
      )
      .orderBy(asc(orderEvents.id))
      .limit(BATCH);
    for (const event of events) {
      for (const listener of behind) {
        // An order's events are written under its row's lock, so their numbers come in order.
        if (listener.orderNo !== event.orderNo || event.id <= listener.cursor) continue;
        listener.cursor = event.id;
        listener.push(event);
      }
    }
  };

  const read = async (): Promise<void> => {
    reading = true;
    while (listeners.size > 0 && !closing.signal.aborted) {
      await readOnce().catch((error: unknown) => log.warn({ err: error }, 'live events could not be read'));
      await wait(INTERVAL_MS, undefined, { signal: closing.signal }).catch((error: unknown) => {
        if (!closing.signal.aborted) throw error;
      });
    }
    reading = false;
  };

  return {
    listen(orderNo, afterId, push) {
      const listener = { orderNo, cursor: afterId, push };
      listeners.add(listener);
      if (!reading) read().catch((error: unknown) => log.error({ err: error }, 'live events have stopped'));
      return () => listeners.delete(listener);
    },
    close: () => closing.abort(),
  };
}
