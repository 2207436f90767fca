/** Paying something of the catalogue from the payer's balance: what most charging actions have in common. */
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { catalogItems } from '../../db/schema.js';
import type { CollectionName } from '../../domain/catalog.js';
import { HoldfastError } from '../../domain/errors.js';
import { fen } from '../../domain/money.js';
import { chargePosting } from '../../domain/postings.js';
import { post } from '../../ledger/post.js';
import type { Step } from './step.js';

/**
 * Charges the price that the server keeps and marks the thing as paid, inside the caller's transaction.
 * @throws HoldfastError `missing_thing`, `not_owner`, `not_pending`, `insufficient_funds`: each parks the step
 */
export async function payThing(
  tx: Db,
  { input, order }: Step,
  collection: CollectionName,
  id: string,
): Promise<void> {
  const thing = and(eq(catalogItems.collection, collection), eq(catalogItems.id, id));
  const [item] = await tx.select().from(catalogItems).where(thing).for('update');
  const about = { details: { collection, id } };
  if (item === undefined) {
    throw new HoldfastError('missing_thing', { message: `there is no ${collection}/${id}`, ...about });
  }
  if (item.body['userId'] !== order.buyerId) {
    throw new HoldfastError('not_owner', { message: `${collection}/${id} is not the payer's`, ...about });
  }
  if (item.status !== 'pending') {
    throw new HoldfastError('not_pending', {
      message: `${collection}/${id} is ${item.status ?? 'not for sale'}`,
      ...about,
    });
  }
  await post(tx, chargePosting(input.key, order.buyerId, fen(Number(item.body['amount'])), input.orderNo));
  await tx
    .update(catalogItems)
    .set({ status: 'paid', paidByOrderId: order.id, updatedAt: new Date() })
    .where(thing);
}
