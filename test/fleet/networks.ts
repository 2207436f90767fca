/** Wires are damaged while orders come and are paid; then they are well again. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { until } from '../../bench/stats.js';
import type { Fault } from '../support/tcp-proxy.js';
import { type Answered, type Crowd, type Notice, ask, countPaid } from './crowd.js';
import type { Fleet, Proc } from './fleet.js';
import type { Network, Wire } from './network.js';
import { expectAllPromises, say, secondsSince, within } from './verdict.js';

const EVERY_MS = 500;
const DRAINED_WITHIN_MS = 60_000;
/** Connections of one process: its pool, and two for long reads. */
const POOL = 12;

export interface World {
  fleet: Fleet;
  network: Network;
  crowd: Crowd;
  api: Proc;
  /** How many APIs there are, and as many workers. */
  ofEach: number;
}

export interface Seen {
  /** What /readyz said of each part, every word that differs. */
  checks: Record<string, Set<string>>;
  /** Seconds from the wires' being well until an order that was made then was paid. */
  recoveredS: number;
}

const newSeen = (): Seen => ({ checks: {}, recoveredS: Number.NaN });

async function lookReady({ api }: World, seen: Seen): Promise<void> {
  const { body } = await ask(`${api.url}/readyz`, {});
  const { checks } = JSON.parse(body) as { checks: Record<string, string> };
  for (const [part, says] of Object.entries(checks)) (seen.checks[part] ??= new Set()).add(says);
}

/** Notifications go on, and what is not acknowledged is kept, as a provider does. */
async function disturbed(
  { crowd }: World,
  notices: readonly Notice[],
  look: () => Promise<void>,
): Promise<Notice[]> {
  const open: Notice[] = [];
  for (const notice of notices) {
    const [answer] = await Promise.all([crowd.post(notice), look(), pause(EVERY_MS)]);
    expectOrderly(answer);
    if (!crowd.isAccepted(notice, answer)) open.push(notice);
  }
  return open;
}

/** Whatever the network does, a caller is answered, and never with a riddle. */
function expectOrderly({ status, body }: Answered): void {
  if (status !== 200 && status !== 503) throw new Error(`answered ${status} ${body}`);
}

/** Makes an order and pays it, each step again until it works. */
async function payOne({ fleet, crowd }: World): Promise<void> {
  const made = await persist(() => crowd.unpaid(1));
  const notices = made.map((order) => crowd.newNotice(order));
  for (const notice of notices) {
    await until('it is accepted', async () => crowd.isAccepted(notice, await crowd.post(notice)));
  }
  await until('it is held', async () => (await countPaid(fleet, made)) === 1);
}

async function persist<T>(work: () => Promise<T>): Promise<T> {
  const end = performance.now() + DRAINED_WITHIN_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(100);
    }
  }
}

/** Sessions of the product at the server, beyond what its pools may hold. */
async function tooMany({ fleet, ofEach }: World): Promise<string[]> {
  const rows = await fleet.sql<{ name: string; n: number }[]>`
    SELECT application_name AS name, count(*)::int AS n FROM pg_stat_activity
     WHERE application_name LIKE 'holdfast-%' GROUP BY 1`;
  return rows.filter(({ n }) => n > POOL * ofEach).map(({ name, n }) => `${name}: ${n}`);
}

export async function damage(
  world: World,
  wires: readonly Wire[],
  fault: Fault,
  seconds: number,
): Promise<Seen> {
  const { fleet, network, crowd } = world;
  const set = (to: Fault) => Promise.all(wires.map((wire) => network.proxies[wire].set(to)));
  const orders = await crowd.unpaid(Math.ceil((seconds * 1_000) / EVERY_MS));
  const notices = orders.map((order) => crowd.newNotice(order));
  const seen = newSeen();
  await set(fault);
  const open = await disturbed(world, notices, () => lookReady(world, seen));
  await set('none');
  const wellAt = performance.now();
  await payOne(world);
  seen.recoveredS = secondsSince(wellAt);
  for (const notice of open) {
    await until('it is accepted', async () => crowd.isAccepted(notice, await crowd.post(notice)));
  }
  const areHeld = async (): Promise<boolean> => (await countPaid(fleet, orders)) === orders.length;
  const held = await within(DRAINED_WITHIN_MS, 'all are held', areHeld);
  say(
    `${wires.join(', ')} ${typeof fault === 'object' ? `slow by ${fault.slowMs} ms each way` : fault} for ${seconds} s`,
    {
      'works again after, s': seen.recoveredS,
      'then all held after': held,
      'not accepted meanwhile': open.length,
      readyz: Object.fromEntries(Object.entries(seen.checks).map(([part, says]) => [part, [...says]])),
    },
  );
  expect(await tooMany(world)).toEqual([]);
  await expectAllPromises(fleet);
  return seen;
}
