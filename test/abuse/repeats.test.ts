/** Calls that come twice, at once, or changed under the same Idempotency-Key: at every POST, and where money moves. */
import { eq, sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SendOptions, TestAnswer } from '../../api/test-support.js';
import { api, completed, database, tokens } from '../../api/v1/test-support.js';
import { orders, payments, refunds } from '../../db/schema.js';
import { walletOf } from '../../ledger/balances.js';
import { sqlAs } from '../support/database.js';
import { insertOrder } from '../support/world.js';
import { outcomeOf } from './problems.js';
import { ADMIN_KEY, PAY_PASSWORD, type Samples, loadSamples } from './samples.js';
import { changingNothing } from './snapshot.js';

let samples: Samples;
let posts: string[];
/** A back end with every right, that is not the admin key. */
let otherAdmin: string;

beforeAll(async () => {
  samples = await loadSamples(api, database.db);
  posts = samples.routes.filter((route) => route.startsWith('POST '));
  const made = await api.admin('POST', '/v1/api-keys', { name: 'second admin', scopes: ['admin'] });
  otherAdmin = String(made.json['key']);
});

const isReplay = ({ headers }: TestAnswer): boolean => headers.get('idempotent-replayed') === 'true';

function keyed(path: string, key: string, options: SendOptions): Promise<TestAnswer> {
  return api.send('POST', path, { ...options, headers: { ...options.headers, 'idempotency-key': key } });
}

describe('an Idempotency-Key at every POST', () => {
  it('answers the same call as before, and changes nothing', async () => {
    for (const route of posts) {
      const { path, body } = samples.of(route);
      const first = await keyed(path, `same ${route}`.replaceAll(/\W/g, '.'), { as: ADMIN_KEY, body });
      await changingNothing(database.db, async () => {
        const again = await keyed(path, `same ${route}`.replaceAll(/\W/g, '.'), { as: ADMIN_KEY, body });
        expect([route, isReplay(first), isReplay(again)]).toEqual([route, false, true]);
        expect([again.status, again.text]).toEqual([first.status, first.text]);
        expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
      });
    }
  });

  it.each([
    ['another body', (body: object | undefined): SendOptions => ({ body: { ...body, unknown: 1 } })],
    ['no body', (): SendOptions => ({})],
  ])('is 409 with %s, and changes nothing', (_what, changed) =>
    changingNothing(database.db, async () => {
      for (const route of posts) {
        const { path, body } = samples.of(route);
        const options = { as: ADMIN_KEY, ...changed(body) };
        const answer = await keyed(path, `same ${route}`.replaceAll(/\W/g, '.'), options);
        // Without its fields a body is refused for that, before its key is looked at.
        const expected = answer.status === 400 ? '400 invalid_request' : '409 idempotency_conflict';
        // A call that has no body at all, and had none before, is the same call.
        if (isReplay(answer)) expect([route, body]).toEqual([route, undefined]);
        else expect([route, outcomeOf(answer)]).toEqual([route, expected]);
      }
    }),
  );

  it('is another one of another caller, who is shown nothing of the first one’s', async () => {
    for (const route of posts) {
      const { path, body } = samples.of(route);
      const answer = await keyed(path, `same ${route}`.replaceAll(/\W/g, '.'), { as: otherAdmin, body });
      expect([route, isReplay(answer)]).toEqual([route, false]);
    }
  });

  it('does not open what the caller may not do any more', async () => {
    const made = await api.admin('POST', '/v1/api-keys', { name: 'soon revoked', scopes: ['orders'] });
    const key = String(made.json['key']);
    const { path, body } = samples.of('POST /v1/orders');
    expect((await keyed(path, 'revoked', { as: key, body })).status).toBe(201);
    await api.admin('DELETE', `/v1/api-keys/${String(made.json['id'])}`);
    expect(outcomeOf(await keyed(path, 'revoked', { as: key, body }))).toBe('401 unauthenticated');
  });
});

describe('money under one Idempotency-Key', () => {
  it('M5 is taken from the wallet once, by twenty calls at once', async () => {
    const order = await insertOrder(database.db, { buyerId: 'alice', sellerId: 'sally', amount: 700 });
    const before = await walletOf(database.db, 'alice');
    const path = `/v1/orders/${order.id}/payments`;
    const body = { channel: 'wallet', payPassword: PAY_PASSWORD };
    const calls = Array.from({ length: 20 }, () => keyed(path, 'pay', { as: tokens['alice'], body }));
    const outcomes = new Set((await Promise.all(calls)).map(outcomeOf));
    outcomes.delete('409 idempotency_in_progress');
    expect([...outcomes]).toEqual(['201']);
    expect((await walletOf(database.db, 'alice')).cash).toBe(before.cash - 700);
    expect(await database.db.select().from(payments).where(eq(payments.orderNo, order.orderNo))).toHaveLength(
      1,
    );
  });

  it('M6 is asked back once, by twenty calls at once', async () => {
    const order = await completed();
    const body = { amount: 10, reason: 'late' };
    const path = `/v1/orders/${order.id}/refunds`;
    const calls = Array.from({ length: 20 }, () => keyed(path, 'refund', { as: tokens['alice'], body }));
    const outcomes = new Set((await Promise.all(calls)).map(outcomeOf));
    outcomes.delete('409 idempotency_in_progress');
    expect([...outcomes]).toEqual(['201']);
    expect(await database.db.select().from(refunds).where(eq(refunds.orderNo, order.orderNo))).toHaveLength(
      1,
    );
  });

  it('makes one order, by twenty calls at once', async () => {
    const { path, body } = samples.of('POST /v1/orders');
    const calls = Array.from({ length: 20 }, () =>
      keyed(path, 'make', { as: tokens['alice'], body: { ...body, subject: 'only once' } }),
    );
    await Promise.all(calls);
    expect(await database.db.select().from(orders).where(eq(orders.subject, 'only once'))).toHaveLength(1);
  });
});

describe('a call that is under way', () => {
  it('is 409 idempotency_in_progress for its repeat, and the answer for the one after it', async () => {
    const order = await insertOrder(database.db, { buyerId: 'alice', sellerId: 'sally', amount: 5 });
    const path = `/v1/orders/${order.id}/payments`;
    const options = { as: tokens['alice'], body: { channel: 'wallet', payPassword: PAY_PASSWORD } };
    const first = await sqlAs(database.superuserUrl, (connection) =>
      connection.begin(async (locked) => {
        await locked`SELECT 1 FROM orders WHERE order_no = ${order.orderNo} FOR UPDATE`;
        const underWay = keyed(path, 'slow', options);
        await untilWaiting();
        const repeat = await keyed(path, 'slow', options);
        expect(outcomeOf(repeat)).toBe('409 idempotency_in_progress');
        expect(repeat.headers.get('retry-after')).toBe('1');
        // Returned inside of an object, since the lock must go before it can be answered.
        return { underWay };
      }),
    );
    const answer = await first.underWay;
    expect(outcomeOf(answer)).toBe('201');
    const after = await keyed(path, 'slow', options);
    expect([isReplay(after), after.text]).toEqual([true, answer.text]);
  });

  /** Until a statement of the app waits for a lock. */
  async function untilWaiting(): Promise<void> {
    for (;;) {
      const [row] = await database.db.execute<{ waiting: number }>(
        sql`SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR NOT granted AND locktype = 'transactionid'`,
      );
      if ((row?.waiting ?? 0) > 0) return;
    }
  }
});
