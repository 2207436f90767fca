/** W7: what becomes of merchants' endpoints, and of their secrets (S4, S7). */
import { eq } from 'drizzle-orm';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteEndpoint, redeliver, rotateSecret, sendTestEvent } from '../commands/webhooks.js';
import type { Db } from '../db/client.js';
import { operatorItems, webhookDeliveries, webhookEndpoints } from '../db/schema.js';
import { deliveryById } from '../db/webhooks.js';
import { type Receiver, answering, startReceiver } from '../outgoing/test-support.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import {
  addEndpoint,
  deliveriesOf,
  endpointRow,
  eventOnItsWay,
  letPass,
  openItemsOf,
  sendDue,
  tellEvent,
} from '../test/support/webhooks.js';
import { addUsers } from '../test/support/world.js';

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

const tell = (type: string): Promise<string> => tellEvent(db, type);
const oneEvent = () => eventOnItsWay(db, receiver.url);
const openItems = () => openItemsOf(db);

describe('W7 an endpoint', () => {
  it('that answers 410 is disabled, and what was on its way to it has failed, visibly', async () => {
    const { endpointId } = await oneEvent();
    await tell('order.closed');
    receiver.answer = answering(410);
    await sendDue(db);
    expect(await endpointRow(db, endpointId)).toMatchObject({
      status: 'disabled',
      disabledReason: 'it answered 410 Gone',
    });
    const rows = await deliveriesOf(db, endpointId);
    expect(rows.map(({ status }) => status)).toEqual(['failed', 'failed']);
    expect(await openItems()).toMatchObject([{ kind: 'failed_delivery', ref: endpointId }]);
    await tell('order.paid');
    expect(await deliveriesOf(db, endpointId)).toHaveLength(2);
    expect(await refusalOf(redeliver(context(), rows[0]?.id ?? ''))).toMatchObject({ code: 'conflict' });
  });

  it('that was disabled while an event was being written for it leaves none in silence', async () => {
    const { endpointId, delivery } = await oneEvent();
    await db.update(webhookEndpoints).set({ status: 'disabled' }).where(eq(webhookEndpoints.id, endpointId));
    expect(await sendDue(db)).toBe(1);
    expect(receiver.received).toEqual([]);
    expect(await deliveryById(db, delivery.id)).toMatchObject({ status: 'failed', attempts: [] });
  });

  it('that was deleted gets nothing more', async () => {
    const { endpointId, delivery } = await oneEvent();
    await deleteEndpoint(context(), endpointId, 'test');
    await tell('order.paid');
    expect(await sendDue(db)).toBe(0);
    expect(await deliveryById(db, delivery.id)).toMatchObject({ status: 'failed' });
    expect(await endpointRow(db, endpointId)).toMatchObject({ secret: '', status: 'disabled' });
  });

  it('fails and recovers', async () => {
    const { endpointId, delivery } = await oneEvent();
    receiver.answer = answering(500);
    await sendDue(db);
    expect((await endpointRow(db, endpointId)).failingSince).not.toBeNull();
    await letPass(db, delivery.id, 10_000);
    receiver.answer = answering(200);
    await sendDue(db);
    expect((await endpointRow(db, endpointId)).failingSince).toBeNull();
  });

  it('S7 is signed for by both secrets while one is replaced', async () => {
    const { endpointId, secret: before } = await oneEvent();
    const { secret: after } = await rotateSecret(context(), endpointId);
    await sendDue(db);
    const [got] = receiver.received;
    const headers = got?.headers as Record<string, string>;
    for (const secret of [before, after])
      expect(new Webhook(secret).verify(got?.body ?? '', headers)).toBeTruthy();
    await db.update(webhookEndpoints).set({ previousUntil: new Date(0) });
    await sendTestEvent(context(), endpointId);
    await sendDue(db);
    const late = receiver.received[1];
    const lateHeaders = late?.headers as Record<string, string>;
    expect(new Webhook(after).verify(late?.body ?? '', lateHeaders)).toMatchObject({ type: 'webhook.test' });
    expect(() => new Webhook(before).verify(late?.body ?? '', lateHeaders)).toThrow();
  });

  it('S4 has its secret sealed where there is a key, and says so when the key is gone', async () => {
    const payloadKey = 'a'.repeat(64);
    const { endpoint, secret } = await addEndpoint(db, receiver.url, { payloadKey });
    expect(endpoint.secret).toMatch(/^sealed:[0-9a-f]{8}:/);
    expect(endpoint.secret).not.toContain(secret.slice(6));
    await tell('order.paid');
    await sendDue(db, { payloadKey: 'b'.repeat(64) });
    const [delivery] = await deliveriesOf(db, endpoint.id);
    expect(delivery?.attempts[0]?.error).toMatch(/^a secret was sealed with key [0-9a-f]{8}, which/);
    await letPass(db, delivery?.id ?? '', 10_000);
    await sendDue(db, { payloadKey: `${'b'.repeat(64)},${payloadKey}` });
    const headers = receiver.received[0]?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(receiver.received[0]?.body ?? '', headers)).toBeTruthy();
  });

  it('S7 whose secret was put in another’s place is not signed for', async () => {
    const payloadKey = 'a'.repeat(64);
    const [one, two] = [
      await addEndpoint(db, receiver.url, { payloadKey, eventTypes: ['order.paid'] }),
      await addEndpoint(db, receiver.url, { payloadKey, eventTypes: ['order.closed'] }),
    ];
    await db
      .update(webhookEndpoints)
      .set({ secret: two.endpoint.secret })
      .where(eq(webhookEndpoints.id, one.endpoint.id));
    await tell('order.paid');
    await sendDue(db, { payloadKey });
    const [delivery] = await deliveriesOf(db, one.endpoint.id);
    expect(delivery).toMatchObject({ status: 'pending' });
    expect(receiver.received).toEqual([]);
  });
});
