/** An operator's word about money that a payer's bank takes back; goes into the caller's transaction. */
import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { entries, postings } from '../db/schema.js';
import {
  type Chargeback,
  type ChargedOrder,
  chargebackKey,
  chargebackPosting,
  chargebackReturnPosting,
  isCovered,
  owedChargebackPosting,
} from '../domain/chargeback-postings.js';
import { HoldfastError } from '../domain/errors.js';
import type { Leg } from '../domain/postings.js';
import { post } from './post.js';

/** Under the lock of the order's row, which refunds take too: of two at once, the second sees what the first left. */
interface LockedChargeback extends Chargeback {
  order: ChargedOrder & { refundOpen: boolean };
}

/**
 * Whoever had the money pays; what they have no more, they owe. A dispute takes its money once.
 * @throws HoldfastError `conflict`: it is more than is left of the payment, or a refund of the order is open
 */
export async function takeChargeback(tx: Db, chargeback: LockedChargeback, nowMs: number): Promise<void> {
  if ((await takenBy(tx, chargeback)).length > 0) return;
  assertPossible(chargeback);
  try {
    await tx.transaction((savepoint) => post(savepoint, chargebackPosting(chargeback, nowMs)));
  } catch (error) {
    const isSpent = error instanceof HoldfastError && error.code === 'insufficient_funds';
    if (!isSpent || chargeback.order.kind !== 'topup') throw error;
    await post(tx, owedChargebackPosting(chargeback, nowMs));
  }
}

function assertPossible(chargeback: LockedChargeback): void {
  const { captured, refunded, refundOpen } = chargeback.order;
  if (!isCovered(chargeback)) {
    const left = captured - refunded;
    throw new HoldfastError('conflict', {
      message:
        `of ${captured} fen that were paid ${left} are left to be taken: contest it with reject, or settle it ` +
        'where it is and resolve it with settled_by_hand',
      details: { reason: 'too_much', left },
    });
  }
  if (refundOpen) {
    throw new HoldfastError('conflict', {
      message: 'a refund of this order is open: decide about it, or wait for its end, first',
      details: { reason: 'refund_open' },
    });
  }
}

/** Gives back what was taken for a dispute that the bank decided for us; nothing where nothing was taken. */
export async function returnChargeback(tx: Db, chargeback: Chargeback): Promise<void> {
  const taken = await takenBy(tx, chargeback);
  if (taken.length > 0) await post(tx, chargebackReturnPosting(chargeback, taken));
}

async function takenBy(tx: Db, chargeback: Chargeback): Promise<Leg[]> {
  return tx
    .select({ account: entries.account, amount: entries.amount })
    .from(entries)
    .innerJoin(postings, eq(postings.id, entries.postingId))
    .where(eq(postings.key, chargebackKey(chargeback)));
}
