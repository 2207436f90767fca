import type { Db } from '../db/client.js';
import { orderByNo } from '../db/orders.js';
import type { operatorItems } from '../db/schema.js';
import type { Chargeback } from '../domain/chargeback-postings.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import { PROVIDER_CHANNELS } from '../domain/order.js';
import { returnChargeback, takeChargeback } from '../ledger/chargebacks.js';

type Item = typeof operatorItems.$inferSelect;

/**
 * An operator's word about a dispute, in the caller's transaction. `accept`: the money goes, and whoever had it pays.
 * `reject`: it is contested, and stays where it is; what was taken before the bank decided for us is given back.
 * @throws HoldfastError `conflict`: the bank has decided otherwise, or the money is none that we have booked
 */
export async function decideChargeback(tx: Db, item: Item, resolution: string): Promise<void> {
  const { status } = item.details;
  if (resolution === 'accept') {
    if (status === 'won') throw refused('the bank has decided for us: resolve it with reject');
    await takeChargeback(tx, await chargebackOf(tx, item));
    return;
  }
  if (status === 'lost')
    throw refused('the bank has given the money back to the payer: resolve it with accept');
  // Nothing else can have been taken.
  const isBooked = item.orderNo !== null && item.details['currency'] === 'CNY';
  if (status === 'won' && isBooked) await returnChargeback(tx, await chargebackOf(tx, item));
}

async function chargebackOf(tx: Db, { orderNo, details }: Item): Promise<Chargeback> {
  const channel = PROVIDER_CHANNELS.find((name) => name === details['channel']);
  if (channel === undefined) throw new Error('a dispute is a provider’s');
  if (orderNo === null) throw refused('the disputed payment has paid no order: settle its money where it is');
  if (details['currency'] !== 'CNY')
    throw refused('the disputed payment is not in CNY, and not in the books');
  const order = await orderByNo(tx, orderNo);
  const amountFen = fen(Number(details['amount']));
  if (amountFen < 1 || amountFen > order.captured)
    throw refused(`of this order ${order.captured} fen were paid`);
  return { channel, disputeNo: String(details['disputeNo']), amountFen, order };
}

function refused(message: string): HoldfastError {
  return new HoldfastError('conflict', { message });
}
