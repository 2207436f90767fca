/** What callers hear while the database is out (promise W4), through a proxy that can be cut in two ways. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { type Fault, type TcpProxy, startProxy } from '../test/support/tcp-proxy.js';
import { type ApiProcess, startApiProcess, urlOf } from './test-process.js';
import { ADMIN_KEY, type Client, type TestAnswer, clientOf } from './test-support.js';

let database: TestDatabase;
let proxy: TcpProxy;
let running: ApiProcess;
let client: Client;
let token: string;

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startProxy(new URL(database.appUrl).host);
  // A process of its own, since an outage must not end it.
  running = startApiProcess({
    DATABASE_URL: proxy.through(database.appUrl),
    MIGRATION_DATABASE_URL: database.ownerUrl,
  });
  client = clientOf(await urlOf(running));
  await client.admin('PUT', '/v1/users/alice', { name: 'Alice' });
  token = String((await client.admin('POST', '/v1/users/alice/tokens')).json['accessToken']);
});

afterAll(async () => {
  running.child.kill('SIGKILL');
  await running.ended;
  await proxy.close();
  await database.close();
});

afterEach(async () => {
  await proxy.set('none');
});

async function timed(work: Promise<TestAnswer>): Promise<TestAnswer & { ms: number }> {
  const startedAt = performance.now();
  const answer = await work;
  return { ...answer, ms: performance.now() - startedAt };
}

const CALLS: [string, () => Promise<TestAnswer>][] = [
  ['as a user', () => client.send('GET', '/v1/users/alice', { as: token })],
  ['as the admin, whose key takes no look-up', () => client.admin('GET', '/v1/users/alice')],
  ['a write', () => client.admin('PUT', '/v1/users/alice', { name: 'Alice' })],
  [
    'a write with a key',
    () =>
      client.send('POST', '/v1/users/alice/tokens', {
        as: ADMIN_KEY,
        headers: { 'idempotency-key': 'during-outage' },
      }),
  ],
];

describe.each<Fault>(['refuses', 'silent'])('W4: a database that %s', (cut) => {
  it.each(CALLS)('is 503 with Retry-After within 2 s: %s', async (_who, call) => {
    await proxy.set(cut);
    const answers = await Promise.all([timed(call()), timed(call()), timed(call())]);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('2');
      expect(answer.json['code']).toBe('unavailable');
      expect(answer.ms).toBeLessThan(2_000);
    }
  });

  it('is seen by /readyz, and /healthz stays well', async () => {
    await proxy.set(cut);
    const ready = await timed(client.send('GET', '/readyz'));
    expect(ready.status).toBe(503);
    expect(ready.json['status']).toBe('not_ready');
    expect((ready.json['checks'] as Record<string, string>)['database']).toContain('does not answer');
    expect(ready.ms).toBeLessThan(2_000);
    expect((await client.send('GET', '/healthz')).status).toBe(200);
  });

  it('is used again as soon as it is back', async () => {
    await proxy.set(cut);
    await client.admin('GET', '/v1/users/alice');
    await proxy.set('none');
    const deadline = performance.now() + 5_000;
    let answer = await client.admin('GET', '/v1/users/alice');
    while (answer.status === 503 && performance.now() < deadline)
      answer = await client.admin('GET', '/v1/users/alice');
    expect(answer.status).toBe(200);
    expect(running.child.exitCode, running.stderr()).toBeNull();
  });
});
