/** Sends what is due to merchants, without Temporal, for as long as the process lives. */
import { setTimeout as wait } from 'node:timers/promises';
import { type DeliveryParts, type Leased, deliver, leaseDeliveries } from './deliveries.js';
import type { DeliveryLog } from './inline.js';

/**
 * To so many endpoints at once. Those that fail never have more than their part of the places: however many of them
 * there are, and however long each keeps us waiting, the others go on.
 */
const PLACES = { failing: 8, others: 16 };
const IDLE_MS = 1_000;

export interface DeliveryLane {
  /** Ends once what is under way has been noted. */
  stop(): Promise<void>;
}

export function startDeliveries({ log, ...parts }: DeliveryParts & { log: DeliveryLog }): DeliveryLane {
  // Which endpoints are being sent to, and whether they are failing ones.
  const busy = new Map<string, boolean>();
  const underWay = new Set<Promise<void>>();
  let wake = new AbortController();
  const stopping = new AbortController();

  const places = (failing: boolean): number => {
    const taken = [...busy.values()].filter((one) => one === failing).length;
    return (failing ? PLACES.failing : PLACES.others) - taken;
  };

  /** One endpoint's batch; then its place is free for another. */
  const serve = async (endpointId: string, failing: boolean, batch: readonly Leased[]): Promise<void> => {
    busy.set(endpointId, failing);
    await Promise.all(
      batch.map((delivery) =>
        deliver(parts, delivery).catch((error: unknown) => {
          log.warn({ err: error, delivery: delivery.id }, 'a webhook delivery is left to its lease');
        }),
      ),
    );
    busy.delete(endpointId);
    wake.abort();
  };

  /** @returns whether anything was due */
  const sendDue = async (failing: boolean): Promise<boolean> => {
    const leased = await leaseDeliveries(parts.db, {
      failing,
      places: places(failing),
      busy: [...busy.keys()],
    });
    for (const [endpointId, batch] of byEndpoint(leased)) {
      const served = serve(endpointId, failing, batch).finally(() => underWay.delete(served));
      underWay.add(served);
    }
    return leased.length > 0;
  };

  /** One after the other: an endpoint that begins to fail in between is busy by then. */
  const sendAllDue = async (): Promise<boolean> => {
    const others = await sendDue(false);
    return (await sendDue(true)) || others;
  };

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      const found = await sendAllDue().catch((error: unknown) => {
        log.warn({ err: error }, 'webhook deliveries could not be leased');
        return false;
      });
      if (!found && !stopping.signal.aborted) await untilAborted(IDLE_MS, wake.signal);
    }
    await Promise.all(underWay);
  };
  const ended = loop();
  return {
    stop: async () => {
      stopping.abort();
      wake.abort();
      await ended;
    },
  };
}

function byEndpoint(leased: readonly Leased[]): Map<string, Leased[]> {
  const batches = new Map<string, Leased[]>();
  for (const delivery of leased) {
    batches.set(delivery.endpointId, [...(batches.get(delivery.endpointId) ?? []), delivery]);
  }
  return batches;
}

async function untilAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
