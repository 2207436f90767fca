/** Outages of a minute, and every fault on every wire. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeFull } from '../support/full.js';
import type { Fault } from '../support/tcp-proxy.js';
import { type Crowd, openCrowd } from './crowd.js';
import { type Fleet, type Proc, startFleet } from './fleet.js';
import { WIRES, openNetwork } from './network.js';
import { type World, damage } from './networks.js';
import { postgresDown } from './postgres-down.js';
import { severalAtOnce } from './several.js';
import { temporalDown } from './temporal-down.js';

const SECONDS = 60;
const PATIENT_MS = 600_000;

describeFull('for a minute', () => {
  let fleet: Fleet;
  let api: Proc;
  let crowd: Crowd;

  beforeAll(async () => {
    fleet = await startFleet();
    [api] = await Promise.all([fleet.startApi(), fleet.startWorker()]);
    crowd = await openCrowd(fleet, api);
  });
  afterAll(() => fleet.close());

  it(
    'W1, W4: Temporal is down: 20 notifications a second are taken, and their money is held a minute after its return',
    () => temporalDown(fleet, crowd, SECONDS),
    PATIENT_MS,
  );

  it(
    'W4, T5: PostgreSQL is down: all is answered with 503 in time, and nothing is lost',
    () => postgresDown(fleet, crowd, api, SECONDS),
    PATIENT_MS,
  );

  it(
    'T1, M5: two APIs and four workers pay 120 orders once each, told of each eight times at once',
    async () => {
      const [second] = await Promise.all([
        fleet.startApi(),
        fleet.startWorker(),
        fleet.startWorker(),
        fleet.startWorker(),
      ]);
      await severalAtOnce(fleet, crowd, [api, second], 120);
    },
    PATIENT_MS,
  );
});

const FAULTS: Fault[] = [{ slowMs: 250 }, 'resets', 'silent', 'stale'];
const CASES = WIRES.flatMap((wire) => FAULTS.map((fault) => ({ wire, fault })));

describeFull('T5, W1: a network', () => {
  let world: World;

  beforeAll(async () => {
    const fleet = await startFleet();
    const network = await openNetwork(fleet);
    const [api] = await Promise.all([
      fleet.startApi(network.environmentOf('api')),
      fleet.startWorker(network.environmentOf('worker')),
    ]);
    world = { fleet, network, api, ofEach: 1, crowd: await openCrowd(fleet, api) };
  });
  afterAll(async () => {
    await world.network.close();
    await world.fleet.close();
  });

  describe.each(CASES)('that is $fault between $wire', ({ wire, fault }) => {
    it(
      'costs nothing but time',
      async () => {
        const { checks } = await damage(world, [wire], fault, 10);
        const isCut = fault === 'resets' || fault === 'silent';
        const part = wire.endsWith('postgres') ? 'database' : 'temporal';
        if (isCut && wire.startsWith('api'))
          expect([...(checks[part] ?? [])].join()).toContain('does not answer');
      },
      PATIENT_MS,
    );
  });
});
