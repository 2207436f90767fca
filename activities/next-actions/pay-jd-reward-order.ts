import { priceAfterCoupons, spendCoupon } from './coupons.js';
import { lockPayable, payFor } from './pay-thing.js';
import { effect } from './step.js';

/** Type 8: the reward order that this token stands for is paid, less a coupon. */
export const payJdRewardOrder = effect('payJdRewardOrder', async (tx, { token, couponId }, step) => {
  const reward = await lockPayable(tx, step, 'jd-reward-orders', token);
  if (couponId !== undefined) await spendCoupon(tx, step, couponId, reward);
  await payFor(tx, step, reward, await priceAfterCoupons(tx, reward));
});
