import { createHash, randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { bulkRetries } from '../db/schema.js';
import type { BulkFilter } from '../domain/bulk-retries.js';
import { HoldfastError } from '../domain/errors.js';
import type { Asked } from '../relay/order-updates.js';

export interface BulkRetry {
  id: string;
  filter: BulkFilter;
  createdBy: string;
  createdAt: Date;
  /** How many steps were parked when it began; the rest says what became of them. */
  total: number;
  waiting: number;
  retried: number;
  left: number;
}

/**
 * Notes every step that is parked now and fits; the relay retries them, some at a time. What parks meanwhile, or again,
 * is not part of it. The same key makes it once.
 */
export async function startBulkRetry(
  db: Db,
  filter: BulkFilter,
  { by, idempotencyKey }: Asked,
): Promise<BulkRetry> {
  const id =
    idempotencyKey === null
      ? randomBytes(12).toString('hex')
      : createHash('sha256').update(`bulk\n${by}\n${idempotencyKey}`).digest('hex').slice(0, 24);
  await db.transaction(async (tx) => {
    const made = await tx
      .insert(bulkRetries)
      .values({ id, filter, createdBy: by })
      .onConflictDoNothing()
      .returning({ id: bulkRetries.id });
    if (made.length === 0) return;
    await tx.execute(sql`
      INSERT INTO bulk_retry_steps (bulk_id, order_no, path)
      SELECT ${id}, s.order_no, s.path
        FROM action_steps s JOIN orders o USING (order_no)
       WHERE s.status = 'parked'
         AND (${filter.code ?? null}::text IS NULL OR s.error ->> 'code' = ${filter.code ?? null})
         AND (${filter.type ?? null}::int IS NULL OR s.type = ${filter.type ?? null})
         AND (${filter.buyerId ?? null}::text IS NULL OR o.buyer_id = ${filter.buyerId ?? null})
         AND (${filter.triedBefore ?? null}::timestamptz IS NULL OR s.tried_at < ${filter.triedBefore ?? null}::timestamptz)
       ORDER BY s.tried_at`);
  });
  return bulkRetryById(db, id);
}

/** @throws HoldfastError `not_found` */
export async function bulkRetryById(db: Db, id: string): Promise<BulkRetry> {
  const [row] = await db.select().from(bulkRetries).where(eq(bulkRetries.id, id));
  if (row === undefined) throw new HoldfastError('not_found', { message: 'there is no such bulk retry' });
  const [counts] = await db.execute<Record<'total' | 'waiting' | 'retried' | 'left', number>>(sql`
    SELECT count(*)::int AS total,
           count(*) FILTER (WHERE state = 'waiting')::int AS waiting,
           count(*) FILTER (WHERE state = 'retried')::int AS retried,
           count(*) FILTER (WHERE state = 'left')::int AS left
      FROM bulk_retry_steps WHERE bulk_id = ${id}`);
  if (counts === undefined) throw new Error('an aggregate answered no row');
  return { ...row, ...counts };
}
