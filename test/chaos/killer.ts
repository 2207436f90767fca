/** Kills processes of a running stack, one after another, by the choices of a seed. */
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive } from '../../dev/processes.mjs';
import type { ChildName, Stack } from '../e2e/stack.js';
import { eventually } from '../e2e/wait.js';
import type { Random } from '../notifications/random.js';

/** Of a hundred kills. The sandbox keeps its state on disk, so it may die too. */
const WEIGHTS: readonly [victim: ChildName, weight: number][] = [
  ['worker', 29],
  ['api', 24],
  ['postgres', 20],
  ['temporal', 20],
  ['sandbox', 7],
];
const TWO_AT_ONCE = 0.15;
const AGAIN_WHILE_IT_STARTS = 0.15;
/** Between the moment when the last victim was started again and the next kill. */
const LONGEST_GAP_MS = 3_500;
/** Whoever kills a worker each time before it is up shows nothing: after this long everything may come up once. */
const LONGEST_OUTAGE_MS = 20_000;
export const COMES_UP_WITHIN_MS = 180_000;

function victimOf(random: Random, except: ChildName | undefined): ChildName {
  const left = WEIGHTS.filter(([victim]) => victim !== except);
  let place = random.below(left.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [victim, weight] of left) {
    if (place < weight) return victim;
    place -= weight;
  }
  throw new Error('somebody is always picked');
}

/** The child's pid once the launcher has started it. */
function startedPid(stack: Stack, victim: ChildName, not?: number): Promise<number> {
  return eventually(`${victim} is started again`, () => {
    // The file has no entry for a child that has died.
    const pid = (stack.runJson() as Partial<ReturnType<Stack['runJson']>>)[victim]?.pid;
    if (pid === undefined || pid === not || !isAlive(pid)) throw new Error(`its pid is ${String(pid)}`);
    return pid;
  });
}

/** @throws Error that says who is not ready: the API with all behind it, and the worker by its own word */
export async function expectReady(stack: Stack): Promise<void> {
  const { status, body } = await stack.api.get('/readyz');
  if (status !== 200) throw new Error(JSON.stringify(body));
  const { url } = stack.runJson().worker;
  const worker = await fetch(`${url}/healthz`);
  if (!worker.ok) throw new Error(`the worker answers ${worker.status}`);
}

/** Lets everything come up when it has not been up for long. */
function breathOf(stack: Stack): () => Promise<void> {
  let lastReadyAt = performance.now();
  return async () => {
    const isUp = expectReady(stack).then(
      () => true,
      () => false,
    );
    if (!(await isUp) && performance.now() - lastReadyAt < LONGEST_OUTAGE_MS) return;
    await eventually('everything is up', () => expectReady(stack), COMES_UP_WITHIN_MS);
    lastReadyAt = performance.now();
  };
}

export interface KillerOptions {
  stack: Stack;
  random: Random;
  kills: number;
  log: (line: string) => void;
  /** Told how many kills have been; the next one waits for it. */
  onProgress: (done: number) => Promise<void>;
}

/**
 * Mostly waits only until a victim is started again, not until it is ready: so some are killed while others, or they
 * themselves, still start.
 * @returns who was killed, once the last victim has been started again
 */
export async function killMany({
  stack,
  random,
  kills,
  log,
  onProgress,
}: KillerOptions): Promise<ChildName[]> {
  const done: ChildName[] = [];

  async function kill(victim: ChildName, not?: number): Promise<number> {
    const pid = await startedPid(stack, victim, not);
    process.kill(pid, 'SIGKILL');
    done.push(victim);
    return pid;
  }

  const breath = breathOf(stack);
  while (done.length < kills) {
    await onProgress(done.length);
    await breath();
    await pause(random.below(LONGEST_GAP_MS));
    const first = victimOf(random, undefined);
    const second = random.chance(TWO_AT_ONCE) ? victimOf(random, first) : undefined;
    const again = random.chance(AGAIN_WHILE_IT_STARTS);
    const againAfterMs = random.below(1_500);
    const killed = new Map<ChildName, number>([[first, await kill(first)]]);
    if (second !== undefined && done.length < kills) killed.set(second, await kill(second));
    if (again && done.length < kills) {
      await startedPid(stack, first, killed.get(first));
      await pause(againAfterMs);
      killed.set(first, await kill(first, killed.get(first)));
    }
    await Promise.all([...killed].map(([victim, pid]) => startedPid(stack, victim, pid)));
    log(`kill ${done.length} of ${kills}: ${[first, second, again && 'again'].filter(Boolean).join(', ')}`);
  }
  // Whoever is left begins now; nothing waits for that any more.
  void onProgress(kills);
  return done;
}
