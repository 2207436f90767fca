/** @param share 0 to 1 @returns NaN of nothing */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const low = sorted[Math.ceil(half) - 1] ?? Number.NaN;
  return (low + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

export function round(value: number, digits = 1): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}

/** The lowest and the highest, as people read them beside a median. */
export function range(values: readonly number[]): string {
  return `${round(Math.min(...values))} to ${round(Math.max(...values))}`;
}

/** Runs the work over all items, so many at once. */
export async function each<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const one = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

const POLL_MS = 100;

/** Waits for a condition. @throws Error after a minute, or as long as is said */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  withinMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not so after ${withinMs / 1_000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Starts one piece of work every so often, whatever became of those before: an open loop. */
export async function openLoop(
  times: number,
  everyMs: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  const begin = Date.now();
  const started: Promise<void>[] = [];
  for (let index = 0; index < times; index++) {
    await pauseUntil(begin + index * everyMs);
    started.push(work(index));
  }
  await Promise.all(started);
}

/** A schedule's next moment; nothing is waited for by it. */
export async function pauseUntil(timeMs: number): Promise<void> {
  const rest = timeMs - Date.now();
  if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
}
