import type { Db } from '../../db/client.js';
import { priceOfBill } from '../../domain/discounts.js';
import { type Fen, fromYuan } from '../../domain/money.js';
import { charge } from './charge.js';
import { insertThing } from './new-things.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** What a bill costs; one of no particular shop has no discount. @throws HoldfastError `missing_thing` */
export async function billPrice(tx: Db, shopId: string, amount: Fen): Promise<Fen> {
  if (shopId === '') return amount;
  const shop = await findThing(tx, 'shops', shopId);
  return priceOfBill(amount, shop.body.discounts);
}

/** Type 4: a bill is priced by the shop's rules, paid, and recorded under the shop. */
export const payShopBill = effect('payShopBill', async (tx, { shopId: named, uid, money }, step) => {
  const { buyerId: userId } = step.order;
  const shopId = uid === userId ? '' : named;
  const amount = fromYuan(money);
  const paid = await billPrice(tx, shopId, amount);
  await charge(tx, step, paid);
  await insertThing(tx, step, 'shop-bills', { shopId, userId, amount, paid });
});
