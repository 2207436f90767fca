/**
 * CPU and latency of whole orders, the product and its floor in turn. CPU comes from phases (create all, wait until
 * all wait, pay all), latency from an open loop that leaves the machine mostly idle.
 */
import { orderWorkflowId } from '../workflows/contract.js';
import type { Figure } from './figures.js';
import type { Floor } from './floor/floor.js';
import type { Options } from './options.js';
import { CAN_MEASURE_PROCESSES, treeCpuMs } from './processes.js';
import { type BenchOrder, type Product, countIn, payByNotification } from './product.js';
import { type Servers, waitsForPayment } from './servers.js';
import { each, median, openLoop, pauseUntil, percentile, range, until } from './stats.js';

const DEFAULT_ORDERS = 60;
const AT_ONCE = 8;
const HOLD_MS = 3_000;
const HOLD = '3s';

const LOOP_ORDERS = 24;
const LOOP_EVERY_MS = 250;
const PAID_AFTER_MS = 1_000;

/** The last ones wait for their payment, so those before them do. */
async function allWait(servers: Servers, workflowIds: readonly string[]): Promise<void> {
  for (const id of workflowIds.slice(-AT_ONCE)) {
    await until('a workflow waits for its payment', () => waitsForPayment(servers, id));
  }
}

async function productPhase(product: Product, count: number): Promise<void> {
  const { servers } = product;
  const made: BenchOrder[] = [];
  await each(Array.from({ length: count }), AT_ONCE, async () => {
    const order = await product.createOrder({ autoConfirmAfter: HOLD });
    await product.openAttempt(order);
    made.push(order);
  });
  await allWait(
    servers,
    made.map(({ orderNo }) => orderWorkflowId(orderNo)),
  );
  await each(made, AT_ONCE, (order) => payByNotification(product, order));
  await until('all are released', async () => (await countIn(servers, made, 'released')) === count);
}

async function floorPhase(servers: Servers, floor: Floor, count: number): Promise<void> {
  const made: string[] = [];
  await each(Array.from({ length: count }), AT_ONCE, async () => {
    made.push(await floor.start(HOLD_MS));
  });
  await allWait(
    servers,
    made.map((id) => `floor/${id}`),
  );
  await each(made, AT_ONCE, (id) => floor.signal(id));
  await until('all are released', () => made.every((id) => floor.releases.has(id)));
}

type Parts = Record<string, () => number>;

const ownCpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** CPU of each part during the work, in ms an order. */
async function cpuOf(
  parts: Parts,
  count: number,
  work: () => Promise<void>,
): Promise<Record<string, number>> {
  const before = Object.entries(parts).map(([name, read]) => [name, read()] as const);
  await work();
  return Object.fromEntries(before.map(([name, at]) => [name, ((parts[name]?.() ?? 0) - at) / count]));
}

const total = (parts: Record<string, number>): number =>
  Object.values(parts).reduce((sum, value) => sum + value, 0);

function partsText(rounds: readonly Record<string, number>[]): string {
  const names = Object.keys(rounds[0] ?? {});
  return names
    .map((name) => `${name} ${Math.round(median(rounds.map((parts) => parts[name] ?? 0)) * 10) / 10}`)
    .join(', ');
}

async function benchCpu(product: Product, floor: Floor, options: Options): Promise<Figure[]> {
  const { servers } = product;
  const count = options.orders ?? DEFAULT_ORDERS;
  const temporal = (): number => treeCpuMs(servers.temporal.pid);
  const ofProduct: Parts = {
    temporal,
    worker: () => treeCpuMs(product.worker.pid),
    api: () => treeCpuMs(product.api.pid),
    postgres: () => treeCpuMs(servers.postgres.pid),
  };
  // The floor's client lives in this process; the product's is its API. What plays provider and shop is no part of it.
  const ofFloor: Parts = { temporal, worker: () => treeCpuMs(floor.worker.pid), client: ownCpuMs };
  await productPhase(product, 20);
  await floorPhase(servers, floor, 20);
  const products: Record<string, number>[] = [];
  const floors: Record<string, number>[] = [];
  for (let index = 0; index < options.rounds; index++) {
    products.push(await cpuOf(ofProduct, count, () => productPhase(product, count)));
    floors.push(await cpuOf(ofFloor, count, () => floorPhase(servers, floor, count)));
  }
  const ratios = products.map((parts, index) => total(parts) / total(floors[index] ?? {}));
  return [
    {
      what: 'CPU an order',
      value: median(products.map(total)),
      unit: 'ms',
      floor: median(floors.map(total)),
      target: { of: 'ratio', atMost: 1.25 },
      exact: false,
      note:
        `${options.rounds} rounds of ${count}; ratio ${range(ratios)}; ` +
        `product: ${partsText(products)}; floor: ${partsText(floors)}`,
    },
  ];
}

/** Milliseconds of every order of one open loop. */
interface Latencies {
  start: number[];
  acknowledged: number[];
  hold: number[];
  release: number[];
}

async function productLoop(product: Product): Promise<Latencies> {
  const seen: Latencies = { start: [], acknowledged: [], hold: [], release: [] };
  const notified = new Map<string, number>();
  await openLoop(LOOP_ORDERS, LOOP_EVERY_MS, async () => {
    const beginMs = Date.now();
    const order = await product.createOrder({ autoConfirmAfter: HOLD });
    seen.start.push(Date.now() - beginMs);
    await product.openAttempt(order);
    await pauseUntil(beginMs + PAID_AFTER_MS);
    const sentMs = Date.now();
    notified.set(order.orderNo, sentMs);
    await payByNotification(product, order);
    seen.acknowledged.push(Date.now() - sentMs);
  });
  const made = [...notified.keys()].map((orderNo) => ({ id: '', orderNo }));
  await until(
    'all are released',
    async () => (await countIn(product.servers, made, 'released')) === made.length,
  );
  // When each posting was committed, by the server's own note: nobody polled while it was measured.
  const rows = await product.servers.sql<{ order_no: string; kind: string; at: Date; due: Date }[]>`
    SELECT p.order_no, p.kind, pg_xact_commit_timestamp(p.xmin) AS at, o.release_due_at AS due
      FROM postings p JOIN orders o USING (order_no) WHERE p.order_no = ANY (${[...notified.keys()]})`;
  for (const { order_no, kind, at, due } of rows) {
    if (kind === 'payment') seen.hold.push(at.getTime() - (notified.get(order_no) ?? 0));
    if (kind === 'release') seen.release.push(at.getTime() - due.getTime());
  }
  return seen;
}

async function floorLoop(floor: Floor): Promise<Latencies> {
  const seen: Latencies = { start: [], acknowledged: [], hold: [], release: [] };
  const signalled = new Map<string, number>();
  await openLoop(LOOP_ORDERS, LOOP_EVERY_MS, async () => {
    const beginMs = Date.now();
    const id = await floor.start(HOLD_MS);
    seen.start.push(Date.now() - beginMs);
    await pauseUntil(beginMs + PAID_AFTER_MS);
    const sentMs = Date.now();
    signalled.set(id, sentMs);
    await floor.signal(id);
    seen.acknowledged.push(Date.now() - sentMs);
  });
  await until('all are released', () => [...signalled.keys()].every((id) => floor.releases.has(id)));
  for (const [id, sentMs] of signalled) {
    const heldMs = floor.holds.get(id) ?? Number.NaN;
    seen.hold.push(heldMs - sentMs);
    seen.release.push((floor.releases.get(id) ?? Number.NaN) - heldMs - HOLD_MS);
  }
  return seen;
}

const LATENCIES = {
  start: 'order created, answered, p50',
  acknowledged: 'notification (floor: signal) answered, p50',
  hold: 'notification to hold, p50',
  release: 'release after its due time, p50',
} satisfies Record<keyof Latencies, string>;

async function benchLatency(product: Product, floor: Floor, rounds: number): Promise<Figure[]> {
  const products: Latencies[] = [];
  const floors: Latencies[] = [];
  for (let index = 0; index < rounds; index++) {
    products.push(await productLoop(product));
    floors.push(await floorLoop(floor));
  }
  return (Object.keys(LATENCIES) as (keyof Latencies)[]).map((name) => {
    const middles = products.map((seen) => percentile(seen[name], 0.5));
    const all = products.flatMap((seen) => seen[name]);
    return {
      what: LATENCIES[name],
      value: median(middles),
      unit: 'ms',
      floor: median(floors.map((seen) => percentile(seen[name], 0.5))),
      ...(name === 'hold' && { target: { of: 'ratio' as const, atMost: 1.3 } }),
      exact: false,
      note: `p50 of rounds ${range(middles)}, p99 ${Math.round(percentile(all, 0.99))}; ${all.length} orders, 4 a second`,
    };
  });
}

/** Latency is measured in three rounds at most: each takes as long as its schedule. */
export async function benchOrders(product: Product, floor: Floor, options: Options): Promise<Figure[]> {
  const cpu = CAN_MEASURE_PROCESSES ? await benchCpu(product, floor, options) : [];
  return [...cpu, ...(await benchLatency(product, floor, Math.min(options.rounds, 3)))];
}
