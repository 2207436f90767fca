/** W7: whoever has a long queue, or keeps us waiting, holds nobody else up; and Temporal is not asked. */
import { eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { webhookDeliveries, webhookEndpoints } from '../db/schema.js';
import { type Receiver, answering, hanging, startReceiver } from '../outgoing/test-support.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { addEndpoint, deliveriesOf, deliveryParts, tellEvent } from '../test/support/webhooks.js';
import { addUsers, until } from '../test/support/world.js';
import { BATCH_OF_ENDPOINT, leaseDeliveries } from './deliveries.js';
import { type DeliveryLane, startDeliveries } from './delivery-lane.js';

let database: TestDatabase;
let db: Db;
let receivers: Receiver[] = [];
let lanes: DeliveryLane[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());
beforeEach(async () => {
  await db.delete(webhookDeliveries);
  await db.delete(webhookEndpoints);
});
afterEach(async () => {
  await Promise.all(receivers.map((receiver) => receiver.close()));
  await Promise.all(lanes.map((lane) => lane.stop()));
  [receivers, lanes] = [[], []];
});

async function receiving(answer: Receiver['answer']): Promise<Receiver> {
  const receiver = await startReceiver();
  receiver.answer = answer;
  receivers.push(receiver);
  return receiver;
}

const warnings: string[] = [];
function startLane(timeoutMs: number): void {
  const log = { warn: (_facts: object, message: string): void => void warnings.push(message) };
  lanes.push(startDeliveries({ ...deliveryParts(db, { timeoutMs }), log }));
}

/** So many events for one endpoint, all of them due for a minute. */
async function queueUp(endpointId: string, count: number): Promise<void> {
  await db.execute(sql`
    INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, payload, due_at)
      SELECT ${endpointId} || n, ${endpointId}, 'msg_' || n, 'order.paid', '{}', now() - interval '1 minute'
        FROM generate_series(1, ${count}) AS n`);
}

const pendingOf = async (endpointId: string): Promise<number> =>
  (await deliveriesOf(db, endpointId)).filter(({ status }) => status === 'pending').length;

describe('W7 the lane', () => {
  it('brings new events to a living endpoint while 10,000 wait for one that never answers', async () => {
    const [dead, alive] = [await receiving(hanging), await receiving(answering(200))];
    const stuck = await addEndpoint(db, dead.url, { eventTypes: ['order.closed'] });
    await queueUp(stuck.endpoint.id, 10_000);
    startLane(60_000);
    await until(async () => dead.received.length === BATCH_OF_ENDPOINT);
    const living = await addEndpoint(db, alive.url, { eventTypes: ['order.paid'] });
    for (let event = 0; event < 3 * BATCH_OF_ENDPOINT; event++) await tellEvent(db, 'order.paid');
    await until(async () => (await pendingOf(living.endpoint.id)) === 0);
    expect(alive.received).toHaveLength(3 * BATCH_OF_ENDPOINT);
    expect(dead.received).toHaveLength(BATCH_OF_ENDPOINT);
    expect(await pendingOf(stuck.endpoint.id)).toBe(10_000);
  });

  it('brings them past any number of endpoints that are known to fail', async () => {
    const [dead, alive] = [await receiving(hanging), await receiving(answering(200))];
    for (let nth = 0; nth < 40; nth++) {
      const { endpoint } = await addEndpoint(db, dead.url, { eventTypes: ['order.closed'] });
      await queueUp(endpoint.id, 1);
    }
    await db.update(webhookEndpoints).set({ failingSince: new Date() });
    startLane(60_000);
    // The failing ones have all the places that they may have, for as long as they like.
    await until(async () => dead.received.length === 8);
    const living = await addEndpoint(db, alive.url, { eventTypes: ['order.paid'] });
    await tellEvent(db, 'order.paid');
    await until(async () => (await pendingOf(living.endpoint.id)) === 0);
    expect([alive.received.length, dead.received.length]).toEqual([1, 8]);
  });

  it('takes every failing endpoint in its turn, also where there are more of them than places', async () => {
    const recovered = await receiving(answering(200));
    const ids: string[] = [];
    for (let nth = 0; nth < 20; nth++) {
      const { endpoint } = await addEndpoint(db, recovered.url, { eventTypes: ['order.closed'] });
      await queueUp(endpoint.id, 1);
      ids.push(endpoint.id);
    }
    await db.update(webhookEndpoints).set({ failingSince: new Date() });
    startLane(2_000);
    await until(async () => recovered.received.length === ids.length);
    await until(async () =>
      (await db.select().from(webhookEndpoints)).every((row) => row.failingSince === null),
    );
  });

  it('sends each event once, though several relays run', async () => {
    const alive = await receiving(answering(200));
    const { endpoint } = await addEndpoint(db, alive.url);
    await queueUp(endpoint.id, 200);
    for (let nth = 0; nth < 3; nth++) startLane(5_000);
    await until(async () => (await pendingOf(endpoint.id)) === 0);
    const ids = alive.received.map(({ headers }) => headers['webhook-id']);
    expect([ids.length, new Set(ids).size]).toEqual([200, 200]);
  });

  it('goes on after the database was away for a moment', async () => {
    const alive = await receiving(answering(200));
    const { endpoint } = await addEndpoint(db, alive.url);
    warnings.length = 0;
    let calls = 0;
    const failing = new Proxy(db, {
      get: (target, name) => {
        if (name === 'execute' && calls++ === 0) throw new Error('the database is out');
        return Reflect.get(target, name, target) as unknown;
      },
    });
    const log = { warn: (_facts: object, message: string): void => void warnings.push(message) };
    lanes.push(startDeliveries({ ...deliveryParts(failing), log }));
    await tellEvent(db, 'order.paid');
    await until(async () => (await pendingOf(endpoint.id)) === 0);
    expect(warnings).toEqual(['webhook deliveries could not be leased']);
  });
});

describe('W7 a lease', () => {
  it('gives each endpoint the same part, the longest waiting first, and none to two relays', async () => {
    const many = await addEndpoint(db, 'http://127.0.0.1:9/');
    const few = await addEndpoint(db, 'http://127.0.0.1:9/');
    await queueUp(many.endpoint.id, 50);
    await queueUp(few.endpoint.id, 3);
    await db
      .update(webhookDeliveries)
      .set({ dueAt: new Date(0) })
      .where(eq(webhookDeliveries.id, `${many.endpoint.id}42`));
    const wish = { failing: false, places: 16, busy: [] };
    const first = await leaseDeliveries(db, wish);
    const partOf = (id: string): number => first.filter(({ endpointId }) => endpointId === id).length;
    expect([partOf(many.endpoint.id), partOf(few.endpoint.id)]).toEqual([BATCH_OF_ENDPOINT, 3]);
    expect(first.some(({ id }) => id === `${many.endpoint.id}42`)).toBe(true);
    const rounds = await Promise.all(Array.from({ length: 6 }, () => leaseDeliveries(db, wish)));
    const ids = [...first, ...rounds.flat()].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(await leaseDeliveries(db, { ...wish, busy: [many.endpoint.id] })).toEqual([]);
    expect(await leaseDeliveries(db, { ...wish, places: 0 })).toEqual([]);
  });
});
