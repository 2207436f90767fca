import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyPassword } from '../../commands/passwords.js';
import { accessTokens, apiKeys } from '../../db/schema.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { ADMIN_KEY, type TestApp, allRows, startTestApp } from '../test-support.js';

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
});

afterAll(async () => {
  await api.close();
  await database.close();
});

async function mint(user: string, as = ADMIN_KEY): Promise<string> {
  const minted = await api.send('POST', `/v1/users/${user}/tokens`, { as });
  expect(minted.status).toBe(201);
  return String(minted.json['accessToken']);
}

async function keyWith(...scopes: string[]): Promise<{ id: string; key: string }> {
  const made = await api.admin('POST', '/v1/api-keys', { name: 'test', scopes });
  expect(made.status).toBe(201);
  return { id: String(made.json['id']), key: String(made.json['key']) };
}

async function statusAs(credential: string, path: string): Promise<number> {
  return (await api.send('GET', path, { as: credential })).status;
}

describe('users', () => {
  it('are created with what is given, and changed in what is given', async () => {
    const created = await api.admin('PUT', '/v1/users/55370ecc30b55c7805829b33', {
      name: '李雷',
      role: 'teacher',
      avatar: 'https://example.com/a.png',
      skills: [{ name: 'guitar' }],
      careers: ['teacher'],
      mobile: '13500000000',
      openid: 'o-1',
      profile: { cardNo: '7', deep: { a: [1, null] } },
      payPassword: '246810',
    });
    expect(created.status).toBe(200);
    expect(created.json).toMatchObject({
      id: '55370ecc30b55c7805829b33',
      name: '李雷',
      role: 'teacher',
      skills: [{ name: 'guitar' }],
      profile: { cardNo: '7', deep: { a: [1, null] } },
      hasPayPassword: true,
      hasLoginPassword: false,
    });
    const changed = await api.admin('PUT', '/v1/users/55370ecc30b55c7805829b33', {
      name: '韩梅梅',
      avatar: null,
    });
    expect(changed.json).toMatchObject({
      name: '韩梅梅',
      avatar: null,
      role: 'teacher',
      mobile: '13500000000',
      hasPayPassword: true,
    });
    const read = await api.admin('GET', '/v1/users/55370ecc30b55c7805829b33');
    expect(read.json).toEqual(changed.json);
  });

  it('that do not exist answer 404', async () => {
    for (const [method, path] of [
      ['GET', '/v1/users/nobody'],
      ['POST', '/v1/users/nobody/tokens'],
    ] as const) {
      const answer = await api.admin(method, path);
      expect(answer.status).toBe(404);
      expect(answer.json['code']).toBe('user_not_found');
    }
  });

  it('have passwords that are stored hashed and never answered; a new one ends a lock-out', async () => {
    const put = (payPassword: string) => api.admin('PUT', '/v1/users/paul', { name: 'Paul', payPassword });
    const answer = await put('canary-pass-1');
    expect(answer.text).not.toContain('canary-pass-1');
    expect(answer.text).not.toContain('argon2');
    for (let n = 0; n < 5; n++) {
      await expect(verifyPassword(database.db, 'paul', 'pay', 'wrong-one')).rejects.toMatchObject({
        code: 'wrong_password',
      });
    }
    await expect(verifyPassword(database.db, 'paul', 'pay', 'canary-pass-1')).rejects.toMatchObject({
      code: 'password_locked',
    });
    await put('canary-pass-2');
    await verifyPassword(database.db, 'paul', 'pay', 'canary-pass-2');
  });

  it('of another system bring their bcrypt hash along', async () => {
    const payPasswordHash = '$2a$10$hHobH5YK1PqMwJqoXK2w5.glPUknVPAdjHskavI5fXG95Wb9BsDUO';
    const answer = await api.admin('PUT', '/v1/users/brought', { name: 'B', payPasswordHash });
    expect(answer.json).toMatchObject({ hasPayPassword: true });
    expect(answer.text).not.toContain(payPasswordHash);
  });
});

describe('access tokens', () => {
  it('are good for 30 days, all revoked at once, and refused afterwards', async () => {
    await api.admin('PUT', '/v1/users/tom', { name: 'Tom' });
    const minted = await api.admin('POST', '/v1/users/tom/tokens');
    const days = (Date.parse(String(minted.json['expiresAt'])) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    const tokens = [String(minted.json['accessToken']), await mint('tom')];
    for (const token of tokens) expect(await statusAs(token, '/v1/users/tom')).toBe(200);
    expect((await api.send('DELETE', '/v1/users/tom/tokens', { as: tokens[0] })).status).toBe(204);
    for (const token of tokens) expect(await statusAs(token, '/v1/users/tom')).toBe(401);
  });

  it('are refused once they have expired, and swept away at the next one', async () => {
    await api.admin('PUT', '/v1/users/eve', { name: 'Eve' });
    const token = await mint('eve');
    await database.db.update(accessTokens).set({ expiresAt: sql`now() - interval '1 second'` });
    const answer = await api.send('GET', '/v1/users/eve', { as: token });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="holdfast", error="invalid_token"');
    await mint('eve');
    expect(
      await database.db
        .select()
        .from(accessTokens)
        .where(sql`user_id = 'eve'`),
    ).toHaveLength(1);
  });

  it('are stored as hashes', async () => {
    await api.admin('PUT', '/v1/users/hal', { name: 'Hal' });
    const token = await mint('hal');
    const { key } = await keyWith('orders');
    const rows = JSON.stringify([
      await database.db.select().from(accessTokens),
      await database.db.select().from(apiKeys),
    ]);
    expect(rows).not.toContain(token);
    expect(rows).not.toContain(key);
  });
});

describe('operators are made by operators', () => {
  it('a key with scope users alone makes none, and mints no token of one', async () => {
    await api.admin('PUT', '/v1/users/olga', { name: 'Olga', role: 'operator' });
    const { key } = await keyWith('users');
    const promote = await api.send('PUT', '/v1/users/mallory', {
      as: key,
      body: { name: 'M', role: 'operator' },
    });
    expect(promote.status).toBe(403);
    expect((await api.send('POST', '/v1/users/olga/tokens', { as: key })).status).toBe(403);
    const both = await keyWith('users', 'operate');
    expect((await api.send('POST', '/v1/users/olga/tokens', { as: both.key })).status).toBe(201);
  });

  it('a token from before the promotion does not become an operator’s', async () => {
    await api.admin('PUT', '/v1/users/rose', { name: 'Rose' });
    const before = await mint('rose');
    await api.admin('PUT', '/v1/users/rose', { name: 'Rose', role: 'operator' });
    expect(await statusAs(before, '/v1/ledger/proof')).toBe(401);
    const after = await mint('rose');
    await api.admin('PUT', '/v1/users/rose', { name: 'Rose', role: 'operator' });
    expect(await statusAs(after, '/v1/ledger/proof')).toBe(200);
  });
});

describe('API keys', () => {
  it('are listed newest first, page by page, without their secrets, and refused once revoked', async () => {
    const made = [await keyWith('orders'), await keyWith('users'), await keyWith('ledger:read')];
    const rows = await allRows(api, '/v1/api-keys?limit=1');
    expect(JSON.stringify(rows)).not.toMatch(/hf_key_/);
    const ids = rows.map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual(made.map(({ id }) => id).reverse());
    expect(new Set(ids).size).toBe(ids.length);

    const last = made[2];
    expect(await statusAs(last?.key ?? '', '/v1/ledger/proof')).toBe(200);
    for (let n = 0; n < 2; n++) {
      expect((await api.admin('DELETE', `/v1/api-keys/${last?.id}`)).status).toBe(204);
    }
    expect(await statusAs(last?.key ?? '', '/v1/ledger/proof')).toBe(401);
    expect((await api.admin('DELETE', `/v1/api-keys/${'0'.repeat(24)}`)).status).toBe(404);
  });
});
