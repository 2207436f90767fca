import { parseArgs } from 'node:util';

const BENCHMARKS = ['counts', 'orders', 'intake', 'ledger', 'memory'] as const;
export type BenchmarkName = (typeof BENCHMARKS)[number];

export interface Options {
  only: readonly BenchmarkName[];
  /** Interleaved rounds of the product and its floor. */
  rounds: number;
  /** Orders a round; for the memory benchmark, orders that wait. Undefined: each benchmark's own. */
  orders: number | undefined;
  /** Where the figures go as JSON. */
  json: string | undefined;
}

export const USAGE = `npm run bench -- [options]
  --only <name>   ${BENCHMARKS.join(', ')}; may be given several times
  --rounds <n>    interleaved rounds of the product and its floor (5)
  --orders <n>    orders a round, and orders that wait in the memory benchmark (20000 for the full one)
  --json <file>   writes the figures as JSON`;

/** What is wrong with the command line, in one line. */
export class UsageError extends Error {}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`--${name} must be a positive number`);
  return value;
}

function isBenchmark(name: string): name is BenchmarkName {
  return BENCHMARKS.some((known) => known === name);
}

/** @throws UsageError */
export function readOptions(args: string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        orders: { type: 'string' },
        json: { type: 'string' },
      },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  const unknown = values.only?.find((name) => !isBenchmark(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no benchmark ${unknown}; there are ${BENCHMARKS.join(', ')}`);
  }
  return {
    only: values.only?.filter(isBenchmark) ?? BENCHMARKS,
    rounds: count('rounds', values.rounds) ?? 5,
    orders: count('orders', values.orders),
    json: values.json,
  };
}
