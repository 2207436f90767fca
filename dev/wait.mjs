import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `condition` again until it answers true.
 *
 * @param {() => boolean | Promise<boolean>} condition
 * @param {{ withinMs: number, everyMs?: number, signal?: AbortSignal | undefined }} limits
 * @returns {Promise<boolean>} false when the time is over first
 * @throws the signal's reason, when it is aborted first
 */
export async function until(condition, { withinMs, everyMs = 50, signal }) {
  const end = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    if (await condition()) return true;
    if (performance.now() >= end) return false;
    await delay(everyMs);
  }
}

/**
 * @param {string} url
 * @param {{ timeoutMs?: number }} [options]
 * @returns {Promise<boolean>} whether it answers 2xx
 */
export async function answersOk(url, { timeoutMs = 2_000 } = {}) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Refused, reset or too slow all mean the same here: it does not answer yet.
    return false;
  }
}
