/**
 * `Idempotency-Key`: the same key and the same request answer what the first one answered (wire.md, section 6).
 *
 * What is kept must be of no use to who reads the database. A body may hold a pay password of six digits, so its
 * fingerprint is keyed with the caller's own credential; an answer that shows a secret once is encrypted likewise.
 * We keep neither key. So a repeat with another credential (a new access token of the same user) is told that it
 * differs, rather than run a second time or shown the secret.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { HoldfastError } from '../domain/errors.js';
import type { Answer } from './endpoint.js';
import { invalid } from './json.js';

const LEASE = sql`interval '30 seconds'`;
const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;
/** Answers about the moment, or about the credential: the next try may be answered otherwise. */
const NOT_KEPT = new Set([401, 403, 423, 429]);

export interface Repeatable {
  /** Keys of different callers never meet. */
  caller: string;
  key: string;
  credential: string;
  method: string;
  url: string;
  body: unknown;
  secretAnswer: boolean;
}

/** @throws HoldfastError `invalid_request` */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && VISIBLE_ASCII.test(header)) return header;
  throw invalid('header', 'Idempotency-Key', 'must have 1 to 255 visible ASCII characters');
}

function derivedKey(request: Repeatable, use: 'fingerprint' | 'seal'): Buffer {
  return Buffer.from(hkdfSync('sha256', request.credential, 'holdfast', `idempotency ${use}`, 32));
}

/** JSON with its names in order, so that the same fields in another order are the same request. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_name, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? ''
  );
}

function fingerprintOf(request: Repeatable): string {
  return createHmac('sha256', derivedKey(request, 'fingerprint'))
    .update(`${request.method} ${request.url}\n${canonical(request.body)}`)
    .digest('hex');
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

function seal(request: Repeatable, text: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', derivedKey(request, 'seal'), iv);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
}

function unseal(request: Repeatable, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', derivedKey(request, 'seal'), bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
}

/** Text, not a value: jsonb would put an object's names in another order than the first answer had. */
type Kept = { text: string | null } | { sealed: string };

type Claim = { lease: string } | { replay: Answer };

/** In one round trip: takes the key, or finds out what it stands for. */
async function claim(db: Db, request: Repeatable): Promise<Claim> {
  const fingerprint = fingerprintOf(request);
  const [row] = await db.execute<{
    lease: string | null;
    fingerprint: string | null;
    status: number | null;
    body: Kept | null;
  }>(sql`
    WITH claimed AS (
      INSERT INTO idempotency_keys AS k (caller, key, fingerprint, lease_until)
        VALUES (${request.caller}, ${request.key}, ${fingerprint}, now() + ${LEASE})
      ON CONFLICT (caller, key) DO UPDATE SET lease_until = now() + ${LEASE}
        WHERE k.status IS NULL AND k.lease_until < now() AND k.fingerprint = excluded.fingerprint
      RETURNING lease_until::text AS lease)
    SELECT (SELECT lease FROM claimed) AS lease, k.fingerprint, k.status, k.body
      FROM (SELECT 1) AS one LEFT JOIN idempotency_keys k ON k.caller = ${request.caller} AND k.key = ${request.key}`);
  if (row?.lease) return { lease: row.lease };
  if (row?.fingerprint && row.fingerprint !== fingerprint) {
    throw new HoldfastError('idempotency_conflict', {
      message: 'this Idempotency-Key was used with another method, path, body or credential',
    });
  }
  // A row that the snapshot does not show was inserted a moment ago by somebody who is still at work.
  if (!row?.status) {
    throw new HoldfastError('idempotency_in_progress', {
      message: 'the first request with this key is under way',
    });
  }
  return { replay: replayed(request, row.status, row.body) };
}

function replayed(request: Repeatable, status: number, kept: Kept | null): Answer {
  const text = kept === null ? null : 'sealed' in kept ? unseal(request, kept.sealed) : kept.text;
  return {
    status,
    body: text === null ? undefined : (JSON.parse(text) as unknown),
    contentType: status >= 400 ? 'application/problem+json' : undefined,
    headers: { 'Idempotent-Replayed': 'true' },
  };
}

async function keep(db: Db, request: Repeatable, lease: string, answer: Answer): Promise<void> {
  // Only while the lease is ours: after it, somebody else may be at work under this key.
  const mine = sql`caller = ${request.caller} AND key = ${request.key} AND status IS NULL AND lease_until = ${lease}::timestamptz`;
  if (answer.status >= 500 || NOT_KEPT.has(answer.status) || answer.send !== undefined) {
    await db.execute(sql`DELETE FROM idempotency_keys WHERE ${mine}`);
    return;
  }
  const text = answer.body === undefined ? null : JSON.stringify(answer.body);
  const kept: Kept = text !== null && request.secretAnswer ? { sealed: seal(request, text) } : { text };
  await db.execute(sql`
    UPDATE idempotency_keys SET status = ${answer.status}, body = ${JSON.stringify(kept)}::jsonb WHERE ${mine}`);
}

/**
 * Runs the work unless its answer is known.
 * @param work never rejects: an error is an answer too
 * @throws HoldfastError `idempotency_conflict`, `idempotency_in_progress`
 */
export async function onceOnly(db: Db, request: Repeatable, work: () => Promise<Answer>): Promise<Answer> {
  const claimed = await claim(db, request);
  if ('replay' in claimed) return claimed.replay;
  const answer = await work();
  await keep(db, request, claimed.lease, answer);
  return answer;
}

const KEPT_FOR = sql`interval '24 hours'`;

/** Keys are good for a day; older ones go, a bounded number at a time. */
export async function forgetOldKeys(db: Db): Promise<void> {
  await db.execute(sql`
    DELETE FROM idempotency_keys WHERE (caller, key) IN (
      SELECT caller, key FROM idempotency_keys WHERE created_at < now() - ${KEPT_FOR} ORDER BY created_at LIMIT 10000)`);
}
