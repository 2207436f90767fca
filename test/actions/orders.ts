import type { Db } from '../../db/client.js';
import type { OrderRow } from '../../db/orders.js';
import { actionSteps } from '../../db/schema.js';
import { flattenNextAction } from '../../domain/chain.js';
import { insertOrder } from '../support/world.js';

/** A topup's row with its chain, without a workflow: for what its steps do in SQL. */
export async function actionOrder(db: Db, buyerId: string, action: object): Promise<OrderRow> {
  const order = await insertOrder(db, { kind: 'topup', sellerId: null, buyerId, chain: 'running' });
  const steps = flattenNextAction(action).map((step, position) => ({
    ...step,
    position,
    orderNo: order.orderNo,
  }));
  await db.insert(actionSteps).values(steps);
  return order;
}
