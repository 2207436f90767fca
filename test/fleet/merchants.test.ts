/** W7: merchants are told while Temporal is away, by a worker that was there before. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Receiver, answering, startReceiver } from '../../outgoing/test-support.js';
import { expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import { type Fleet, type Proc, startFleet } from './fleet.js';

let fleet: Fleet;
let api: Proc;
let receiver: Receiver;
beforeAll(async () => {
  fleet = await startFleet({ environment: { ALLOW_PRIVATE_URLS: 'true' } });
  [api, receiver] = await Promise.all([fleet.startApi(), startReceiver(), fleet.startWorker()]);
});
afterAll(async () => {
  await receiver.close();
  await fleet.close();
});

it('W7: an event is sent, and tried again, while Temporal is down', async () => {
  const http = fleet.http(api);
  const { url } = receiver;
  const { id } = expectStatus(await http.post<{ id: string }>('/v1/webhook-endpoints', { url }), 201);
  await fleet.temporal.kill();
  receiver.answer = (response) => answering(receiver.received.length === 1 ? 503 : 200)(response);
  const path = `/v1/webhook-endpoints/${id}/test`;
  const sent = expectStatus(await http.post<{ id: string; messageId: string }>(path, {}), 201);
  await eventually('the event has arrived', async () => {
    const read = await http.get<{ status: string }>(`/v1/webhook-deliveries/${sent.id}`);
    if (expectStatus(read, 200).status !== 'succeeded') throw new Error(`it is ${read.body.status}`);
  });
  const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(ids).toEqual([sent.messageId, sent.messageId]);
}, 120_000);
