/** What came of a try, and what follows for its endpoint. The endpoint's row is locked before its deliveries'. */
import { and, eq, isNotNull, isNull, ne, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { openItem } from '../db/operator-items.js';
import { type DeliveryAttempt, webhookDeliveries, webhookEndpoints } from '../db/schema.js';
import type { Leased } from './deliveries.js';

export interface Noted {
  at: Date;
  /** Null where nothing was sent. */
  attempt: DeliveryAttempt | null;
  /** Null: it was the last one. */
  next: Date | null;
  /** The receiver asks for no more of them. */
  gone: boolean;
}

// Ten tries, and what people ask for by hand.
const KEPT_ATTEMPTS = 50;

/** Appended in SQL: two relays may note tries of the same delivery, when one was thought dead. */
function withAttempt(attempt: DeliveryAttempt | null) {
  if (attempt === null) return {};
  const added = sql`${webhookDeliveries.attempts} || ${JSON.stringify([attempt])}::jsonb`;
  return {
    attempts: sql<
      DeliveryAttempt[]
    >`CASE WHEN jsonb_array_length(${webhookDeliveries.attempts}) < ${KEPT_ATTEMPTS}
      THEN ${added} ELSE (${added}) - 0 END`,
  };
}

export async function noteSuccess(
  db: Db,
  { id, endpointId, failing }: Leased,
  { at, attempt }: Pick<Noted, 'at' | 'attempt'>,
): Promise<void> {
  if (failing) {
    await db
      .update(webhookEndpoints)
      .set({ failingSince: null })
      .where(and(eq(webhookEndpoints.id, endpointId), isNotNull(webhookEndpoints.failingSince)));
  }
  await db
    .update(webhookDeliveries)
    .set({
      ...withAttempt(attempt),
      status: 'succeeded',
      leasedUntil: null,
      endedAt: new Date(),
      firstTriedAt: sql`COALESCE(first_tried_at, ${at.toISOString()}::timestamptz)`,
    })
    .where(eq(webhookDeliveries.id, id));
}

/** Tried again later; or it has failed, and a person is told. */
export async function noteFailure(db: Db, delivery: Leased, noted: Noted): Promise<void> {
  const { id, endpointId, failing } = delivery;
  const { at, attempt, next, gone } = noted;
  await db.transaction(async (tx) => {
    if (!failing && attempt !== null) {
      await tx
        .update(webhookEndpoints)
        .set({ failingSince: at })
        .where(and(eq(webhookEndpoints.id, endpointId), isNull(webhookEndpoints.failingSince)));
    }
    if (gone) await disableEndpoint(tx, endpointId, 'it answered 410 Gone');
    await tx
      .update(webhookDeliveries)
      .set({
        ...withAttempt(attempt),
        leasedUntil: null,
        ...(attempt !== null && {
          firstTriedAt: sql`COALESCE(first_tried_at, ${at.toISOString()}::timestamptz)`,
        }),
        ...(next === null ? { status: 'failed' as const, endedAt: new Date() } : { dueAt: next }),
      })
      // Another try of the same delivery may have succeeded.
      .where(and(eq(webhookDeliveries.id, id), ne(webhookDeliveries.status, 'succeeded')));
    if (next === null && attempt !== null) await tellOperators(tx, delivery, attempt);
  });
}

/**
 * No event is sent to it any more, and what was on its way has failed, visibly: it can be sent again by hand once the
 * endpoint is enabled.
 */
export async function disableEndpoint(tx: Db, endpointId: string, reason: string): Promise<void> {
  await tx
    .update(webhookEndpoints)
    .set({ status: 'disabled', disabledReason: reason })
    .where(eq(webhookEndpoints.id, endpointId));
  await tx
    .update(webhookDeliveries)
    .set({ status: 'failed', endedAt: new Date(), leasedUntil: null })
    .where(and(eq(webhookDeliveries.endpointId, endpointId), eq(webhookDeliveries.status, 'pending')));
}

/**
 * One item for each endpoint: whoever repairs it looks at it once, and sends all that has failed again. Its URL may
 * hold a token, so its host stands there alone.
 */
async function tellOperators(
  tx: Db,
  { id, endpointId, url, type }: Leased,
  last: DeliveryAttempt,
): Promise<void> {
  await openItem(tx, {
    kind: 'failed_delivery',
    ref: endpointId,
    orderNo: null,
    details: { endpointId, host: new URL(url).host, deliveryId: id, type, error: last.error },
  });
}
