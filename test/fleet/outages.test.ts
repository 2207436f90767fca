/**
 * Servers that are gone for a while and networks that swallow everything, under a stream of calls, with several of
 * everything. The same for a minute, and every fault on every wire: long-outages.test.ts.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Crowd, openCrowd } from './crowd.js';
import { type Fleet, type Proc, startFleet } from './fleet.js';
import { type Network, openNetwork } from './network.js';
import { damage } from './networks.js';
import { postgresDown } from './postgres-down.js';
import { severalAtOnce } from './several.js';
import { temporalDown } from './temporal-down.js';

const SECONDS = 3;
const PATIENT_MS = 120_000;

let fleet: Fleet;
let network: Network;
let apis: Proc[];
let api: Proc;
let crowd: Crowd;

beforeAll(async () => {
  fleet = await startFleet();
  network = await openNetwork(fleet);
  const start = (who: 'api' | 'worker') =>
    who === 'api'
      ? fleet.startApi(network.environmentOf(who))
      : fleet.startWorker(network.environmentOf(who));
  [apis] = await Promise.all([
    Promise.all([start('api'), start('api')]),
    Promise.all([start('worker'), start('worker')]),
  ]);
  [api] = apis as [Proc, Proc];
  crowd = await openCrowd(fleet, api);
});
afterAll(async () => {
  await network.close();
  await fleet.close();
});

it(
  'T1, M5: pays each order once when two APIs and two workers are told of it at once',
  () => severalAtOnce(fleet, crowd, apis, 20),
  PATIENT_MS,
);

it(
  'W1, W4: takes every notification while Temporal is down, and holds the money when it is back',
  () => temporalDown(fleet, crowd, SECONDS),
  PATIENT_MS,
);

it(
  'W4, T5: answers 503 in time while PostgreSQL is down, and loses nothing that it took',
  () => postgresDown(fleet, crowd, api, SECONDS),
  PATIENT_MS,
);

it(
  'W4, T5: works again after a network that lost every connection to PostgreSQL',
  async () => {
    const { checks } = await damage(
      { fleet, network, crowd, api, ofEach: 2 },
      ['api-postgres', 'worker-postgres'],
      'silent',
      SECONDS,
    );
    expect([...(checks['database'] ?? [])]).toContain('the database does not answer');
  },
  PATIENT_MS,
);
