import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import type { Probes } from './services.js';
import { type TestApp, startTestApp } from './test-support.js';

let database: TestDatabase;
let api: TestApp;
let temporal: Probes['temporal'];
let worker: Probes['worker'];

const fine = (): Promise<void> => Promise.resolve();

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db, { probes: { temporal: () => temporal(), worker: () => worker() } });
});

afterAll(async () => {
  await api.close();
  await database.close();
});

describe('/readyz', () => {
  it('is ready when the database, Temporal and a worker answer', async () => {
    [temporal, worker] = [fine, fine];
    const answer = await api.send('GET', '/readyz');
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      status: 'ready',
      checks: { database: 'ok', temporal: 'ok', worker: 'ok' },
    });
  });

  it('says what is wrong', async () => {
    temporal = fine;
    worker = () => Promise.reject(new Error('no worker polls the queue'));
    const answer = await api.send('GET', '/readyz');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(answer.json).toEqual({
      status: 'not_ready',
      checks: { database: 'ok', temporal: 'ok', worker: 'no worker polls the queue' },
    });
  });

  it('does not wait for who never answers', async () => {
    temporal = () => new Promise(() => undefined);
    worker = fine;
    const startedAt = performance.now();
    const answer = await api.send('GET', '/readyz');
    expect(answer.json).toMatchObject({ checks: { temporal: 'Temporal does not answer' } });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('/metrics', () => {
  it('counts requests by method, route pattern and status, never by path', async () => {
    await api.admin('PUT', '/v1/users/alice', { name: 'Alice' });
    await api.admin('GET', '/v1/users/alice');
    await api.send('GET', '/v1/users/canary-path');
    await api.send('GET', '/canary-path');
    const answer = await api.send('GET', '/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    const counted = (route: string, method: string, status: number): string =>
      `http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"} 1`;
    expect(answer.text).toContain(counted('/v1/users/:id', 'PUT', 200));
    expect(answer.text).toContain(counted('/v1/users/:id', 'GET', 200));
    expect(answer.text).toContain(counted('/v1/users/:id', 'GET', 401));
    expect(answer.text).toContain(counted('unmatched', 'GET', 404));
    expect(answer.text).not.toContain('canary-path');
    expect(answer.text).toContain('nodejs_eventloop_lag_seconds');
  });
});
