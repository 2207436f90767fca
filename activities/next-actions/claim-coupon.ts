import { HoldfastError } from '../../domain/errors.js';
import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { issueCoupon } from './coupons.js';
import { effect } from './step.js';
import { lockThing } from './things.js';

/** Type 7: one coupon, within the rule's stock and what one user may have; paid for where the rule has a price. */
export const claimCoupon = effect('claimCoupon', async (tx, { couponRuleId, pwd }, step) => {
  const rule = await lockThing(tx, 'coupon-rules', couponRuleId);
  if (rule.body.password !== undefined && rule.body.password !== pwd) {
    throw new HoldfastError('wrong_password', {
      message: `the password of coupon rule ${couponRuleId} is another`,
      details: { collection: 'coupon-rules', id: couponRuleId },
    });
  }
  await issueCoupon(tx, step, rule);
  await charge(tx, step, amountFen(rule.body.price));
});
