import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { identify } from './callers.js';
import { ADMIN_KEY, type TestApp, startTestApp } from './test-support.js';

let database: TestDatabase;
let api: TestApp;
let alice: string;
let bob: string;
let key: string;

async function tokenOf(user: string): Promise<string> {
  await api.admin('PUT', `/v1/users/${user}`, { name: user });
  return String((await api.admin('POST', `/v1/users/${user}/tokens`)).json['accessToken']);
}

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')];
  key = String((await api.admin('POST', '/v1/api-keys', { name: 'shop', scopes: ['users'] })).json['key']);
});

afterAll(async () => {
  await api.close();
  await database.close();
});

describe('S1: identity comes from the credential', () => {
  it.each([
    ['no credential', {}, 'Bearer realm="holdfast"'],
    ['an empty token', { authorization: 'Bearer ' }, 'Bearer realm="holdfast", error="invalid_token"'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'Bearer realm="holdfast", error="invalid_token"'],
    ['a made-up token', { authorization: 'Bearer admin' }, 'Bearer realm="holdfast", error="invalid_token"'],
    ['an empty key', { 'x-api-key': '' }, 'Bearer realm="holdfast", error="invalid_token"'],
    [
      'the admin key with one letter less',
      { 'x-api-key': ADMIN_KEY.slice(1) },
      'Bearer realm="holdfast", error="invalid_token"',
    ],
  ])('401 for %s', async (_what, headers, challenge) => {
    const answer = await api.send('GET', '/v1/users/alice', { headers });
    expect(answer.status).toBe(401);
    expect(answer.json['code']).toBe('unauthenticated');
    expect(answer.headers.get('www-authenticate')).toBe(challenge);
  });

  it('the scheme may be written in any case', async () => {
    const answer = await api.send('GET', '/v1/users/alice', {
      headers: { authorization: `bearer ${alice}` },
    });
    expect(answer.status).toBe(200);
  });

  it('a hash from the database is no credential', async () => {
    const rows = await database.db.execute<{ hash: string }>('SELECT hash FROM api_keys');
    expect((await api.send('GET', '/v1/users/alice', { as: rows[0]?.hash })).status).toBe(401);
  });
});

describe('several credentials in one call', () => {
  const identified = (...credentials: string[]) => identify(database.db, ADMIN_KEY, credentials);

  it('must all be good: a valid key does not carry a bad token', async () => {
    await expect(identified(key, `hf_tok_${'x'.repeat(43)}`)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    await expect(identified(ADMIN_KEY, 'rubbish')).rejects.toMatchObject({ code: 'unauthenticated' });
    const answer = await api.send('GET', '/v1/users/alice', { as: 'rubbish', headers: { 'x-api-key': key } });
    expect(answer.status).toBe(401);
  });

  it('a back end goes before a user, the admin key before all', async () => {
    expect((await identified(alice, key))?.caller).toMatchObject({ kind: 'backend', name: 'shop' });
    expect((await identified(key, alice, ADMIN_KEY))?.caller).toMatchObject({ kind: 'backend', id: 'admin' });
  });

  it('of two users are refused, and one sent twice is one', async () => {
    await expect(identified(alice, bob)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect((await identified(alice, alice))?.caller).toEqual({
      kind: 'user',
      userId: 'alice',
      role: 'member',
    });
  });

  it('none at all is nobody', async () => {
    expect(await identified()).toBeUndefined();
  });
});

it('without a configured admin key, nothing is the admin key', async () => {
  await expect(identify(database.db, undefined, ['undefined'])).rejects.toMatchObject({
    code: 'unauthenticated',
  });
});
