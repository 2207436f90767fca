import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Database, openDatabase } from '../db/client.js';
import { type Temporal, openTemporal } from '../temporal/connect.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { type Flow, startFlow } from '../test/support/flow.js';
import { type TcpProxy, startProxy } from '../test/support/tcp-proxy.js';
import { healthServer } from './health.js';

let flow: Flow;
let database: TestDatabase;
let pool: Database;
let temporal: Temporal;
let proxies: { database: TcpProxy; temporal: TcpProxy };
let state = 'RUNNING';
let server: ReturnType<typeof healthServer>;
let url: string;

beforeAll(async () => {
  flow = await startFlow();
  database = await freshDatabase();
  proxies = {
    database: await startProxy(new URL(database.appUrl).host),
    temporal: await startProxy(flow.environment.address),
  };
  pool = openDatabase(proxies.database.through(database.appUrl), { pool: 2, name: 'test' });
  temporal = openTemporal({
    address: proxies.temporal.address,
    namespace: 'default',
    payloadKey: undefined,
  });
  server = healthServer({ db: pool.db, connection: temporal.connection, state: () => state });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  state = 'RUNNING';
  await Promise.all(Object.values(proxies).map((proxy) => proxy.set('none')));
  // Connections that were lost are made again after a pause.
  await vi.waitFor(async () => expect((await get('/readyz'))[0]).toBe(200), { timeout: 20_000 });
});
afterAll(async () => {
  server.close();
  await temporal.close();
  await pool.close();
  await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
  await database.close();
  await flow.close();
});

async function get(path: string): Promise<[number, unknown]> {
  const response = await fetch(`${url}${path}`);
  return [response.status, await response.json()];
}

const WELL = { database: 'ok', temporal: 'ok', worker: 'ok' };

describe('the health of a worker', () => {
  it('is ready while it runs and both answer', async () => {
    expect(await get('/healthz')).toEqual([200, { status: 'RUNNING' }]);
    expect(await get('/readyz')).toEqual([200, { status: 'ready', checks: WELL }]);
    expect((await get('/else'))[0]).toBe(404);
  });

  it.each(['refuses', 'silent'] as const)('says that the database is not there: it %s', async (fault) => {
    await proxies.database.set(fault);
    const checks = { ...WELL, database: 'the database does not answer' };
    expect(await get('/readyz')).toEqual([503, { status: 'not_ready', checks }]);
    // The supervisor must not end a worker for what another process does.
    expect((await get('/healthz'))[0]).toBe(200);
  });

  it.each(['refuses', 'silent'] as const)('says that Temporal is not there: it %s', async (fault) => {
    await proxies.temporal.set(fault);
    const checks = { ...WELL, temporal: 'Temporal does not answer' };
    expect(await get('/readyz')).toEqual([503, { status: 'not_ready', checks }]);
  });

  it('says that the worker is ending', async () => {
    state = 'DRAINING';
    expect((await get('/healthz'))[0]).toBe(503);
    const checks = { ...WELL, worker: 'the worker is DRAINING' };
    expect(await get('/readyz')).toEqual([503, { status: 'not_ready', checks }]);
  });
});
