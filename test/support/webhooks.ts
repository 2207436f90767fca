/** Merchants' endpoints and what is on its way to them. */
import { eq, sql } from 'drizzle-orm';
import { type NewEndpoint, createEndpoint } from '../../commands/webhooks.js';
import type { Db } from '../../db/client.js';
import { addEvent } from '../../db/orders.js';
import { operatorItems, webhookDeliveries, webhookEndpoints } from '../../db/schema.js';
import { type DeliveryRow, type EndpointRow, deliveryById } from '../../db/webhooks.js';
import { createOutgoing } from '../../outgoing/post.js';
import { type DeliveryParts, deliver, leaseDeliveries } from '../../relay/deliveries.js';
import { insertOrder } from './world.js';

export async function addEndpoint(
  db: Db,
  url: string,
  wish: Partial<NewEndpoint> & { payloadKey?: string } = {},
): Promise<{ endpoint: EndpointRow; secret: string }> {
  const { payloadKey, ...rest } = wish;
  return createEndpoint(
    { db, allowPrivateUrls: true, payloadKey },
    { description: '', eventTypes: null, ...rest, url },
    'test',
  );
}

export const deliveryParts = (db: Db, change: Partial<DeliveryParts> = {}): DeliveryParts => ({
  db,
  outgoing: createOutgoing({ allowPrivate: true }),
  payloadKey: undefined,
  timeoutMs: 5_000,
  ...change,
});

/** One round of the relay: everything that is due is sent. @returns how much that was */
export async function sendDue(db: Db, change: Partial<DeliveryParts> = {}): Promise<number> {
  const wish = { places: 100, busy: [] };
  const leased = [
    ...(await leaseDeliveries(db, { ...wish, failing: false })),
    ...(await leaseDeliveries(db, { ...wish, failing: true })),
  ];
  await Promise.all(leased.map((delivery) => deliver(deliveryParts(db, change), delivery)));
  return leased.length;
}

export async function deliveriesOf(db: Db, endpointId: string): Promise<DeliveryRow[]> {
  return db
    .select()
    .from(webhookDeliveries)
    .where(eq(webhookDeliveries.endpointId, endpointId))
    .orderBy(webhookDeliveries.seq);
}

export async function endpointRow(db: Db, id: string): Promise<EndpointRow> {
  const [row] = await db.select().from(webhookEndpoints).where(eq(webhookEndpoints.id, id));
  if (row === undefined) throw new Error('there is no such endpoint');
  return row;
}

/** As if so much time had passed since everything that was noted about a delivery. */
export async function letPass(db: Db, id: string, ms: number): Promise<DeliveryRow> {
  await db.execute(sql`
    UPDATE webhook_deliveries SET
      due_at = due_at - ${ms} * interval '1 ms',
      first_tried_at = first_tried_at - ${ms} * interval '1 ms',
      leased_until = leased_until - ${ms} * interval '1 ms'
     WHERE id = ${id}`);
  return deliveryById(db, id);
}

/** An event of a new order. @returns its number */
export async function tellEvent(db: Db, type: string, data: Record<string, unknown> = {}): Promise<string> {
  const { orderNo } = await insertOrder(db);
  await addEvent(db, { orderNo, type, actor: 'test', data });
  return orderNo;
}

export interface OnItsWay {
  endpointId: string;
  secret: string;
  delivery: DeliveryRow;
}

/** An endpoint with one event on its way. */
export async function eventOnItsWay(db: Db, url: string): Promise<OnItsWay> {
  const { endpoint, secret } = await addEndpoint(db, url);
  await tellEvent(db, 'order.paid');
  const [delivery] = await deliveriesOf(db, endpoint.id);
  if (delivery === undefined) throw new Error('nothing is on its way');
  return { endpointId: endpoint.id, secret, delivery };
}

export const openItemsOf = (db: Db) =>
  db.select().from(operatorItems).where(eq(operatorItems.status, 'open'));
