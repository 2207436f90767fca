/** Parked steps that an operator has retried all at once. */
import type { Client } from '@temporalio/client';
import { eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { orderByNo, stepOf } from '../db/orders.js';
import { bulkRetries, bulkRetrySteps } from '../db/schema.js';
import type { BulkStepState } from '../domain/bulk-retries.js';
import { HoldfastError } from '../domain/errors.js';
import { retryAction } from '../workflows/contract.js';
import { update } from './order-updates.js';
import { comesRoundAgain } from './schedule.js';

/** Retries one of them, and notes that. @throws HoldfastError `unavailable`: it comes round again */
export async function deliverBulkStep(db: Db, temporal: Client, id: number): Promise<void> {
  const [row] = await db
    .select()
    .from(bulkRetrySteps)
    .innerJoin(bulkRetries, eq(bulkRetries.id, bulkRetrySteps.bulkId))
    .where(eq(bulkRetrySteps.id, id));
  if (row === undefined) throw new Error(`step ${id} of a bulk retry vanished`);
  const { bulkId, orderNo, path } = row.bulk_retry_steps;
  // One wish, whichever relay gives it.
  const asked = { by: row.bulk_retries.createdBy, idempotencyKey: `bulk ${bulkId} ${orderNo}:${path}` };
  const state = await retried(db, temporal, { orderNo, path }, asked);
  await db.update(bulkRetrySteps).set({ state, endedAt: new Date() }).where(eq(bulkRetrySteps.id, id));
}

async function retried(
  db: Db,
  temporal: Client,
  { orderNo, path }: { orderNo: string; path: string },
  asked: { by: string; idempotencyKey: string },
): Promise<BulkStepState> {
  const isParked = async (): Promise<boolean> => (await stepOf(db, orderNo, path)).status === 'parked';
  if (!(await isParked())) return 'left';
  try {
    const order = await orderByNo(db, orderNo);
    const taken = await update({ db, temporal }, order, retryAction, { path, by: asked.by }, asked);
    return taken ? 'retried' : 'left';
  } catch (error) {
    // Somebody else was faster; where PostgreSQL says that it is parked, the workflow has not heard of that yet.
    const wasFaster = error instanceof HoldfastError && error.code === 'step_not_parked';
    if (wasFaster && !(await isParked())) return 'left';
    throw error;
  }
}

/** Leases steps whose turn it is. Two relays never get the same one. */
export async function leaseBulkSteps(db: Db, limit: number): Promise<number[]> {
  const rows = await db.execute<{ id: string }>(sql`
    UPDATE bulk_retry_steps SET attempts = attempts + 1, due_at = ${comesRoundAgain(bulkRetrySteps.attempts)}
     WHERE id IN (
       SELECT id FROM bulk_retry_steps WHERE state = 'waiting' AND due_at <= now()
        ORDER BY due_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id`);
  return rows.map((row) => Number(row.id));
}
