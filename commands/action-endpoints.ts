/** Types of nextAction that go to a merchant's own system. */
import { eq } from 'drizzle-orm';
import { type ActionEndpointRow, actionEndpointOf, actionSecretPlace } from '../db/action-endpoints.js';
import { actionEndpoints } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import type { ActionType } from '../domain/next-actions.js';
import { outgoingUrl } from '../outgoing/url.js';
import { sealText } from '../temporal/key-ring.js';
import type { WebhookContext } from './webhooks.js';

export interface ActionEndpointInput {
  url: string;
  /** By Standard Webhooks: base64, with or without `whsec_` before it. */
  secret: string;
  timeoutMs: number;
}

/** From the next step of this type on. @throws HoldfastError `invalid_request`: nothing of ours may call that URL */
export async function putActionEndpoint(
  { db, allowPrivateUrls, payloadKey }: WebhookContext,
  type: ActionType,
  { url, secret, timeoutMs }: ActionEndpointInput,
  by: string,
): Promise<ActionEndpointRow> {
  const { href } = outgoingUrl(url, { allowPrivate: allowPrivateUrls });
  const values = {
    url: href,
    secret: sealText(payloadKey, secret, actionSecretPlace(type)),
    timeoutMs,
    updatedBy: by,
    updatedAt: new Date(),
  };
  const [row] = await db
    .insert(actionEndpoints)
    .values({ type, ...values })
    .onConflictDoUpdate({ target: actionEndpoints.type, set: values })
    .returning();
  if (row === undefined) throw new Error('an upsert answered no row');
  return row;
}

/** @throws HoldfastError `not_found` */
export async function getActionEndpoint(
  db: WebhookContext['db'],
  type: ActionType,
): Promise<ActionEndpointRow> {
  const row = await actionEndpointOf(db, type);
  if (row === null) throw notRouted(type);
  return row;
}

/** Steps of this type are carried out here again. @throws HoldfastError `not_found` */
export async function deleteActionEndpoint(db: WebhookContext['db'], type: ActionType): Promise<void> {
  const gone = await db
    .delete(actionEndpoints)
    .where(eq(actionEndpoints.type, type))
    .returning({ type: actionEndpoints.type });
  if (gone.length === 0) throw notRouted(type);
}

function notRouted(type: ActionType): HoldfastError {
  return new HoldfastError('not_found', { message: `type ${type} is carried out here` });
}
