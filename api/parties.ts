/** Which orders a caller may see, and act on: a stranger's order is one that does not exist. */
import { eq } from 'drizzle-orm';
import { type Caller, hasScope, isOperator } from '../commands/credentials.js';
import type { Db } from '../db/client.js';
import type { OrderRow } from '../db/orders.js';
import { orders } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';

export type Party = 'buyer' | 'seller' | 'backend' | 'operator';

function partiesOf(caller: Caller, order: OrderRow): ReadonlySet<Party> {
  const parties = new Set<Party>();
  if (hasScope(caller, 'orders')) parties.add('backend');
  if (isOperator(caller)) parties.add('operator');
  if (caller.kind === 'user' && caller.userId === order.buyerId) parties.add('buyer');
  if (caller.kind === 'user' && caller.userId === order.sellerId) parties.add('seller');
  return parties;
}

/**
 * The order, for a caller who is one of `may`.
 * @throws HoldfastError `order_not_found` for a stranger; `forbidden` for a party of another kind
 */
export async function orderFor(db: Db, caller: Caller, id: string, may: readonly Party[]): Promise<OrderRow> {
  const [order] = await db.select().from(orders).where(eq(orders.id, id));
  const parties = order === undefined ? new Set<Party>() : partiesOf(caller, order);
  if (order === undefined || parties.size === 0) {
    throw new HoldfastError('order_not_found', { message: `there is no order ${id}` });
  }
  if (!may.some((party) => parties.has(party))) {
    throw new HoldfastError('forbidden', { message: `this is for the ${may.join(', ')} of an order` });
  }
  return order;
}

/**
 * An errand's fee has no clock: whether the runner ran is for the back end to say, and not for its buyer.
 * @throws HoldfastError `forbidden`
 */
export function assertMayConfirm(caller: Caller | undefined, order: OrderRow): void {
  if (order.autoConfirmAfterMs !== null || caller?.kind === 'backend') return;
  throw new HoldfastError('forbidden', { message: 'only a back end confirms this order' });
}
