/** Merchants' endpoints for outgoing events, and what operators do about deliveries. */
import { randomBytes } from 'node:crypto';
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { operatorItems, webhookDeliveries, webhookEndpoints } from '../db/schema.js';
import {
  type DeliveryRow,
  type EndpointRow,
  deliveryById,
  endpointById,
  retryFailed,
  secretPlace,
  startsOver,
} from '../db/webhooks.js';
import { HoldfastError } from '../domain/errors.js';
import {
  type EndpointStatus,
  ROTATION_MS,
  TEST_EVENT_TYPE,
  type WebhookEventType,
} from '../domain/webhooks.js';
import { newSigningSecret } from '../outgoing/signature.js';
import { outgoingUrl } from '../outgoing/url.js';
import { disableEndpoint } from '../relay/delivery-notes.js';
import { sealText } from '../temporal/key-ring.js';

export interface WebhookContext {
  db: Db;
  allowPrivateUrls: boolean;
  payloadKey: string | undefined;
}

export interface NewEndpoint {
  url: string;
  description: string;
  /** Null: all. */
  eventTypes: WebhookEventType[] | null;
}

export interface EndpointWithSecret {
  endpoint: EndpointRow;
  /** Shown this once. */
  secret: string;
}

// Each of them costs every order's transactions a row.
const MOST_ENDPOINTS = 50;

/** @throws HoldfastError `invalid_request`: nothing of ours may call that URL; `conflict`: there are too many */
export async function createEndpoint(
  { db, allowPrivateUrls, payloadKey }: WebhookContext,
  { url, description, eventTypes }: NewEndpoint,
  by: string,
): Promise<EndpointWithSecret> {
  const { href } = outgoingUrl(url, { allowPrivate: allowPrivateUrls });
  const present = await db.$count(webhookEndpoints, isNull(webhookEndpoints.deletedAt));
  if (present >= MOST_ENDPOINTS) {
    throw new HoldfastError('conflict', {
      message: `there are ${MOST_ENDPOINTS} endpoints: delete one first`,
    });
  }
  const id = randomBytes(12).toString('hex');
  const secret = newSigningSecret();
  const [endpoint] = await db
    .insert(webhookEndpoints)
    .values({
      id,
      url: href,
      description,
      eventTypes,
      secret: sealText(payloadKey, secret, secretPlace(id)),
      createdBy: by,
    })
    .returning();
  if (endpoint === undefined) throw new Error('an insert answered no row');
  return { endpoint, secret };
}

export interface EndpointChange {
  url?: string | undefined;
  description?: string | undefined;
  eventTypes?: WebhookEventType[] | null | undefined;
  status?: EndpointStatus | undefined;
}

/**
 * Changes what is named. Disabling ends what is on its way; enabling starts with the next event.
 * @throws HoldfastError `not_found`, `invalid_request`
 */
export async function changeEndpoint(
  { db, allowPrivateUrls }: WebhookContext,
  id: string,
  { url, description, eventTypes, status }: EndpointChange,
  by: string,
): Promise<EndpointRow> {
  const href = url === undefined ? undefined : outgoingUrl(url, { allowPrivate: allowPrivateUrls }).href;
  return db.transaction(async (tx) => {
    await lockEndpoint(tx, id);
    const change = {
      ...(href !== undefined && { url: href, failingSince: null }),
      ...(description !== undefined && { description }),
      ...(eventTypes !== undefined && { eventTypes }),
      ...(status === 'enabled' && { status, disabledReason: null, failingSince: null }),
    };
    if (Object.keys(change).length > 0) {
      await tx.update(webhookEndpoints).set(change).where(eq(webhookEndpoints.id, id));
    }
    if (status === 'disabled') await disableEndpoint(tx, id, `disabled by ${by}`);
    return endpointById(tx, id);
  });
}

/** Its deliveries stay to be looked at; what was on its way has failed. @throws HoldfastError `not_found` */
export async function deleteEndpoint({ db }: WebhookContext, id: string, by: string): Promise<void> {
  await db.transaction(async (tx) => {
    await lockEndpoint(tx, id);
    await disableEndpoint(tx, id, `deleted by ${by}`);
    await tx
      .update(operatorItems)
      .set({
        status: 'resolved',
        resolution: 'acknowledged',
        reason: 'the endpoint was deleted',
        resolvedBy: by,
        resolvedAt: new Date(),
      })
      .where(
        and(
          eq(operatorItems.kind, 'failed_delivery'),
          eq(operatorItems.ref, id),
          eq(operatorItems.status, 'open'),
        ),
      );
    await tx
      .update(webhookEndpoints)
      // Nobody signs with it any more.
      .set({ deletedAt: new Date(), secret: '', previousSecret: null, previousUntil: null })
      .where(eq(webhookEndpoints.id, id));
  });
}

/** The secret before it signs as well for a day, so that no event is refused meanwhile. @throws `not_found` */
export async function rotateSecret(
  { db, payloadKey }: WebhookContext,
  id: string,
): Promise<EndpointWithSecret> {
  const secret = newSigningSecret();
  const [endpoint] = await db
    .update(webhookEndpoints)
    .set({
      secret: sealText(payloadKey, secret, secretPlace(id)),
      previousSecret: sql`secret`,
      previousUntil: new Date(Date.now() + ROTATION_MS),
    })
    .where(and(eq(webhookEndpoints.id, id), isNull(webhookEndpoints.deletedAt)))
    .returning();
  return { endpoint: endpoint ?? (await endpointById(db, id)), secret };
}

/** An event that means nothing, on the way that all of them take. @throws HoldfastError `not_found`, `conflict` */
export async function sendTestEvent({ db }: WebhookContext, id: string): Promise<DeliveryRow> {
  const endpoint = await endpointById(db, id);
  assertEnabled(endpoint);
  const data = JSON.stringify({ endpointId: id });
  const [sent] = await db.execute<{ id: string }>(sql`
    SELECT id FROM webhook_send(${TEST_EVENT_TYPE}, NULL, now(), ${data}::jsonb, ${id})`);
  if (sent === undefined) throw new HoldfastError('conflict', { message: 'the endpoint was disabled' });
  return deliveryById(db, sent.id);
}

/**
 * Sends an event again, whatever became of it, under its own id: the whole schedule starts over. One that is being
 * sent at this moment is not sent twice at once.
 * @throws HoldfastError `not_found`; `conflict`: its endpoint is disabled or deleted
 */
export async function redeliver({ db }: Pick<WebhookContext, 'db'>, id: string): Promise<DeliveryRow> {
  const { endpointId } = await deliveryById(db, id);
  return db.transaction(async (tx) => {
    assertEnabled(await lockEndpoint(tx, endpointId));
    await tx.update(webhookDeliveries).set(startsOver()).where(eq(webhookDeliveries.id, id));
    return deliveryById(tx, id);
  });
}

/** Everything that has failed at an endpoint is sent again. @throws HoldfastError `not_found`, `conflict` */
export async function resendFailed(tx: Db, endpointId: string): Promise<void> {
  assertEnabled(await endpointById(tx, endpointId));
  await retryFailed(tx, endpointId);
}

function assertEnabled({ status }: EndpointRow): void {
  if (status === 'enabled') return;
  throw new HoldfastError('conflict', { message: 'the endpoint is disabled: enable it first' });
}

/** @throws HoldfastError `not_found` */
export async function lockEndpoint(tx: Db, id: string): Promise<EndpointRow> {
  const [row] = await tx
    .select()
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.id, id), isNull(webhookEndpoints.deletedAt)))
    .for('update');
  return row ?? endpointById(tx, id);
}
