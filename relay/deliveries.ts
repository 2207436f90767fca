/** One event on its way to one endpoint: leased, sent, noted (promise W7). */
import { sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import type { DeliveryAttempt } from '../db/schema.js';
import { secretPlace } from '../db/webhooks.js';
import { nextTryAt } from '../domain/webhooks.js';
import type { Outcome, Outgoing } from '../outgoing/post.js';
import { signedHeaders } from '../outgoing/signature.js';
import { openText } from '../temporal/key-ring.js';
import { type Noted, noteFailure, noteSuccess } from './delivery-notes.js';

const TIMEOUT_MS = 15_000;
// The time-out, and a database that is slow to note what came of it.
const LEASE = sql`interval '30 seconds'`;
/** Of one endpoint, at once. */
export const BATCH_OF_ENDPOINT = 10;
const KEPT_OF_ANSWER_BYTES = 1_024;
const GONE = 410;

export interface DeliveryParts {
  db: Db;
  outgoing: Outgoing;
  payloadKey: string | undefined;
  timeoutMs?: number;
}

export interface Leased {
  id: string;
  endpointId: string;
  messageId: string;
  type: string;
  payload: string;
  firstTriedAt: Date | null;
  url: string;
  enabled: boolean;
  failing: boolean;
  secret: string;
  /** Null where none is in force. */
  previousSecret: string | null;
}

interface LeasedRow extends Record<string, unknown> {
  id: string;
  endpoint_id: string;
  message_id: string;
  type: string;
  payload: string;
  first_tried_at: string | null;
  url: string;
  enabled: boolean;
  failing: boolean;
  secret: string;
  previous_secret: string | null;
}

/**
 * Leases what is due, so many rows of each of so many endpoints: whoever has the longest queue gets no more than
 * others. Which endpoints come first is left to chance, so that none waits behind the same others again and again.
 * @param failing whether of endpoints whose tries fail, or of the others
 * @param busy endpoints that this process is sending to
 */
export async function leaseDeliveries(
  db: Db,
  { failing, places, busy }: { failing: boolean; places: number; busy: readonly string[] },
): Promise<Leased[]> {
  if (places <= 0) return [];
  const isDue = sql`w.endpoint_id = e.id AND w.status = 'pending' AND w.due_at <= now()
                    AND (w.leased_until IS NULL OR w.leased_until < now())`;
  const rows = await db.execute<LeasedRow>(sql`
    WITH chosen AS MATERIALIZED (
      SELECT e.id FROM webhook_endpoints e
       WHERE (e.failing_since IS NOT NULL) = ${failing} AND e.id <> ALL (${sql.param(busy)}::text[])
         AND EXISTS (SELECT 1 FROM webhook_deliveries w WHERE ${isDue})
       ORDER BY random() LIMIT ${places}),
    due AS MATERIALIZED (
      SELECT rows.id FROM chosen e CROSS JOIN LATERAL (
        SELECT w.id FROM webhook_deliveries w WHERE ${isDue}
         ORDER BY w.due_at LIMIT ${BATCH_OF_ENDPOINT} FOR UPDATE SKIP LOCKED) rows)
    UPDATE webhook_deliveries d SET leased_until = now() + ${LEASE}
      FROM webhook_endpoints e, due
     WHERE d.id = due.id AND e.id = d.endpoint_id
    RETURNING d.id, d.endpoint_id, d.message_id, d.type, d.payload, d.first_tried_at, e.url,
              e.status = 'enabled' AS enabled, e.failing_since IS NOT NULL AS failing, e.secret,
              CASE WHEN e.previous_until > now() THEN e.previous_secret END AS previous_secret`);
  return rows.map((row) => ({
    id: row.id,
    endpointId: row.endpoint_id,
    messageId: row.message_id,
    type: row.type,
    payload: row.payload,
    firstTriedAt: row.first_tried_at === null ? null : new Date(row.first_tried_at),
    url: row.url,
    enabled: row.enabled,
    failing: row.failing,
    secret: row.secret,
    previousSecret: row.previous_secret,
  }));
}

/** Sends it, and notes what came of it. A process that dies in between leaves it to be sent again, under its id. */
export async function deliver(parts: DeliveryParts, delivery: Leased): Promise<void> {
  const at = new Date();
  const { db } = parts;
  if (!delivery.enabled) {
    // It was written while its endpoint was being disabled.
    await noteFailure(db, delivery, { at, attempt: null, next: null, gone: false });
    return;
  }
  const outcome = await send(parts, delivery, at);
  crashPoint('delivery: sent');
  await note(db, delivery, at, outcome);
}

async function send(
  { outgoing, payloadKey, timeoutMs = TIMEOUT_MS }: DeliveryParts,
  { endpointId, messageId, payload, url, secret, previousSecret }: Leased,
  at: Date,
): Promise<Outcome> {
  const kept = previousSecret === null ? [secret] : [secret, previousSecret];
  let secrets: string[];
  try {
    secrets = kept.map((one) => openText(payloadKey, one, secretPlace(endpointId)));
  } catch (error) {
    // An operator puts the key back meanwhile, or replaces the secret.
    return { answered: false, reason: 'no_answer', message: (error as Error).message };
  }
  const headers = signedHeaders({ id: messageId, body: payload }, secrets, at);
  return outgoing.post({ url, headers, body: payload, timeoutMs });
}

async function note(db: Db, delivery: Leased, at: Date, outcome: Outcome): Promise<void> {
  const attempt = attemptOf(at, outcome);
  if (attempt.error === null) {
    await noteSuccess(db, delivery, { at, attempt });
    return;
  }
  const gone = outcome.answered && outcome.status === GONE;
  const firstAtMs = (delivery.firstTriedAt ?? at).getTime();
  const nextMs = gone ? null : nextTryAt(firstAtMs, at.getTime(), Math.random());
  const noted: Noted = { at, attempt, next: nextMs === null ? null : new Date(nextMs), gone };
  await noteFailure(db, delivery, noted);
}

function attemptOf(at: Date, outcome: Outcome): DeliveryAttempt {
  const common = { at: at.toISOString(), durationMs: Date.now() - at.getTime() };
  if (!outcome.answered) return { ...common, status: null, error: outcome.message, answer: null };
  const { status, body } = outcome;
  const answer = new TextDecoder().decode(Buffer.from(body).subarray(0, KEPT_OF_ANSWER_BYTES));
  return { ...common, status, error: faultOf(status), answer };
}

/** Only a 2xx says that the event has arrived. */
function faultOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `answered ${status}; redirects are not followed`;
  return status === GONE ? 'answered 410: this endpoint wants no more events' : `answered ${status}`;
}
