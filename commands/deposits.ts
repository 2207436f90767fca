import { and, eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { openItem, resolveItem } from '../db/operator-items.js';
import { deposits } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { postDepositReturn } from '../ledger/deposits.js';
import { lockOrder } from '../ledger/refund-rows.js';

export type DepositRow = typeof deposits.$inferSelect;

/**
 * Locked, unless it was returned: then nothing about it changes any more.
 * @throws HoldfastError `deposit_not_found`
 */
async function lockDeposit(tx: Db, id: string): Promise<DepositRow> {
  const [found] = await tx.select().from(deposits).where(eq(deposits.id, id));
  if (found === undefined) throw new HoldfastError('deposit_not_found');
  if (found.status === 'returned') return found;
  // The order's row comes first in every money transaction.
  await lockOrder(tx, found.orderNo);
  const [row] = await tx.select().from(deposits).where(eq(deposits.id, id)).for('update');
  if (row === undefined) throw new Error('a deposit vanished');
  return row;
}

async function change(tx: Db, id: string, fields: Partial<DepositRow>): Promise<DepositRow> {
  const [row] = await tx.update(deposits).set(fields).where(eq(deposits.id, id)).returning();
  if (row === undefined) throw new Error('a locked deposit vanished');
  return row;
}

/**
 * Gives a deposit back to the balance that it came from; a repeat answers it as it is.
 * @throws HoldfastError `deposit_not_found`
 */
export async function returnDeposit(db: Db, id: string, by: string): Promise<DepositRow> {
  return db.transaction(async (tx) => {
    const row = await lockDeposit(tx, id);
    if (row.status === 'returned') return row;
    await postDepositReturn(tx, row);
    if (row.returnAskedAt !== null) {
      await resolveItem(tx, { kind: 'deposit_return', ref: id, resolution: 'accept', reason: null, by });
    }
    return change(tx, id, { status: 'returned', returnedAt: new Date(), returnedBy: by });
  });
}

/**
 * Its payer wants a deposit back: an operator decides, since it may secure something. A repeat asks nothing more.
 * @throws HoldfastError `deposit_not_found`, also for another user's
 */
export async function askForReturn(db: Db, userId: string, id: string): Promise<DepositRow> {
  return db.transaction(async (tx) => {
    const owned = and(eq(deposits.id, id), eq(deposits.userId, userId));
    if ((await tx.$count(deposits, owned)) === 0) throw new HoldfastError('deposit_not_found');
    const row = await lockDeposit(tx, id);
    if (row.status === 'returned' || row.returnAskedAt !== null) return row;
    const { orderNo, amount, refCode, remark } = row;
    await openItem(tx, {
      kind: 'deposit_return',
      ref: id,
      orderNo,
      details: { userId, amount, refCode, remark },
    });
    return change(tx, id, { returnAskedAt: new Date() });
  });
}

/** An operator's word about what a payer asked for; goes into the transaction that resolves its item. */
export async function decideReturn(
  tx: Db,
  id: string,
  { resolution, by }: { resolution: string; by: string },
): Promise<void> {
  if (resolution === 'accept') await returnDeposit(tx, id, by);
  else await change(tx, id, { returnAskedAt: null });
}
