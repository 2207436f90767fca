import { amountFen } from '../../domain/money.js';
import { charge, priceSetting } from './charge.js';
import { grantMore } from './grants.js';
import { effect } from './step.js';

/** Type 21: pulls, each at the price that operators have set. */
export const buyBlindBoxPulls = effect('buyBlindBoxPulls', async (tx, { pullTimes }, step) => {
  const each = await priceSetting(tx, 'price.blindBoxPull');
  await charge(tx, step, amountFen(each * pullTimes));
  await grantMore(tx, step, { kind: 'blind_box_pulls', ref: 'blind_box' }, pullTimes);
});
