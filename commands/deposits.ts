import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { deposits } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { postDepositReturn } from '../ledger/deposits.js';

export type DepositRow = typeof deposits.$inferSelect;

/**
 * Gives a deposit back to the balance that it came from; a repeat answers it as it is.
 * @throws HoldfastError `deposit_not_found`
 */
export async function returnDeposit(db: Db, id: string, by: string): Promise<DepositRow> {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(deposits).where(eq(deposits.id, id)).for('update');
    if (row === undefined) throw new HoldfastError('deposit_not_found');
    if (row.status === 'returned') return row;
    await postDepositReturn(tx, row);
    const [returned] = await tx
      .update(deposits)
      .set({ status: 'returned', returnedAt: new Date(), returnedBy: by })
      .where(eq(deposits.id, id))
      .returning();
    if (returned === undefined) throw new Error('a locked deposit vanished');
    return returned;
  });
}
