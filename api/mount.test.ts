import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { everybody } from './access.js';
import { watchDatabase } from './database-watch.js';
import { type Answer, type Endpoint, endpoint, rawBytes } from './endpoint.js';
import { logRequests } from './logging.js';
import { mountEndpoint } from './mount.js';
import { createRateLimiter } from './rate-limit.js';
import { type TestApp, startTestApp, testServices } from './test-support.js';

let database: TestDatabase;
let server: Server;
let url: string;
let logs: () => string;
let mount: (one: Endpoint) => void;
let work: () => Promise<never>;

const ok = { 200: { description: 'Fine.', schema: z.object({ n: z.number() }) } };

beforeAll(async () => {
  database = await freshDatabase();
  const made = testServices(database.db);
  logs = made.logs;
  const app = express();
  app.use(logRequests(made.services.logger));
  const edge = {
    services: made.services,
    watch: watchDatabase(database.db),
    limit: createRateLimiter(1_000_000),
  };
  mount = (one) => mountEndpoint(app, edge, one);
  server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const base = { method: 'get', access: everybody, tag: 't', summary: 's', responses: ok } as const;
  mount(endpoint({ ...base, path: '/throws', handler: () => work() }));
  mount(
    endpoint({
      ...base,
      path: '/dialect',
      answerError: (error): Answer => ({ status: 200, body: { success: false, code: error.code } }),
      handler: () => work(),
    }),
  );
  mount(
    endpoint({
      ...base,
      path: '/lies',
      handler: async () => ({ status: 200, body: JSON.parse('{"n":"1"}') }),
    }),
  );
  mount(
    endpoint({
      ...base,
      method: 'post',
      path: '/raw',
      body: rawBytes,
      responses: { 200: { description: 'As it came.', schema: z.string(), contentType: 'text/plain' } },
      handler: async (_context, { body }) => ({ status: 200, body: body.toString('hex') }),
    }),
  );
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await database.close();
});

beforeEach(() => {
  work = () => Promise.reject(new Error('canary-internals'));
});

describe('what a handler throws', () => {
  it('unexpectedly is 500 without its internals, which the log has', async () => {
    const answer = await fetch(`${url}/throws`);
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({
      code: 'internal',
      status: 500,
      detail: 'Something went wrong on our side',
    });
    expect(text).not.toContain('canary-internals');
    expect(logs()).toContain('canary-internals');
    expect(logs()).toContain('mount.test.ts');
  });

  it('by its code is that problem, with its details and headers', async () => {
    work = () =>
      Promise.reject(
        new HoldfastError('password_locked', { message: 'later', details: { retryAfterSeconds: 42 } }),
      );
    const answer = await fetch(`${url}/throws`);
    expect(answer.status).toBe(423);
    expect(answer.headers.get('retry-after')).toBe('42');
    expect(await answer.json()).toMatchObject({
      type: 'urn:holdfast:problem:password_locked',
      title: 'The password is locked',
      detail: 'later',
      code: 'password_locked',
      retryAfterSeconds: 42,
    });
  });

  it('cannot replace the problem’s own fields by its details', async () => {
    work = () =>
      Promise.reject(new HoldfastError('conflict', { details: { status: 200, code: 'fine', type: 'x' } }));
    const answer = await fetch(`${url}/throws`);
    expect(await answer.json()).toMatchObject({
      status: 409,
      code: 'conflict',
      type: 'urn:holdfast:problem:conflict',
    });
  });

  it.each([
    ['57014', 503],
    ['53300', 503],
    ['55P03', 503],
    ['40P01', 503],
    ['ECONNREFUSED', 503],
    ['CONNECTION_CLOSED', 503],
    ['CONNECT_TIMEOUT', 503],
    ['23505', 500],
    ['42P01', 500],
  ])('from the database, by its code %s, is %i', async (code, status) => {
    const cause = Object.assign(new Error('from the driver'), { code });
    work = () => Promise.reject(new Error('Failed query', { cause }));
    const answer = await fetch(`${url}/throws`);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '2' : null);
  });

  it('is answered in another shape where the route has one', async () => {
    work = () => Promise.reject(new HoldfastError('order_not_found'));
    const answer = await fetch(`${url}/dialect`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ success: false, code: 'order_not_found' });
  });
});

it('an answer that is not what its schema promises is found out', async () => {
  expect((await fetch(`${url}/lies`)).status).toBe(500);
});

it('a raw body arrives byte by byte', async () => {
  const bytes = Buffer.from([0x00, 0xff, 0x7b, 0x0a]);
  const answer = await fetch(`${url}/raw`, {
    method: 'POST',
    body: bytes,
    headers: { 'content-type': 'application/json' },
  });
  expect(await answer.text()).toBe('00ff7b0a');
  expect(answer.headers.get('content-type')).toBe('text/plain');
});

describe('headers of the whole app', () => {
  let api: TestApp;

  beforeAll(async () => {
    const { services } = testServices(database.db);
    api = await startTestApp(database.db, {
      config: { ...services.config, corsOrigins: ['https://shop.example'] },
    });
  });

  afterAll(() => api.close());

  it('allow the configured origins alone', async () => {
    const preflight = (origin: string) =>
      api.send('OPTIONS', '/v1/orders', {
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'idempotency-key',
        },
      });
    const allowed = await preflight('https://shop.example');
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(allowed.headers.get('access-control-allow-headers')).toContain('idempotency-key');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('are those of a careful server', async () => {
    const { headers } = await api.send('GET', '/healthz');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
  });
});
