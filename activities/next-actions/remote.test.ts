/** Steps that a merchant's own system carries out. */
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteActionEndpoint, putActionEndpoint } from '../../commands/action-endpoints.js';
import type { Db } from '../../db/client.js';
import type { OrderRow } from '../../db/orders.js';
import { actionEndpoints, settings } from '../../db/schema.js';
import { createOutgoing } from '../../outgoing/post.js';
import { newSigningSecret } from '../../outgoing/signature.js';
import { type Receiver, answering, hanging, startReceiver } from '../../outgoing/test-support.js';
import { actionOrder } from '../../test/actions/orders.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { failureOfTry } from '../../test/support/errors.js';
import { stepStatuses, stepsOf } from '../../test/support/journeys.js';
import { BUYER, addUsers, giveCash } from '../../test/support/world.js';
import { createNextActions } from './index.js';

const PAYLOAD_KEY = 'b'.repeat(64);
const secret = newSigningSecret();

let database: TestDatabase;
let db: Db;
let receiver: Receiver;
let activities: ReturnType<typeof createNextActions>;

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  const outgoing = createOutgoing({ allowPrivate: true });
  activities = createNextActions(db, {}, { outgoing, payloadKey: PAYLOAD_KEY });
  await addUsers(db);
  await giveCash(db, BUYER, 10_000);
});
afterAll(() => database.close());
beforeEach(async () => {
  receiver = await startReceiver();
  await route(0);
});
afterEach(() => receiver.close());

const context = () => ({ db, allowPrivateUrls: true, payloadKey: PAYLOAD_KEY });
const route = (type: 0 | 2, timeoutMs = 5_000): Promise<unknown> =>
  putActionEndpoint(context(), type, { url: receiver.url, secret, timeoutMs }, 'test');

const orderWith = (action: object): Promise<OrderRow> => actionOrder(db, BUYER, action);
const input = ({ orderNo }: OrderRow) => ({ key: `${orderNo}:0`, orderNo, path: '0' });

describe('a step whose type is routed to a merchant', () => {
  it('T1 is one signed call under its own key, and nothing is charged here', async () => {
    const order = await orderWith({ type: 0, id: 77 });
    await activities.payShopOrder(input(order));
    await activities.payShopOrder(input(order));
    expect(receiver.received).toHaveLength(1);
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
    expect(headers['webhook-id']).toBe(`${order.orderNo}:0`);
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'action.payShopOrder',
      data: { orderId: order.id, payerId: BUYER, path: '0', type: 0, parameters: { id: '77' } },
    });
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it.each([500, 503, 408, 425, 429, 302])(
    'is tried again after %d, with the same words under the same key',
    async (status) => {
      const order = await orderWith({ type: 0, id: 77 });
      receiver.answer = answering(status);
      const failure = await failureOfTry('payShopOrder', activities.payShopOrder(input(order)));
      expect(failure).toMatchObject({ nonRetryable: false });
      expect(failure.message).toContain(String(status));
      receiver.answer = answering(200);
      await activities.payShopOrder(input(order));
      const [first, second] = receiver.received;
      expect([second?.body, second?.headers['webhook-id']]).toEqual([
        first?.body,
        first?.headers['webhook-id'],
      ]);
      expect(await stepsOf(db, order)).toMatchObject([{ status: 'succeeded', attempts: 2 }]);
    },
  );

  it('is tried again where no answer comes in time', async () => {
    await route(0, 200);
    const order = await orderWith({ type: 0, id: 77 });
    receiver.answer = hanging;
    const failure = await failureOfTry('payShopOrder', activities.payShopOrder(input(order)));
    expect([failure.type, failure.nonRetryable]).toEqual(['unavailable', false]);
    expect(await stepStatuses(db, order)).toEqual(['0 running']);
  });

  it.each([400, 404, 409, 422])('parks after %d, with a reason that names it', async (status) => {
    const order = await orderWith({ type: 0, id: 77 });
    receiver.answer = answering(status);
    const failure = await failureOfTry('payShopOrder', activities.payShopOrder(input(order)));
    expect(failure).toMatchObject({ type: 'action_refused', nonRetryable: true });
    expect(failure.message).toBe(`the endpoint of type 0 answered ${status}`);
  });

  it('sends variables as they were read at the first try', async () => {
    await route(2);
    await db.insert(settings).values({ key: 'PRODUCT', value: 'guitar', updatedBy: 'test' });
    const product = { from: 'config', key: 'PRODUCT' };
    const order = await orderWith({ type: 2, smsId: 1, mobile: '13500000000', postJsonString: { product } });
    receiver.answer = answering(500);
    await failureOfTry('sendSms', activities.sendSms(input(order)));
    await db.update(settings).set({ value: 'piano' });
    receiver.answer = answering(204);
    await activities.sendSms(input(order));
    const told = receiver.received.map(({ body }) => body);
    expect(told[0]).toContain('guitar');
    expect(told[1]).toBe(told[0]);
  });

  it('S4 keeps its secret sealed', async () => {
    const [row] = await db.select().from(actionEndpoints);
    expect(row?.secret).toMatch(/^sealed:/);
    expect(row?.secret).not.toContain(secret);
  });

  it('is carried out here again once the route is gone', async () => {
    await deleteActionEndpoint(db, 0);
    const order = await orderWith({ type: 0, id: 77 });
    const failure = await failureOfTry('payShopOrder', activities.payShopOrder(input(order)));
    expect([failure.type, receiver.received]).toEqual(['missing_thing', []]);
  });
});

it('S6 a private address is not called, and the step waits visibly', async () => {
  const guarded = createNextActions(
    db,
    {},
    {
      outgoing: createOutgoing({ allowPrivate: false }),
      payloadKey: PAYLOAD_KEY,
    },
  );
  await route(0);
  const order = await orderWith({ type: 0, id: 77 });
  const failure = await failureOfTry('payShopOrder', guarded.payShopOrder(input(order)));
  expect([failure.type, receiver.connections()]).toEqual(['unavailable', 0]);
});
