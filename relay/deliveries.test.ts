/** W7: an outgoing event ends only by a 2xx, or as a visible failure after a day. */
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changeEndpoint, redeliver } from '../commands/webhooks.js';
import type { Db } from '../db/client.js';
import { operatorItems, webhookDeliveries, webhookEndpoints } from '../db/schema.js';
import { deliveryById, forgetDelivered } from '../db/webhooks.js';
import { TRIES_AFTER_MS, WEBHOOK_EVENT_TYPES } from '../domain/webhooks.js';
import { type Receiver, answering, hanging, startReceiver } from '../outgoing/test-support.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import {
  addEndpoint,
  deliveriesOf,
  deliveryParts,
  endpointRow,
  eventOnItsWay,
  letPass,
  openItemsOf,
  sendDue,
  tellEvent,
} from '../test/support/webhooks.js';
import { addUsers } from '../test/support/world.js';
import { leaseDeliveries } from './deliveries.js';

let database: TestDatabase;
let db: Db;
let receiver: Receiver;

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  await addUsers(db);
});
afterAll(() => database.close());
beforeEach(async () => {
  receiver = await startReceiver();
  await db.delete(webhookDeliveries);
  await db.delete(webhookEndpoints);
  await db.delete(operatorItems);
});
afterEach(() => receiver.close());

const context = () => ({ db, allowPrivateUrls: true, payloadKey: undefined });

const tell = (type: string, data: Record<string, unknown> = {}, tx: Db = db): Promise<string> =>
  tellEvent(tx, type, data);
const oneEvent = () => eventOnItsWay(db, receiver.url);
const openItems = () => openItemsOf(db);

describe('W7 an event', () => {
  it('is on its way to each endpoint that wants it, under one id, in the transaction that tells it', async () => {
    const [all, paid, closed, off] = await Promise.all([
      addEndpoint(db, receiver.url),
      addEndpoint(db, receiver.url, { eventTypes: ['order.paid'] }),
      addEndpoint(db, receiver.url, { eventTypes: ['order.closed'] }),
      addEndpoint(db, receiver.url),
    ]);
    await changeEndpoint(context(), off.endpoint.id, { status: 'disabled' }, 'test');
    const orderNo = await db.transaction(async (tx) => {
      const told = await tell('order.paid', {}, tx);
      expect(await tx.select().from(webhookDeliveries)).toHaveLength(2);
      return told;
    });
    const [one] = await deliveriesOf(db, all.endpoint.id);
    const [two] = await deliveriesOf(db, paid.endpoint.id);
    expect(one).toMatchObject({ type: 'order.paid', orderNo, status: 'pending', attempts: [] });
    expect(one?.messageId).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(two?.messageId).toBe(one?.messageId);
    expect(await deliveriesOf(db, closed.endpoint.id)).toEqual([]);
    expect(await deliveriesOf(db, off.endpoint.id)).toEqual([]);
  });

  it('that commits late is sent all the same, and one that is taken back never', async () => {
    const { endpoint } = await addEndpoint(db, receiver.url);
    let late: string | undefined;
    await db.transaction(async (tx) => {
      late = await tell('order.paid', {}, tx);
      await tell('order.closed');
      expect(await sendDue(db)).toBe(1);
    });
    expect(await sendDue(db)).toBe(1);
    const undone = db.transaction(async (tx) => {
      await tell('order.paid', {}, tx);
      throw new Error('taken back');
    });
    await expect(undone).rejects.toThrow('taken back');
    expect(await sendDue(db)).toBe(0);
    const sent = await deliveriesOf(db, endpoint.id);
    expect(sent.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    expect(sent.some(({ orderNo }) => orderNo === late)).toBe(true);
  });

  // What happens to a user's own money is told by other tests, with what it happened to.
  it.each(WEBHOOK_EVENT_TYPES.filter((type) => /^(?:order|action)\./.test(type)))(
    'of type %s is told',
    async (type) => {
      const { endpoint } = await addEndpoint(db, receiver.url);
      await tell(type);
      expect((await deliveriesOf(db, endpoint.id)).map((row) => row.type)).toEqual([type]);
    },
  );

  it('of another type is the timeline’s alone', async () => {
    const { endpoint } = await addEndpoint(db, receiver.url);
    for (const type of ['order.created', 'order.resumed', 'payment.received', 'order.action_required'])
      await tell(type);
    expect(await deliveriesOf(db, endpoint.id)).toEqual([]);
  });

  it('of an order that was paid and completed in one says both', async () => {
    const { endpoint } = await addEndpoint(db, receiver.url);
    await tell('order.completed', { from: 'unpaid', to: 'completed' });
    await tell('order.completed', { from: 'paid', to: 'completed' });
    const types = (await deliveriesOf(db, endpoint.id)).map(({ type }) => type);
    expect(types).toEqual(['order.paid', 'order.completed', 'order.completed']);
  });
});

describe('W7 a delivery', () => {
  it('ends by a 2xx, and is verified by the official library', async () => {
    const { secret, delivery } = await oneEvent();
    receiver.answer = answering(202, 'thanks');
    expect([await sendDue(db), await sendDue(db)]).toEqual([1, 0]);
    const ended = await deliveryById(db, delivery.id);
    expect(ended).toMatchObject({
      status: 'succeeded',
      attempts: [{ status: 202, error: null, answer: 'thanks' }],
    });
    const [got] = receiver.received;
    expect(got?.headers['webhook-id']).toBe(delivery.messageId);
    expect(got?.body).toBe(delivery.payload);
    const headers = got?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(got?.body ?? '', headers)).toMatchObject({ type: 'order.paid' });
    expect(await openItems()).toEqual([]);
  });

  it('is tried by the schedule under one id, and after a day it has failed, visibly', async () => {
    const { endpointId, delivery } = await oneEvent();
    receiver.answer = answering(500, 'broken');
    for (let tried = 1; tried < TRIES_AFTER_MS.length; tried++) {
      expect(await sendDue(db)).toBe(1);
      const row = await deliveryById(db, delivery.id);
      expect(row).toMatchObject({ status: 'pending', leasedUntil: null });
      expect(row.attempts).toHaveLength(tried);
      const waits = row.dueAt.getTime() - (row.firstTriedAt?.getTime() ?? 0);
      const planned = TRIES_AFTER_MS[tried] ?? 0;
      expect(waits).toBeGreaterThanOrEqual(planned);
      expect(waits).toBeLessThanOrEqual(planned + Math.min(planned / 10, 300_000));
      expect(await sendDue(db)).toBe(0);
      expect(await openItems()).toEqual([]);
      await letPass(db, delivery.id, row.dueAt.getTime() - Date.now() + 1);
    }
    expect((await endpointRow(db, endpointId)).failingSince).not.toBeNull();
    expect([await sendDue(db), await sendDue(db)]).toEqual([1, 0]);
    const failed = await deliveryById(db, delivery.id);
    expect(failed).toMatchObject({ status: 'failed' });
    expect(failed.attempts.map(({ status, error }) => [status, error])).toEqual(
      TRIES_AFTER_MS.map(() => [500, 'answered 500']),
    );
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const { host } = new URL(receiver.url);
    expect(await openItems()).toMatchObject([
      {
        kind: 'failed_delivery',
        ref: endpointId,
        details: { host, deliveryId: delivery.id, type: 'order.paid' },
      },
    ]);
  });

  it('that was sent before the relay died is sent again under the same id', async () => {
    const { delivery } = await oneEvent();
    // What a relay does until it dies.
    const [leased] = await leaseDeliveries(db, { failing: false, places: 1, busy: [] });
    await deliveryParts(db).outgoing.post({
      url: receiver.url,
      headers: { 'webhook-id': leased?.messageId ?? '' },
      body: leased?.payload ?? '',
      timeoutMs: 5_000,
    });
    expect(await sendDue(db)).toBe(0);
    await letPass(db, delivery.id, 61_000);
    expect(await sendDue(db)).toBe(1);
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([
      delivery.messageId,
      delivery.messageId,
    ]);
    expect(await deliveryById(db, delivery.id)).toMatchObject({ status: 'succeeded' });
  });

  it('can be sent again by hand, after it succeeded and after it failed', async () => {
    const { delivery } = await oneEvent();
    await sendDue(db);
    await redeliver(context(), delivery.id);
    receiver.answer = answering(503);
    await sendDue(db);
    const again = await deliveryById(db, delivery.id);
    expect(again).toMatchObject({ status: 'pending', attempts: [{ status: 204 }, { status: 503 }] });
    await db.update(webhookDeliveries).set({ status: 'failed', endedAt: new Date() });
    await redeliver(context(), delivery.id);
    receiver.answer = answering(200);
    expect(await sendDue(db)).toBe(1);
    expect(await deliveryById(db, delivery.id)).toMatchObject({ status: 'succeeded' });
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('is forgotten a month after it arrived, and never when it has failed', async () => {
    const { delivery } = await oneEvent();
    const old = { endedAt: new Date(Date.now() - 31 * 86_400_000) };
    for (const [status, left] of [
      ['failed', 1],
      ['pending', 1],
      ['succeeded', 0],
    ] as const) {
      await db.update(webhookDeliveries).set({ status, ...old });
      await forgetDelivered(db);
      expect(await db.select().from(webhookDeliveries)).toHaveLength(left);
    }
    expect(await refusalOf(deliveryById(db, delivery.id))).toMatchObject({ code: 'not_found' });
  });

  it.each([
    [
      'a redirect',
      answering(302, '', { location: 'http://127.0.0.1:9/' }),
      302,
      'redirects are not followed',
    ],
    ['an answer that never comes', hanging, null, 'no answer within 200 ms'],
    [
      'an answer with a NUL and half a letter',
      answering(500, `\0${'x'.repeat(1_023)}语`),
      500,
      'answered 500',
    ],
  ])('is tried again after %s', async (_what, answer, status, error) => {
    const { delivery } = await oneEvent();
    receiver.answer = answer;
    await sendDue(db, { timeoutMs: status === null ? 200 : 5_000 });
    const row = await deliveryById(db, delivery.id);
    expect(row).toMatchObject({ status: 'pending', attempts: [{ status }] });
    expect(row.attempts[0]?.error).toContain(error);
    expect(row.attempts[0]?.answer?.length ?? 0).toBeLessThanOrEqual(1_024);
  });
});
