import { priceOfBill } from '../../domain/discounts.js';
import { fromYuan } from '../../domain/money.js';
import { charge } from './charge.js';
import { insertThing } from './new-things.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** Type 4: a bill is priced by the shop's rules, paid, and recorded under the shop. */
export const payShopBill = effect('payShopBill', async (tx, { shopId, money }, step) => {
  const shop = await findThing(tx, 'shops', shopId);
  const amount = fromYuan(money);
  const paid = priceOfBill(amount, shop.body.discounts);
  await charge(tx, step, paid);
  await insertThing(tx, step, 'shop-bills', { shopId, userId: step.order.buyerId, amount, paid });
});
