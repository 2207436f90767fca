import { expect } from 'vitest';
import { describeViolations, historyViolations, moneyViolations } from '../support/verdict.js';
import { watchMachine } from '../../bench/machine.js';
import { percentile, until } from '../../bench/stats.js';
import type { Fleet } from './fleet.js';

/** Every promise about money and workflows, over all orders that there are; for orders at rest. */
export async function expectAllPromises({ sql, client }: Fleet): Promise<void> {
  const found = [...(await moneyViolations(sql)), ...(await historyViolations(sql, client))];
  expect(describeViolations(found)).toBe('');
}

/** What a run measured: no promise, but what people want to know. */
export function say(what: string, figures: Record<string, unknown>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  process.stderr.write(`  ${what}: ${text.join(', ')}\n`);
}

/** For a report: half, nearly all, and the slowest. */
export function spread(tookMs: readonly number[]): string {
  const [half, most, all] = [percentile(tookMs, 0.5), percentile(tookMs, 0.99), Math.max(...tookMs)];
  const rounded = [half, most, all].map((value) => Math.round(value));
  return `p50/p99/max ${rounded.join('/')} ms of ${tookMs.length}`;
}

// A run that hangs must end one day, however busy the machine is.
const AT_MOST = 8;

/**
 * Waits for what is promised within a time. Where other programs kept the machine busy, that time is shown and not
 * judged: it is CPU that is short then.
 * @returns seconds, and the share of the cores that others used
 * @throws Error when it took longer than was promised
 */
export async function within(limitMs: number, what: string, isSo: () => Promise<boolean>): Promise<string> {
  const machine = watchMachine({ postgres: '', temporal: '' });
  const begin = performance.now();
  await until(what, isSo, limitMs * AT_MOST);
  const tookMs = performance.now() - begin;
  const { quiet, othersShare } = machine.end();
  // /proc counts CPU in steps that are too coarse for less than a second.
  const others =
    tookMs > 1_000 ? `, while others kept ${Math.round((othersShare ?? 0) * 100)} % of the cores busy` : '';
  const took = `${secondsSince(begin)} s${others}`;
  if (tookMs > limitMs && quiet)
    throw new Error(`not within ${limitMs / 1_000} s, but after ${took}: ${what}`);
  return took;
}

export const secondsSince = (time: number): number => Math.round((performance.now() - time) / 100) / 10;
