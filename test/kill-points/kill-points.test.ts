/**
 * For every point at which a process can be made to end: it ends there, and everything comes to its right end. The
 * kills of a round come one after the other; what recovers from them does so side by side.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../crash-points.js';
import { DEADLINE_MS, eventually } from '../e2e/wait.js';
import { FULL, describeFull } from '../support/full.js';
import {
  describeViolations,
  historyViolations,
  moneyViolations,
  providerViolations,
} from '../support/verdict.js';
import type { UnderWay } from './scene.js';
import { SCENARIOS } from './scenarios.js';
import { type Stage, openStage } from './stage.js';

/** Where money is most at stake: these are in every run. */
const MONEY_AT_STAKE: readonly CrashPoint[] = [
  'refund: provider has it',
  'payout: provider has it',
  'step: before commit',
  'hold: posted',
  'release: posted',
  'notification: committed',
];

/**
 * No order of a round comes to a point at which the process of another one is to end later: what recovers from an
 * early kill meets the processes of those that follow.
 */
const OTHER_ROUNDS: Readonly<Record<string, readonly CrashPoint[]>> = {
  'making orders and attempts': [
    'order: before commit',
    'order: committed',
    'start: before Temporal',
    'start: Temporal has it',
    'attempt: committed',
    'attempt: posted to the provider',
    'close: closed at the provider',
  ],
  'what the API alone does': [
    'wallet payment: before commit',
    'wallet payment: committed',
    'purchase: before commit',
    'purchase: committed',
    'update: taken by the workflow',
    'refund: decided in SQL',
    'refund start: Temporal has it',
    'return: committed',
    'signal: Temporal has it',
    'notification: verified',
  ],
  'what the API does for withdrawals': [
    'withdrawal: before commit',
    'withdrawal: committed',
    'withdrawal: decided',
    'payout start: before Temporal',
    'payout start: Temporal has it',
  ],
  'before it counts': [
    'hold: before posting',
    'close: asked at the provider',
    'refund: before the provider',
    'payout: before the provider',
    'step: started',
    'release: before posting',
  ],
  'after it counts': [
    'refund: settled',
    'payout: settled',
    'payout: bounced',
    'step: committed',
    'close: posted',
    'suspense: committed',
    'free order: posted',
  ],
  // What recovers from the last of these comes by the point before it.
  messages: ['sms: before the provider', 'sms: recorded', 'sms: provider has it'],
  'the daily proof': [
    'reconciliation: rows staged',
    'reconciliation: compared',
    'reconciliation: asked',
    'reconciliation: ended',
  ],
  // What recovers from each of these comes by those before it.
  memberships: [
    'renewal: committed',
    'renewal: before commit',
    'renewal start: Temporal has it',
    'renewal start: before Temporal',
  ],
  'what the relay and people do': [
    'signal: before Temporal',
    'refund start: before Temporal',
    'refund: failed',
    'payout: failed',
    'step: parked',
    'step: decided',
    'question: in the inbox',
    'question: answered',
    'delivery: sent',
    'action endpoint: answered',
    'refund: begun',
  ],
};

const ROUND_MS = 5 * 60_000;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, ROUND_MS);
afterAll(() => stage.fleet.close());

function plays(points: readonly CrashPoint[]): void {
  let falls: Map<CrashPoint, UnderWay | Error>;
  let cleanSince: number;
  beforeAll(async () => {
    falls = await stage.play(points);
    cleanSince = performance.now();
  }, ROUND_MS);

  const tests = points.map((point) => ({ point, ...SCENARIOS[point] }));
  for (const { point, says, proves } of tests) {
    const ids = proves === undefined ? 'T5' : `T5 ${proves}`;
    it(
      `${ids}: kill at "${point}": ${says}`,
      async () => {
        const fall = falls.get(point);
        if (fall === undefined) throw new Error('it was not played');
        if (fall instanceof Error) throw fall;
        await fall.end();
        expect(performance.now() - cleanSince).toBeLessThan(DEADLINE_MS);
      },
      2 * DEADLINE_MS,
    );
  }
}

describe('kill points where money is most at stake', () => plays(MONEY_AT_STAKE));

for (const [name, points] of Object.entries(OTHER_ROUNDS)) {
  describeFull(`kill points: ${name}`, () => plays(points));
}

describe('after all kills', () => {
  it('every point was hit', () => {
    expect([...stage.hit].toSorted()).toEqual([...(FULL ? CRASH_POINTS : MONEY_AT_STAKE)].toSorted());
  });

  it('M1 M2 M3 M4 M5 M6 M7 M8 T1 T2 T4 T6: the promises hold over every order, and the books balance', async () => {
    const { fleet, scene } = stage;
    expect(describeViolations(await moneyViolations(fleet.sql))).toBe('');
    expect(await scene.shop.proof()).toMatchObject({ balanced: true });
    // A workflow ends a moment after its order.
    await eventually('every workflow is as its order', async () => {
      const text = describeViolations(await historyViolations(fleet.sql, fleet.client));
      if (text !== '') throw new Error(text);
    });
    expect(scene.internal).toEqual([]);
  });

  it('W1 M4 M5 M6: the provider’s books agree with ours', async () => {
    const { fleet } = stage;
    // The provider tells again by its own schedule what it was not answered.
    await eventually('they agree', async () => {
      const text = describeViolations(await providerViolations(fleet.sql, fleet.sandbox));
      if (text !== '') throw new Error(text);
    });
  });
});
