import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { ADMIN_KEY, type TestApp, startTestApp, testServices } from './test-support.js';

const LIMIT = 5;

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  const { services } = testServices(database.db);
  api = await startTestApp(database.db, { config: { ...services.config, rateLimitPerMinute: LIMIT } });
});

afterAll(async () => {
  await api.close();
  await database.close();
});

async function tokenOf(user: string): Promise<string> {
  await api.admin('PUT', `/v1/users/${user}`, { name: user });
  return String((await api.admin('POST', `/v1/users/${user}/tokens`)).json['accessToken']);
}

async function statuses(times: number, as?: string, path = '/v1/users/alice'): Promise<number[]> {
  const seen: number[] = [];
  for (let n = 0; n < times; n++) seen.push((await api.send('GET', path, { as })).status);
  return seen;
}

it('limits each user by themselves, with a problem that says when to come back', async () => {
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')];
  expect(await statuses(LIMIT, alice)).toEqual(Array.from({ length: LIMIT }, () => 200));
  const over = await api.send('GET', '/v1/users/alice', { as: alice });
  expect(over.status).toBe(429);
  expect(over.json['code']).toBe('rate_limited');
  const seconds = Number(over.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(over.headers.get('content-type')).toBe('application/problem+json');
  expect(await statuses(1, bob, '/v1/users/bob')).toEqual([200]);
  // A new token of the same user is no new allowance.
  expect(await statuses(1, await tokenOf('alice'))).toEqual([429]);
});

it('limits an address that guesses credentials, whichever it tries', async () => {
  const seen: number[] = [];
  for (let n = 0; n < LIMIT + 2; n++) {
    seen.push(
      (await api.send('GET', '/v1/users/alice', { as: `hf_tok_${String(n).repeat(43).slice(0, 43)}` }))
        .status,
    );
  }
  expect(seen).toEqual([...Array.from({ length: LIMIT }, () => 401), 429, 429]);
  expect(await statuses(1)).toEqual([429]);
});

it('exempts API keys, health and metrics', async () => {
  expect(new Set(await statuses(LIMIT * 3, ADMIN_KEY))).toEqual(new Set([200]));
  expect(new Set(await statuses(LIMIT * 3, undefined, '/healthz'))).toEqual(new Set([200]));
  expect(new Set(await statuses(LIMIT * 3, undefined, '/metrics'))).toEqual(new Set([200]));
});
