import type { Db } from '../db/client.js';
import type { operatorItems } from '../db/schema.js';
import { type Chargeback, isCovered } from '../domain/chargeback-postings.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import { PROVIDER_CHANNELS } from '../domain/order.js';
import { returnChargeback, takeChargeback } from '../ledger/chargebacks.js';
import { lockOrder } from '../ledger/refund-rows.js';

type Item = typeof operatorItems.$inferSelect;

/**
 * An operator's word about a dispute, in the caller's transaction. `accept`: the money goes, and whoever had it pays.
 * `reject`: it is contested, and stays where it is; what was taken before the bank decided for us is given back.
 * `settled_by_hand`: what cannot be taken here was dealt with elsewhere, and nothing moves.
 * @throws HoldfastError `conflict`: the bank has decided otherwise, the money is none that we have booked, more than
 *   is left of it, or a refund of its order is open
 */
export async function decideChargeback(
  tx: Db,
  item: Item,
  { resolution, nowMs }: { resolution: string; nowMs: number },
): Promise<void> {
  const { status } = item.details;
  if (resolution === 'reject' && status === 'lost')
    throw refused('the bank has given the money back to the payer: resolve it with accept');
  if (resolution !== 'reject' && status === 'won')
    throw refused('the bank has decided for us: resolve it with reject');
  const chargeback = await chargebackOf(tx, item);
  if (resolution === 'reject') {
    // Nothing else can have been taken.
    if (status === 'won' && chargeback !== null) await returnChargeback(tx, chargeback);
  } else if (resolution === 'settled_by_hand') {
    if (chargeback !== null && isCovered(chargeback))
      throw refused('the money is in the books: take it with accept, or contest it with reject');
  } else {
    if (chargeback === null)
      throw refused('the disputed payment is none in the books: settle it where it is, by hand');
    await takeChargeback(tx, chargeback, nowMs);
  }
}

/** Null where the books have nothing that it could take: it paid no order, or not in CNY. Locks the order. */
async function chargebackOf(tx: Db, { orderNo, details }: Item) {
  const channel = PROVIDER_CHANNELS.find((name) => name === details['channel']);
  if (channel === undefined) throw new Error('a dispute is a provider’s');
  if (orderNo === null || details['currency'] !== 'CNY') return null;
  return {
    channel,
    disputeNo: String(details['disputeNo']),
    amountFen: fen(Number(details['amount'])),
    order: await lockOrder(tx, orderNo),
  } satisfies Chargeback;
}

function refused(message: string): HoldfastError {
  return new HoldfastError('conflict', { message });
}
