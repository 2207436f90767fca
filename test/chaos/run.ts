/** Random chaos on the whole product: orders of every kind, while its processes are killed; and the verdict. */
import type { ChildName } from '../e2e/stack.js';
import { startStack } from '../e2e/stack.js';
import { eventually } from '../e2e/wait.js';
import { randomOf } from '../notifications/random.js';
import { openCashier } from './cashier.js';
import { goodClient, newTally } from './client.js';
import { keepLogs } from './evidence.js';
import { judge } from './judge.js';
import { COMES_UP_WITHIN_MS, expectReady, killMany } from './killer.js';
import type { ChaosReport } from './report.js';
import { pacerOf, plan, populate, walkAll } from './walk.js';

export interface ChaosOptions {
  /** Decides what is ordered, what goes wrong and who is killed when; only the machine's own timing it cannot repeat. */
  seed: number;
  orders: number;
  kills: number;
  /** Told what happens, a line at a time. */
  log: (line: string) => void;
}

/** Short windows, so that everything ends; and providers that send again within seconds. */
const SETTINGS = {
  CHAT_WINDOW: '2s',
  AUTO_CONFIRM_AFTER: '2s',
  SANDBOX_SPEED: '240',
  RATE_LIMIT_PER_MINUTE: '1000000',
};

function count<T extends string>(all: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}

/** One run of one seed, on a stack of its own, which is removed at the end. */
export async function runChaos({ seed, orders, kills, log }: ChaosOptions): Promise<ChaosReport> {
  const begun = performance.now();
  const random = randomOf(seed);
  const stack = await startStack(SETTINGS);
  try {
    const clients = newTally();
    const client = goodClient(stack.api, clients);
    const sandbox = goodClient(stack.sandbox, newTally());
    const people = await populate(stack, client);
    const world = { client, sandbox, cashier: openCashier(sandbox), people };
    const journeys = plan(random, orders);
    const pacer = pacerOf(orders, kills);
    const onProgress = (killed: number): Promise<void> => pacer.allow(killed);
    const killer = { stack, random: randomOf(random.below(2 ** 32)), kills, log, onProgress };
    log(`seed ${seed}: ${orders} orders, ${kills} kills; the logs are in ${stack.home}/logs`);
    const killing = killMany(killer).then(async (victims: ChildName[]) => {
      const restartedAt = performance.now();
      await eventually('everything is up again', () => expectReady(stack), COMES_UP_WITHIN_MS);
      return { victims, restartedAt, msToReady: Math.round(performance.now() - restartedAt) };
    });
    const walking = walkAll(world, journeys, pacer, log).then((outcomes) => ({
      outcomes,
      clientsDoneAt: performance.now(),
    }));
    const [{ victims, restartedAt, msToReady }, { outcomes, clientsDoneAt }] = await Promise.all([
      killing,
      walking,
    ]);
    const verdict = await judge(stack, outcomes, clients, { restartedAt, clientsDoneAt });
    return {
      seed,
      orders,
      byJourney: count(journeys.map(({ name }) => name)) as Record<string, number>,
      byVictim: count(victims),
      seconds: Math.round((performance.now() - begun) / 1_000),
      clients,
      ...verdict,
      msToReady,
      logs: verdict.violations.length === 0 ? null : keepLogs(stack, seed, verdict.evidence),
    };
  } catch (error) {
    log(`seed ${seed} could not be run to its end; the logs are kept in ${keepLogs(stack, seed, [])}`);
    throw error;
  } finally {
    await stack.remove();
  }
}
