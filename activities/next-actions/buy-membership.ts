import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { grantDays } from './grants.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** Type 6: a level is paid for by its price row, and set or extended. */
export const buyMembership = effect('buyMembership', async (tx, { userLevelPriceId }, step) => {
  const { body } = await findThing(tx, 'membership-prices', userLevelPriceId);
  await charge(tx, step, amountFen(body.amount));
  await grantDays(tx, step, { kind: 'membership', ref: body.levelId }, body.days);
});
