import { lockActiveRenewal, putRenewalOff, renewFromNowOn } from '../../db/memberships.js';
import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { grantDays } from './grants.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** Type 6: a level is paid for by its price row, and set or extended; on request it renews itself from then on. */
export const buyMembership = effect('buyMembership', async (tx, parameters, step) => {
  const { userLevelPriceId: priceId, isAutoRenew = false } = parameters;
  const { order, input } = step;
  const { levelId, amount, days } = (await findThing(tx, 'membership-prices', priceId)).body;
  await lockActiveRenewal(tx, order.buyerId, levelId);
  await charge(tx, step, amountFen(amount));
  const validTo = await grantDays(tx, step, { kind: 'membership', ref: levelId }, days);
  if (!isAutoRenew) return putRenewalOff(tx, order.buyerId, levelId, validTo);
  const asked = { orderId: order.id, orderNo: order.orderNo, step: input.path };
  await renewFromNowOn(tx, { ...asked, userId: order.buyerId, levelId, priceId, amount, days }, validTo);
});
