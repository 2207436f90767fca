import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { eq } from 'drizzle-orm';
import { parse } from 'yaml';
import { Registry } from 'prom-client';
import {
  actionSteps,
  membershipRenewals,
  reconciliationDifferences,
  reconciliations,
  withdrawals,
} from '../db/schema.js';
import { type TestDatabase, freshDatabase, sqlAs } from '../test/support/database.js';
import { approve, ask, earner } from '../test/support/withdrawals.js';
import { BUYER, addUsers, insertOrder } from '../test/support/world.js';
import { registerBacklog } from './backlog-metrics.js';
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

  it('T6 says how many orders are stuck, why, and since when', async () => {
    // Looked at before anybody has read the figures, which are kept for some seconds.
    const app = await startTestApp(database.db, { probes: { temporal: fine, worker: fine } });
    await addUsers(database.db);
    const { id } = await insertOrder(database.db, { expiresAt: new Date(Date.now() - 3_600_000) });
    const { text } = await app.send('GET', '/metrics');
    await app.close();
    await sqlAs(database.superuserUrl, (sql) => sql`DELETE FROM orders WHERE id = ${id}`);
    expect(text).toContain('holdfast_stuck_orders{kind="unpaid past its expiry"} 1');
    const [, age] =
      /holdfast_stuck_orders_oldest_seconds\{kind="unpaid past its expiry"\} (\d+)/.exec(text) ?? [];
    expect(Number(age)).toBeGreaterThanOrEqual(3_599);
    expect(text).toContain('holdfast_inbox_pending{kind=""} 0');
    expect(text).toContain('holdfast_backlog_readable 1');
  });

  it('T6 M4 says what differs, and how long ago the last day ended that was compared', async () => {
    const app = await startTestApp(database.db, { probes: { temporal: fine, worker: fine } });
    const date = new Date(Date.now() + 8 * 3_600_000 - 3 * 86_400_000).toISOString().slice(0, 10);
    const day = { channel: 'alipay', date } as const;
    const id = `alipay-${date}`;
    const proven = { ...day, id, status: 'completed', requestedBy: 'test', comparedAt: new Date() } as const;
    const odd = {
      type: 'missing_there',
      kind: 'payment',
      no: 'n',
      providerNo: 'p',
      status: 'open',
      run: 1,
    } as const;
    await database.db.insert(reconciliations).values(proven);
    await database.db.insert(reconciliationDifferences).values({ ...day, ...odd });
    const { text } = await app.send('GET', '/metrics');
    await app.close();
    await database.db.delete(reconciliations);
    await database.db.delete(reconciliationDifferences);
    expect(text).toContain('holdfast_differences_open{kind="missing_there"} 1');
    const age = Number(/holdfast_reconciled_age_seconds\{kind="alipay"\} (\d+)/.exec(text)?.[1]);
    // That day ended two days ago, and so much of today.
    expect(age).toBeGreaterThanOrEqual(2 * 86_400 - 60);
    expect(age).toBeLessThan(3 * 86_400);
  });

  it('T6 says how many withdrawals are stuck, and why', async () => {
    const app = await startTestApp(database.db, { probes: { temporal: fine, worker: fine } });
    const row = await approve(database.db, await ask(database.db, await earner(database.db), 400));
    const due = { startDueAt: new Date(Date.now() - 600_000) };
    await database.db.update(withdrawals).set(due).where(eq(withdrawals.id, row.id));
    const { text } = await app.send('GET', '/metrics');
    await app.close();
    await database.db.update(withdrawals).set({ startDueAt: new Date() }).where(eq(withdrawals.id, row.id));
    expect(text).toContain('holdfast_stuck_withdrawals{kind="its workflow was not started"} 1');
  });

  it('T6 says how many orders need attention, at which action, and which renewals are late', async () => {
    const { db } = database;
    await addUsers(db);
    const hourAgo = new Date(Date.now() - 3_600_000);
    const { orderNo } = await insertOrder(db, { kind: 'topup', sellerId: null, chain: 'parked' });
    const step = { orderNo, path: '0', position: 0, type: 7, name: 'claimCoupon', parameters: {} } as const;
    await db.insert(actionSteps).values({ ...step, status: 'parked', triedAt: hourAgo });
    const terms = { levelId: 'gold', priceId: '1', amount: 1, days: 1, orderId: 'o', orderNo, step: '0' };
    await db.insert(membershipRenewals).values({ id: 'late', userId: BUYER, ...terms, dueAt: hourAgo });
    const app = await startTestApp(db, { probes: { temporal: fine, worker: fine } });
    const { text } = await app.send('GET', '/metrics');
    await app.close();
    await db.delete(membershipRenewals);
    await sqlAs(database.superuserUrl, (sql) => sql`DELETE FROM action_steps WHERE order_no = ${orderNo}`);
    await sqlAs(database.superuserUrl, (sql) => sql`DELETE FROM orders WHERE order_no = ${orderNo}`);
    expect(text).toContain('holdfast_orders_needing_attention{kind="claimCoupon"} 1');
    const ages = [
      /holdfast_orders_needing_attention_oldest_seconds\{kind="claimCoupon"\} (\d+)/,
      /holdfast_renewals_due_oldest_seconds\{kind=""\} (\d+)/,
    ].map((pattern) => Number(pattern.exec(text)?.[1]));
    for (const age of ages) expect(age).toBeGreaterThanOrEqual(3_599);
  });

  it('T6 never says that nothing is stuck while nobody knows', async () => {
    const registry = new Registry();
    registerBacklog(registry, () => Promise.reject(new Error('no database')));
    const text = await registry.metrics();
    expect(text).toContain('holdfast_backlog_readable 0');
    expect(text).not.toMatch(/^holdfast_stuck_orders/m);
  });
});

describe('deploy/prometheus/alerts.yaml', () => {
  const file = new URL('../deploy/prometheus/alerts.yaml', import.meta.url);
  const { groups } = parse(readFileSync(file, 'utf8')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);

  it('T6 has an alert on stuck orders, and every rule asks for figures that there are', async () => {
    const { text } = await api.send('GET', '/metrics');
    const known = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
    const asked = rules.flatMap(({ expr }) => expr.match(/holdfast_\w+/g) ?? []);
    expect(asked).toContain('holdfast_stuck_orders');
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
    expect(rules.filter(({ annotations }) => annotations.summary === '')).toEqual([]);
  });
});
