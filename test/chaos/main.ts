/** `npm run chaos`: seeds one after another, and a table of what became of them. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type ChaosReport, failureText, tableOf } from './report.js';
import { runChaos } from './run.js';

const USAGE = `npm run chaos -- [options]
  --seeds <n>        how many seeds (1)
  --first-seed <n>   the first of them (1)
  --orders <n>       orders a seed (500)
  --kills <n>        kills a seed (100)
  --json <file>      writes the reports as JSON
  --verbose          says every kill`;

class UsageError extends Error {}

function readOptions(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        seeds: { type: 'string', default: '1' },
        'first-seed': { type: 'string', default: '1' },
        orders: { type: 'string', default: '500' },
        kills: { type: 'string', default: '100' },
        json: { type: 'string' },
        verbose: { type: 'boolean', default: false },
      },
    });
    const count = (name: 'seeds' | 'first-seed' | 'orders' | 'kills'): number => {
      const value = Number(values[name]);
      if (!Number.isSafeInteger(value) || value < 0)
        throw new UsageError(`--${name} must be a number from 0`);
      return value;
    };
    return {
      seeds: count('seeds'),
      first: count('first-seed'),
      orders: count('orders'),
      kills: count('kills'),
      json: values.json,
      verbose: values.verbose,
    };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message, { cause: error });
  }
}

async function main(): Promise<void> {
  const { seeds, first, orders, kills, json, verbose } = readOptions(process.argv.slice(2));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const log = (line: string): void => {
    if (verbose || !line.startsWith('kill ')) say(line);
  };
  const reports: ChaosReport[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    const report = await runChaos({ seed, orders, kills, log });
    reports.push(report);
    if (report.violations.length > 0) say(failureText(report));
    say(tableOf([report]));
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(reports, null, 2)}\n`);
  }
  process.stdout.write(`${tableOf(reports)}\n`);
  if (reports.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
