import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { createLogger, loggableError } from './logging.js';
import { ADMIN_KEY, type TestApp, startTestApp } from './test-support.js';

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

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  write(createLogger('debug', { write: (line) => (text += line) }));
  return text;
}

describe('S4: no secret reaches the log', () => {
  it('of a call: neither from headers, nor from body, query or answer', async () => {
    const minted = await api.send('POST', '/v1/users/alice/tokens?token=canary-query', { as: ADMIN_KEY });
    expect(minted.status).toBe(404);
    const body = { name: 'Alice', payPassword: 'canary-pay', loginPassword: 'canary-login' };
    await api.send('PUT', '/v1/users/alice?accessToken=canary-query', {
      as: ADMIN_KEY,
      body,
      headers: { cookie: 'session=canary-cookie', 'x-request-id': 'req-1' },
    });
    const token = await api.send('POST', '/v1/users/alice/tokens', {
      as: ADMIN_KEY,
      headers: { 'idempotency-key': 'canary-idempotency' },
    });
    const key = await api.admin('POST', '/v1/api-keys', { name: 'k', scopes: ['orders'] });
    await api.send('GET', '/v1/users/alice', { as: 'canary-wrong-credential' });
    const logs = api.logs();
    for (const secret of [
      'canary-pay',
      'canary-login',
      'canary-query',
      'canary-cookie',
      'canary-idempotency',
      'canary-wrong-credential',
      ADMIN_KEY,
      String(token.json['accessToken']),
      String(key.json['key']),
      'argon2',
    ]) {
      expect(logs).not.toContain(secret);
    }
    // What does stand there: who, what, which route, and a digest of the idempotency key.
    expect(logs).toContain('"reqId":"req-1"');
    expect(logs).toMatch(
      /"route":"\/v1\/users\/:id\/tokens","address":"127\.0\.0\.1","caller":"backend:admin","idempotencyKey":"[0-9a-f]{16}"/,
    );
  });

  it('of an object that somebody logs', () => {
    const text = logged((logger) =>
      logger.info({
        payPass: 'canary',
        body: {
          newPass: 'canary',
          oldPass: 'canary',
          nested: { secret: 'canary', payPasswordHash: 'canary' },
        },
        headers: {
          authorization: 'canary',
          'x-api-key': 'canary',
          'idempotency-key': 'canary',
          cookie: 'canary',
        },
        mobile: '135',
      }),
    );
    expect(text).not.toContain('canary');
    expect(text).toContain('"mobile":"135"');
    expect(logged((logger) => logger.child({ token: 'canary' }).info('x'))).not.toContain('canary');
  });

  it('of a failed query: its parameters and the row’s values stay out, its cause and place stay in', async () => {
    const error: unknown = await database.db.execute('SELECT nonsense').catch((thrown: unknown) => thrown);
    const text = JSON.stringify(loggableError(error));
    expect(text).toContain('column \\"nonsense\\" does not exist');
    const withParameters = Object.assign(new Error('Failed query: select $1\nparams: canary'), {
      query: 'select $1',
      params: ['canary'],
      cause: Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (hash)=(canary)' }),
    });
    const safe = logged((logger) => logger.error({ err: withParameters }, 'it failed'));
    expect(safe).not.toContain('canary');
    expect(safe).toContain('23505');
    expect(safe).toContain('logging.test.ts');
  });
});

it('gives each request an id: the caller’s where it is harmless, else a new one', async () => {
  const given = await api.send('GET', '/healthz', { headers: { 'x-request-id': 'mine-1' } });
  expect(given.headers.get('x-request-id')).toBe('mine-1');
  const harmful = await api.send('GET', '/healthz', { headers: { 'x-request-id': '"},{"a' } });
  expect(harmful.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});
