/** Paying something of the catalogue from the payer's balance: what most charging actions have in common. */
import type { Db } from '../../db/client.js';
import { catalogItems } from '../../db/schema.js';
import { COLLECTIONS, type PayableCollection } from '../../domain/catalog.js';
import { HoldfastError } from '../../domain/errors.js';
import { type Fen, amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import type { Step } from './step.js';
import { type Thing, assertOwner, lockThing, thingAt } from './things.js';

/** @throws HoldfastError `missing_thing`, `not_owner`, `not_pending`: each parks the step */
export async function lockPayable<C extends PayableCollection>(
  tx: Db,
  { order }: Step,
  collection: C,
  id: string,
): Promise<Thing<C>> {
  const thing = await lockThing(tx, collection, id);
  assertOwner(thing, thing.body.userId, order.buyerId);
  if (thing.status !== 'pending') {
    throw new HoldfastError('not_pending', {
      message: `${collection}/${id} is ${thing.status ?? 'not for sale'}`,
      details: { collection, id },
    });
  }
  return thing;
}

/** The thing is the payer's, at this price. @throws HoldfastError `insufficient_funds` */
export async function payFor(
  tx: Db,
  step: Step,
  { collection, id }: { collection: PayableCollection; id: string },
  price: Fen,
): Promise<void> {
  await charge(tx, step, price);
  await markPaid(tx, step, { collection, id });
}

export async function markPaid(
  tx: Db,
  { order }: Step,
  { collection, id }: { collection: PayableCollection; id: string },
  heldByOrderNo: string | null = null,
): Promise<void> {
  const status = COLLECTIONS[collection].paidStatus;
  await tx
    .update(catalogItems)
    .set({ status, paidByOrderId: order.id, heldByOrderNo, updatedAt: new Date() })
    .where(thingAt(collection, id));
}

/**
 * Charges the price that the server keeps and marks the thing as paid, inside the caller's transaction.
 * @throws HoldfastError `missing_thing`, `not_owner`, `not_pending`, `insufficient_funds`: each parks the step
 */
export async function payThing<C extends PayableCollection>(
  tx: Db,
  step: Step,
  collection: C,
  id: string,
): Promise<Thing<C>['body']> {
  const thing = await lockPayable(tx, step, collection, id);
  await payFor(tx, step, thing, amountFen(thing.body.amount));
  return thing.body;
}
