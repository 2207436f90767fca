/**
 * What a payer pays for from the balance in one call. The order, its only step and the step's effect are one
 * transaction: too little money refuses the call, and nothing of it stays.
 */
import { type AtOnceName, applyAtOnce, priceAtOnce } from '../activities/next-actions/at-once.js';
import { crashPoint } from '../crash-points.js';
import { actionEndpointOf } from '../db/action-endpoints.js';
import { depositOfOrder } from '../db/deposits.js';
import type { Db } from '../db/client.js';
import type { OrderRow } from '../db/orders.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fen } from '../domain/money.js';
import { NEXT_ACTIONS, type StepParameters } from '../domain/next-actions.js';
import type { Asked } from '../relay/order-updates.js';
import type { CommandContext } from './context.js';
import { PLAIN_ORDER, createOrder } from './create-order.js';
import type { DepositRow } from './deposits.js';
import { parseNextAction } from './next-action.js';
import { withShortage } from './shortage.js';

interface Purchase<N extends AtOnceName> {
  userId: string;
  name: N;
  /** As in a nextAction. */
  fields: Readonly<Record<string, unknown>>;
  subject: string;
}

/** @throws HoldfastError `invalid_next_action` */
function readPurchase<N extends AtOnceName>({ name, fields }: Pick<Purchase<N>, 'name' | 'fields'>) {
  const nextAction = { ...fields, type: NEXT_ACTIONS[name].type };
  const [step, ...more] = parseNextAction(nextAction);
  if (step === undefined || more.length > 0) {
    throw new HoldfastError('invalid_request', { message: 'one thing is paid for at a time' });
  }
  // Of an action's own schema, which has just read them.
  return { nextAction, parameters: step.parameters as StepParameters<N> };
}

/**
 * @throws HoldfastError `insufficient_funds` with `details.missing` in fen; `user_not_found`, `action_refused`: the type
 *   is carried out elsewhere; and what would have parked the step
 */
async function payAtOnce<N extends AtOnceName>(
  context: CommandContext,
  { userId, name, fields, subject }: Purchase<N>,
  asked: Asked,
): Promise<OrderRow> {
  const { db } = context;
  const { nextAction, parameters } = readPurchase<N>({ name, fields });
  if ((await actionEndpointOf(db, NEXT_ACTIONS[name].type)) !== null) {
    throw new HoldfastError('action_refused', {
      message: `actions of type ${NEXT_ACTIONS[name].type} are carried out by the merchant: pay with a nextAction`,
    });
  }
  const order = {
    ...PLAIN_ORDER,
    kind: 'package' as const,
    buyerId: userId,
    // What is paid for is its step.
    amountFen: fen(0),
    subject,
    nextAction,
  };
  try {
    const made = await createOrder(context, order, asked, async (tx, { orderNo }) => {
      await applyAtOnce(tx, name, orderNo);
      crashPoint('purchase: before commit');
    });
    crashPoint('purchase: committed');
    return made;
  } catch (error) {
    const price = () => priceAtOnce(db, name, parameters);
    throw await withShortage(db, userId, error, price, ({ cash, withdrawable }) => cash + withdrawable);
  }
}

/**
 * Pays a pending shop order; a repeat by who has paid it answers the same.
 * @throws HoldfastError as `payAtOnce` does; `missing_thing`, `not_owner`
 */
export async function payShopOrderAtOnce(
  context: CommandContext,
  { userId, id }: { userId: string; id: string },
  asked: Asked,
): Promise<void> {
  const purchase = { userId, name: 'payShopOrder' as const, fields: { id }, subject: `支付订单 ${id}` };
  try {
    await payAtOnce(context, purchase, asked);
  } catch (error) {
    // It is the payer's own: whose it is was looked at first.
    if (error instanceof HoldfastError && error.code === 'not_pending') return;
    throw error;
  }
}

export interface DepositWish {
  userId: string;
  /** Yuan. */
  amount: string | number;
  refCode: string | undefined;
  remark: string | undefined;
  /** An object, or its text. */
  extJsonStr: unknown;
}

/** Takes a deposit. @throws HoldfastError as `payAtOnce` does */
export async function payDepositAtOnce(
  context: CommandContext,
  { userId, ...fields }: DepositWish,
  asked: Asked,
): Promise<DepositRow> {
  const purchase = { userId, name: 'payDeposit' as const, fields, subject: '支付押金' };
  const { orderNo } = await payAtOnce(context, purchase, asked);
  return depositOfOrder(context.db, orderNo);
}

export interface Bill {
  /** Empty: of no particular shop. */
  shopId: string;
  /** Yuan, before any discount. */
  money: string | number;
}

/** What a bill would cost now. @throws HoldfastError `missing_thing`, `invalid_next_action` */
export function priceBill(db: Db, { shopId, money }: Bill): Promise<Fen> {
  const { parameters } = readPurchase({ name: 'payShopBill', fields: { shopId, money } });
  return priceAtOnce(db, 'payShopBill', parameters);
}

/** Pays a bill. @throws HoldfastError as `payAtOnce` does; `missing_thing` */
export async function payBillAtOnce(
  context: CommandContext,
  { userId, shopId, money }: Bill & { userId: string },
  asked: Asked,
): Promise<void> {
  const purchase = { userId, name: 'payShopBill' as const, fields: { shopId, money }, subject: '优惠买单' };
  await payAtOnce(context, purchase, asked);
}
