/** Rows of merchants' endpoints and of what is on its way to them. */
import { and, eq, isNull, sql } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import type { Db } from './client.js';
import { webhookDeliveries, webhookEndpoints } from './schema.js';

export type EndpointRow = typeof webhookEndpoints.$inferSelect;
export type DeliveryRow = typeof webhookDeliveries.$inferSelect;

/** @throws HoldfastError `not_found`, also for one that was deleted */
export async function endpointById(db: Db, id: string): Promise<EndpointRow> {
  const [row] = await db
    .select()
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.id, id), isNull(webhookEndpoints.deletedAt)));
  if (row === undefined)
    throw new HoldfastError('not_found', { message: `there is no webhook endpoint ${id}` });
  return row;
}

/** @throws HoldfastError `not_found` */
export async function deliveryById(db: Db, id: string): Promise<DeliveryRow> {
  const [row] = await db.select().from(webhookDeliveries).where(eq(webhookDeliveries.id, id));
  if (row === undefined)
    throw new HoldfastError('not_found', { message: `there is no webhook delivery ${id}` });
  return row;
}

/** What a delivery is when it starts over: due now, with the whole schedule before it and its tries kept. */
export const startsOver = () =>
  ({ status: 'pending', dueAt: new Date(), firstTriedAt: null, endedAt: null }) as const;

/** Sends everything again that has failed at an endpoint. */
export async function retryFailed(db: Db, endpointId: string): Promise<void> {
  await db
    .update(webhookDeliveries)
    .set(startsOver())
    .where(and(eq(webhookDeliveries.endpointId, endpointId), eq(webhookDeliveries.status, 'failed')));
}

/** Whom a secret belongs to, and which of its two: a sealed one opens at its own place alone. */
export const secretPlace = (endpointId: string): string => `webhook endpoint ${endpointId}`;

const DELIVERED_KEPT_FOR = sql`interval '30 days'`;
const REMOVED_AT_ONCE = 10_000;

/** What has arrived is kept for a month; what has failed stays. */
export async function forgetDelivered(db: Db): Promise<void> {
  let removed: unknown[];
  do {
    removed = await db.execute(sql`
      DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries
         WHERE status = 'succeeded' AND ended_at < now() - ${DELIVERED_KEPT_FOR}
         ORDER BY ended_at LIMIT ${REMOVED_AT_ONCE})
      RETURNING 1`);
  } while (removed.length === REMOVED_AT_ONCE);
}
