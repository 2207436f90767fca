import { and, eq, gt, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { actionSteps } from '../../db/schema.js';
import { priceAfterCoupons, spendCoupon } from './coupons.js';
import { lockPayable, payFor } from './pay-thing.js';
import { type Step, effect } from './step.js';

/** Type 9: a table's bill, less its coupons. Of several coupons each is a step of its own, and the last one pays. */
export const payDiningOrder = effect('payDiningOrder', async (tx, { orderId, couponId }, step) => {
  const bill = await lockPayable(tx, step, 'dining-orders', orderId);
  if (couponId !== undefined) await spendCoupon(tx, step, couponId, bill);
  if (await isFollowedByAnother(tx, step)) return;
  await payFor(tx, step, bill, await priceAfterCoupons(tx, bill));
});

/** Another coupon of the same list comes after this one. */
async function isFollowedByAnother(tx: Db, { input, row }: Step): Promise<boolean> {
  const [list, item] = input.path.split(':');
  if (item === undefined) return false;
  const others = await tx.$count(
    actionSteps,
    and(
      eq(actionSteps.orderNo, input.orderNo),
      gt(actionSteps.position, row.position),
      sql`starts_with(${actionSteps.path}, ${`${list}:`})`,
    ),
  );
  return others > 0;
}
