import type { Db } from '../db/client.js';
import type { OrderRow } from '../db/orders.js';
import { orderComments } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';

/**
 * What a buyer says of an order, once, after it is completed.
 * @param comment score from 1 to 5
 * @throws HoldfastError `conflict`: it is not completed, or was commented on before
 */
export async function commentOn(
  db: Db,
  { orderNo, buyerId, status }: OrderRow,
  comment: { score: number; text: string },
): Promise<void> {
  if (status !== 'completed' && status !== 'partially_refunded') {
    throw new HoldfastError('conflict', { message: `an order that is ${status} cannot be commented on` });
  }
  const added = await db
    .insert(orderComments)
    .values({ orderNo, userId: buyerId, ...comment })
    .onConflictDoNothing()
    .returning({ orderNo: orderComments.orderNo });
  if (added.length === 0)
    throw new HoldfastError('conflict', { message: 'the order was commented on before' });
}
