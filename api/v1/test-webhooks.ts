/** An API that takes private URLs and seals secrets, with a merchant's server to receive. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { webhookDeliveries, webhookEndpoints } from '../../db/schema.js';
import { type Receiver, answering, startReceiver } from '../../outgoing/test-support.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { sendDue } from '../../test/support/webhooks.js';
import { type TestApp, addPeople, startTestApp, testServices } from '../test-support.js';

const PAYLOAD_KEY = 'c'.repeat(64);
export const SHOP = 'https://shop.example.com/hook?key=hidden';

export let database: TestDatabase;
export let api: TestApp;
export let receiver: Receiver;

beforeAll(async () => {
  database = await freshDatabase();
  const { config } = testServices(database.db).services;
  api = await startTestApp(database.db, {
    config: {
      ...config,
      allowPrivateUrls: true,
      temporal: { ...config.temporal, payloadKey: PAYLOAD_KEY },
    },
  });
  await addPeople(api);
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await api.close();
  await database.close();
});
beforeEach(async () => {
  receiver.received.length = 0;
  receiver.answer = answering(204);
  await database.db.delete(webhookDeliveries);
  await database.db.delete(webhookEndpoints);
});

/** A new endpoint's answer, with its secret. */
export async function made(body: object = { url: receiver.url }): Promise<Record<string, unknown>> {
  const answer = await api.admin('POST', '/v1/webhook-endpoints', body);
  expect(answer.status).toBe(201);
  return answer.json;
}

/** One round of the relay. */
export const send = (): Promise<number> => sendDue(database.db, { payloadKey: PAYLOAD_KEY });
