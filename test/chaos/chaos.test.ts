/** Orders of every kind while everything is killed: the promises hold over all of them, however long it takes. */
import { describe, expect, it } from 'vitest';
import { describeFull } from '../support/full.js';
import { failureText, killsOf, tableOf } from './report.js';
import { runChaos } from './run.js';

const MINUTE_MS = 60_000;
/** The promise has 60 s; what is measured ends with the last look, which takes a moment too. */
const RECOVERY_MS = 62_000;

async function expectPromisesKept(seed: number, orders: number, kills: number): Promise<void> {
  const lines: string[] = [];
  const report = await runChaos({ seed, orders, kills, log: (line) => void lines.push(line) });
  expect(report.violations, `${failureText(report)}\n${lines.join('\n')}`).toEqual([]);
  expect(killsOf(report)).toBe(kills);
  expect(Math.min(report.msToRest, report.msFromClients), tableOf([report])).toBeLessThan(RECOVERY_MS);
}

describe('chaos', () => {
  it(
    'T5 T6 M1 M2 M3 M4 M5 M6 M7 M8 W1: forty orders come to their right ends through eight kills',
    () => expectPromisesKept(1, 40, 8),
    5 * MINUTE_MS,
  );
});

describeFull('chaos at size', () => {
  it.each([101, 102, 103])(
    'T5 T6 M1 M2 M3 M4 M5 M6 M7 M8 W1: 500 orders come to their right ends through 100 kills (seed %d)',
    (seed) => expectPromisesKept(seed, 500, 100),
    45 * MINUTE_MS,
  );
});
