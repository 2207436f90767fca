import { payThing } from './pay-thing.js';
import { effect } from './step.js';

/** Type 0: a pending shop order is paid from the payer's balance. */
export const payShopOrder = effect('payShopOrder', async (tx, { id }, step) => {
  await payThing(tx, step, 'shop-orders', id);
});
