/** The API's process as an operator meets it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { type ApiProcess, startApiProcess, urlOf } from './test-process.js';
import { ADMIN_KEY } from './test-support.js';

let database: TestDatabase;
let running: ChildProcess | undefined;

beforeAll(async () => {
  database = await freshDatabase();
});

afterAll(async () => {
  await database.close();
});

afterEach(() => {
  running?.kill('SIGKILL');
});

function start(environment: Record<string, string>): ApiProcess {
  const api = startApiProcess({
    DATABASE_URL: database.appUrl,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    ...environment,
  });
  running = api.child;
  return api;
}

async function takenPort(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, server };
}

it('serves, and on SIGTERM finishes what is under way and ends with 0', async () => {
  const run = start({});
  const url = await urlOf(run);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const body = JSON.stringify({ name: 'Alice', payPassword: '246810' });
  const send = () =>
    fetch(`${url}/v1/users/alice`, {
      method: 'PUT',
      body,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    });
  expect((await send()).status).toBe(200);
  // Hashing takes tens of milliseconds, so the signal comes while these are served.
  const underWay = [send(), send(), send()];
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  const accepted = await Promise.race(underWay);
  run.child.kill('SIGTERM');
  expect(accepted.status).toBe(200);
  for (const answer of await Promise.all(underWay)) expect(answer.status).toBe(200);
  expect(await run.ended).toBe(0);
  expect(run.stdout()).toContain('"msg":"the API stops"');
  expect(run.stdout()).not.toContain('246810');
});

it('says in one line per variable what is wrong with the configuration', async () => {
  const run = start({ ADMIN_API_KEY: 'short', PORT: 'http' });
  expect(await run.ended).toBe(1);
  const lines = run.stderr().trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines.join(' ')).toContain('ADMIN_API_KEY: must have 32 or more characters');
  expect(run.stderr()).not.toContain('short');
});

it('says in one line that the port is taken', async () => {
  const { port, server } = await takenPort();
  const run = start({ PORT: String(port) });
  expect(await run.ended).toBe(1);
  expect(run.stderr().trim()).toBe(`port ${port} is taken: free it, or set PORT`);
  server.close();
});

it('says in one line that no database answers, without its password', async () => {
  const closed = createTcpServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const url = `postgres://me:canary-password@127.0.0.1:${port}/x`;
  const run = start({ DATABASE_URL: url, MIGRATION_DATABASE_URL: url });
  expect(await run.ended).toBe(1);
  expect(run.stderr().trim()).toBe(
    `no database answers at 127.0.0.1:${port}: start it, or correct DATABASE_URL`,
  );
});
