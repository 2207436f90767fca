/** `npm run bench`: what an order costs, beside the floor that nobody on Temporal gets under. */
import { writeFileSync } from 'node:fs';
import { benchCounts } from './counts.js';
import { type Figure, ratioOf, tableOf, verdictOf } from './figures.js';
import { type Floor, startFloor } from './floor/floor.js';
import { benchIntake } from './intake.js';
import { benchLedger } from './ledger.js';
import { type Machine, watchMachine } from './machine.js';
import { benchMemory } from './memory.js';
import { type BenchmarkName, type Options, USAGE, UsageError, readOptions } from './options.js';
import { benchOrders } from './orders.js';
import { type Product, startProduct } from './product.js';
import { startServers } from './servers.js';

interface Bench {
  product: Product;
  floor: Floor;
  options: Options;
}

const BENCHES = {
  counts: ({ product, floor }) => benchCounts(product, floor),
  orders: ({ product, floor, options }) => benchOrders(product, floor, options),
  intake: ({ product, floor, options }) => benchIntake(product, floor, options),
  ledger: ({ product }) => benchLedger(product.servers),
  memory: ({ product, options }) => benchMemory(product, options),
} satisfies Record<BenchmarkName, (bench: Bench) => Promise<Figure[]>>;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function measure(options: Options): Promise<{ figures: Figure[]; machine: Machine }> {
  say('PostgreSQL, Temporal, the product and the floor start ...');
  const servers = await startServers();
  const [product, floor] = await Promise.all([startProduct(servers), startFloor(servers)]);
  const watch = watchMachine(servers.versions);
  const figures: Figure[] = [];
  for (const name of options.only) {
    say(`${name} ...`);
    try {
      figures.push(...(await BENCHES[name]({ product, floor, options })));
    } catch (error) {
      // What was measured before is shown all the same.
      say(`${name} failed: ${String((error as Error).stack ?? error)}`);
      process.exitCode = 1;
    }
  }
  const machine = watch.end();
  await Promise.all([product.close(), floor.worker.stop()]);
  await servers.close();
  return { figures, machine };
}

const percent = (share: number | null): string =>
  share === null ? 'unknown' : `${Math.round(share * 100)} %`;

function describe(machine: Machine): string {
  const lines = [
    `${machine.cores} cores (${machine.cpu}), ${machine.platform}, Node ${machine.node}, ` +
      `PostgreSQL ${machine.postgres}, Temporal ${machine.temporal} (dev server, SQLite file)`,
    `load average before ${machine.loadBefore.join(' ')}, after ${machine.loadAfter.join(' ')}; of the CPU that was ` +
      `spent ${percent(machine.ourShare)} was ours, and others kept ${percent(machine.othersShare)} of the cores busy`,
  ];
  if (!machine.quiet) {
    lines.push(
      'The machine was busy with other work, so times and ratios are shown and not judged; counts are exact all the same.',
    );
  }
  return lines.join('\n');
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const begun = Date.now();
  const { figures, machine } = await measure(options);
  const seconds = Math.round((Date.now() - begun) / 1_000);
  process.stdout.write(
    `\n${tableOf(figures, machine.quiet)}\n\n${describe(machine)}\nIt took ${seconds} s.\n`,
  );
  if (options.json === undefined) return;
  const judged = figures.map((figure) => ({
    ...figure,
    ratio: ratioOf(figure) ?? null,
    verdict: verdictOf(figure, machine.quiet),
  }));
  writeFileSync(options.json, `${JSON.stringify({ machine, seconds, figures: judged }, null, 2)}\n`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
