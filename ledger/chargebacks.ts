/** An operator's word about money that a payer's bank takes back; goes into the caller's transaction. */
import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { entries, postings } from '../db/schema.js';
import {
  type Chargeback,
  chargebackKey,
  chargebackPosting,
  chargebackReturnPosting,
  owedChargebackPosting,
} from '../domain/chargeback-postings.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import { account } from '../domain/postings.js';
import { post } from './post.js';

/** Whoever had the money pays; what they have no more, they owe. */
export async function takeChargeback(tx: Db, chargeback: Chargeback): Promise<void> {
  try {
    await tx.transaction((savepoint) => post(savepoint, chargebackPosting(chargeback)));
  } catch (error) {
    const isSpent = error instanceof HoldfastError && error.code === 'insufficient_funds';
    if (!isSpent || chargeback.order.kind !== 'topup') throw error;
    await post(tx, owedChargebackPosting(chargeback));
  }
}

/** Gives back what was taken for a dispute that the bank decided for us; nothing where nothing was taken. */
export async function returnChargeback(tx: Db, chargeback: Chargeback): Promise<void> {
  const taken = await tx
    .select({ account: entries.account, amount: entries.amount })
    .from(entries)
    .innerJoin(postings, eq(postings.id, entries.postingId))
    .where(eq(postings.key, chargebackKey(chargeback)));
  if (taken.length === 0) return;
  const cash = taken.find((entry) => entry.account === account.cash(chargeback.order.buyerId));
  await post(tx, chargebackReturnPosting(chargeback, fen(Math.abs(cash?.amount ?? 0))));
}
