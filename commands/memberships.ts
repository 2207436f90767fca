import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type RenewalRow, addRenewalEvent, lockRenewal } from '../db/memberships.js';
import { membershipRenewals } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';

/**
 * Nothing is charged from then on, and what was paid for stays. One that has ended is answered as it is.
 * @throws HoldfastError `not_found`, also for another user's
 */
export async function cancelRenewal(db: Db, userId: string, id: string, by: string): Promise<RenewalRow> {
  return db.transaction(async (tx) => {
    const row = await lockRenewal(tx, id);
    if (row.userId !== userId) throw new HoldfastError('not_found');
    if (row.status !== 'active') return row;
    const now = new Date();
    const [cancelled] = await tx
      .update(membershipRenewals)
      .set({ status: 'cancelled', endedAt: now, endedBy: by, endReason: 'cancelled', startDueAt: now })
      .where(eq(membershipRenewals.id, id))
      .returning();
    if (cancelled === undefined) throw new Error('a locked renewal vanished');
    await addRenewalEvent(tx, 'membership.renewal_ended', row, {});
    return cancelled;
  });
}
