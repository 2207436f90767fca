/**
 * A worker that is killed inside any step of a chain, and between any two, changes nothing in what comes of it. Each
 * kill has a chain of its own; those before it recover meanwhile.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { type Database, openDatabase } from '../../db/client.js';
import { openShop } from '../e2e/shop.js';
import { DEADLINE_MS, eventually } from '../e2e/wait.js';
import { type Fleet, startFleet } from '../fleet/fleet.js';
import { describeFull } from '../support/full.js';
import { type Chain, type ChainShop, DEEP_CHAINS, documentsExample, openChainShop } from './chains.js';

/** After the last of them Temporal does not know yet that the step was done: that is between it and the next one. */
const INSIDE = [
  'step: started',
  'step: before commit',
  'step: committed',
] as const satisfies readonly CrashPoint[];
const KILLED = 137;
const ENDS_WITHIN_MS = 30_000;
const ONE_KILL_MS = 10_000;

let fleet: Fleet;
let database: Database;
let to: ChainShop;
beforeAll(async () => {
  fleet = await startFleet();
  database = openDatabase(fleet.postgres.appUrl, { pool: 4, name: 'test' });
  const api = fleet.http(await fleet.startApi());
  to = await openChainShop(openShop({ api, sandbox: fleet.sandbox }), database.db);
});
afterAll(async () => {
  await database.close();
  await fleet.close();
});

interface Kill {
  chain: Chain;
  path: string;
  point: CrashPoint;
}

/** One chain a kill: at every step of it, at every point. */
async function prepared(make: (to: ChainShop) => Promise<Chain>): Promise<Kill[]> {
  const kills: Kill[] = [];
  // A list's paths have its ids in them, so each chain has paths of its own.
  const { length: steps } = (await make(to)).paths;
  for (let step = 0; step < steps; step += 1) {
    for (const point of INSIDE) {
      const chain = await make(to);
      kills.push({ chain, path: chain.paths[step] ?? '', point });
    }
  }
  return kills;
}

async function fall({ chain, path, point }: Kill): Promise<void> {
  const about = `${chain.order.orderNo}:${path}`;
  const worker = await fleet.startWorker({ CRASH_AT: point, CRASH_ABOUT: about });
  let code: number | null | undefined;
  void worker.ended.then((ending) => (code = ending.code));
  await to.shop.payAtProvider(chain.payment);
  try {
    await eventually(
      `the worker ends at "${point}" of step ${path}`,
      () => {
        if (code === undefined) throw new Error(`it runs; its log is ${worker.log}`);
      },
      ENDS_WITHIN_MS,
    );
  } finally {
    // One that did not end would take the next chain's tasks.
    await worker.kill();
  }
  expect(code).toBe(KILLED);
}

async function killsChangeNothing(make: (to: ChainShop) => Promise<Chain>): Promise<void> {
  const kills = await prepared(make);
  for (const kill of kills) await fall(kill);
  const worker = await fleet.startWorker();
  for (const { chain } of kills) await chain.end();
  expect(await to.shop.allOpenItems()).toEqual([]);
  expect(await to.shop.proof()).toMatchObject({ balanced: true });
  await worker.kill();
}

describeFull('a kill inside every step', () => {
  it(
    'T1 T2 T5 changes nothing: the nested example of the source document',
    () => killsChangeNothing(documentsExample),
    2 * INSIDE.length * ONE_KILL_MS + DEADLINE_MS,
  );

  it.each(DEEP_CHAINS)(
    'T1 T2 T5 changes nothing: $name, ten levels deep',
    ({ make }) => killsChangeNothing(make),
    12 * INSIDE.length * ONE_KILL_MS + DEADLINE_MS,
  );
});
