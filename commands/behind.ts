/** PostgreSQL ahead of an order's workflow, as callers may meet it. */
import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorCode, HoldfastError } from '../domain/errors.js';
import { OVERTAKEN } from '../workflows/contract.js';

/** Between the tries: about 1.5 s in all, so that the answer comes well before a caller gives up. */
const PAUSES_MS = [50, 100, 200, 400, 800];

/**
 * PostgreSQL is ahead of the workflow for a moment, or for as long as a killed worker costs: a refund has ended, a
 * step is parked, a wallet has paid, another run takes the order up, and the workflow has not heard of it. What it
 * refuses then is refused for a reason that is not so. Temporal keeps nothing of such a refusal, so the same wish is
 * given again.
 * @param isPossible by PostgreSQL, after the refusal
 * @throws HoldfastError `unavailable` where the workflow stays behind
 */
export async function unlessBehind(
  take: () => Promise<boolean>,
  code: ErrorCode,
  isPossible: () => Promise<boolean>,
): Promise<boolean> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await take();
    } catch (error) {
      // The workflow knows of that refund before PostgreSQL does, and a repeat of this wish would be answered the same.
      if (!(error instanceof HoldfastError) || error.code !== code || error.message === OVERTAKEN)
        throw error;
      if (!(await isPossible())) throw error;
      const pauseMs = PAUSES_MS[tries];
      if (pauseMs === undefined) {
        throw new HoldfastError('unavailable', {
          message: 'the order is being moved on; repeat the call',
          cause: error,
        });
      }
      await wait(pauseMs);
    }
  }
}
