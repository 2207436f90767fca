import { describe, expect, it } from 'vitest';
import { TRIES_AFTER_MS, nextTryAt } from './webhooks.js';

const HOUR_MS = 3_600_000;
const FIRST = 1_000_000;

describe('W7 the schedule of an outgoing event', () => {
  it('tries ten times over one day, and no more', () => {
    const tries = [FIRST];
    for (let next = nextTryAt(FIRST, FIRST, 0); next !== null; next = nextTryAt(FIRST, next, 0))
      tries.push(next);
    expect(tries.map((at) => at - FIRST)).toEqual([...TRIES_AFTER_MS]);
    expect(TRIES_AFTER_MS.map((ms) => ms / 1_000)).toEqual([
      0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]);
  });

  it('comes as often with any jitter, never early, and at most five minutes late', () => {
    for (const chance of [0.01, 0.5, 0.999_999]) {
      const tries = [FIRST];
      for (let next = nextTryAt(FIRST, FIRST, chance); next !== null; next = nextTryAt(FIRST, next, chance))
        tries.push(next);
      expect(tries).toHaveLength(TRIES_AFTER_MS.length);
      tries.forEach((at, index) => {
        const late = at - FIRST - (TRIES_AFTER_MS[index] ?? 0);
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThanOrEqual(300_000);
      });
    }
  });

  it('leaves out what a late try has overtaken, and ends', () => {
    expect(nextTryAt(FIRST, FIRST + 3 * HOUR_MS, 0)).toBe(FIRST + 5 * HOUR_MS);
    expect(nextTryAt(FIRST, FIRST + 23 * HOUR_MS, 0)).toBe(FIRST + 24 * HOUR_MS);
    expect(nextTryAt(FIRST, FIRST + 24 * HOUR_MS, 0)).toBeNull();
    expect(nextTryAt(FIRST, FIRST + 40 * HOUR_MS, 0)).toBeNull();
  });
});
