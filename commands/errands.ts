import { eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { orderByNo } from '../db/orders.js';
import { users } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';

/**
 * The runner of an errand whose fee is held becomes the one who earns it; goes into the caller's transaction.
 * @throws HoldfastError `user_not_found`, `invalid_request`, `conflict`: the fee is no longer held
 */
export async function nameRunner(tx: Db, orderNo: string, runnerId: string): Promise<void> {
  const order = await orderByNo(tx, orderNo);
  if (order.sellerId === runnerId) return;
  if (runnerId === order.buyerId) {
    throw new HoldfastError('invalid_request', {
      message: 'runnerId must not be who ordered the errand',
      details: { field: 'runnerId' },
    });
  }
  if ((await tx.$count(users, eq(users.id, runnerId))) === 0) {
    throw new HoldfastError('user_not_found', {
      message: `there is no user ${runnerId}`,
      details: { userId: runnerId },
    });
  }
  const [row] = await tx.execute<{ named: boolean }>(
    sql`SELECT name_seller(${orderNo}, ${runnerId}) AS named`,
  );
  if (row?.named !== true) {
    throw new HoldfastError('conflict', { message: 'the fee of this errand is not held any more' });
  }
}
