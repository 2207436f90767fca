/** Waits end by a condition or by a deadline, and at the deadline they say what was awaited. */
import { setTimeout as pause } from 'node:timers/promises';

/** Orders recover within 60 s of whatever happened (promise T5), so nothing here is awaited longer. */
export const DEADLINE_MS = 60_000;
const EVERY_MS = 100;

/**
 * Asks until the probe answers without throwing.
 * @param what is awaited, for the message: `order 17 is completed`
 * @throws Error with the last try's failure as its cause
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = DEADLINE_MS,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() >= end) {
        const last = error instanceof Error ? error.message : String(error);
        throw new Error(`not within ${withinMs / 1_000} s: ${what}. At last: ${last}`, { cause: error });
      }
    }
    await pause(EVERY_MS);
  }
}
