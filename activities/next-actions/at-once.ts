/**
 * Actions that can also be applied at once, in the transaction that makes their order: what a payer pays for from the
 * balance and is answered about, so that too little money refuses the call and leaves nothing behind.
 */
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { actionSteps } from '../../db/schema.js';
import { type Fen, amountFen, fromYuan } from '../../domain/money.js';
import type { ActionName, StepParameters } from '../../domain/next-actions.js';
import { payDeposit } from './pay-deposit.js';
import { billPrice, payShopBill } from './pay-shop-bill.js';
import { payShopOrder } from './pay-shop-order.js';
import { type Step, startStep } from './step.js';
import { findThing } from './things.js';

interface AtOnce<N extends ActionName> {
  within: (tx: Db, step: Step) => Promise<void>;
  /** @throws HoldfastError `missing_thing` */
  price: (db: Db, parameters: StepParameters<N>) => Promise<Fen>;
}

const AT_ONCE = {
  payShopOrder: {
    within: payShopOrder.within,
    price: async (db, { id }) => amountFen((await findThing(db, 'shop-orders', id)).body.amount),
  },
  payShopBill: {
    within: payShopBill.within,
    price: (db, { shopId, money }) => billPrice(db, shopId, fromYuan(money)),
  },
  payDeposit: {
    within: payDeposit.within,
    price: (_db, { amount }) => Promise.resolve(fromYuan(amount)),
  },
} satisfies { [N in 'payShopOrder' | 'payShopBill' | 'payDeposit']: AtOnce<N> };
export type AtOnceName = keyof typeof AT_ONCE;

/** What it would cost now. @throws HoldfastError `missing_thing` */
export function priceAtOnce<N extends AtOnceName>(
  db: Db,
  name: N,
  parameters: StepParameters<N>,
): Promise<Fen> {
  const { price } = AT_ONCE[name] as unknown as AtOnce<N>;
  return price(db, parameters);
}

/**
 * Carries out the only step of an order, inside the caller's transaction. Its workflow finds it done.
 * @throws HoldfastError what would have parked it
 */
export async function applyAtOnce(tx: Db, name: AtOnceName, orderNo: string): Promise<void> {
  const [row, ...more] = await tx
    .select({ path: actionSteps.path, name: actionSteps.name })
    .from(actionSteps)
    .where(eq(actionSteps.orderNo, orderNo));
  if (row?.name !== name || more.length > 0) throw new Error(`order ${orderNo} has other steps than ${name}`);
  const step = await startStep(tx, { key: `${orderNo}:${row.path}`, orderNo, path: row.path });
  if (step !== undefined) await AT_ONCE[name].within(tx, step);
}
