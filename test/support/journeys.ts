/** What happens to orders in flow tests, step by step, each step waited for by a condition. */
import { eq } from 'drizzle-orm';
import type { NewOrder } from '../../commands/create-order.js';
import { type StepVerdict, decideStep } from '../../commands/decide-order.js';
import { hashPassword } from '../../commands/passwords.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, type StepRow, orderByNo } from '../../db/orders.js';
import { actionSteps, operatorItems, orderEvents, users } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import type { Flow } from './flow.js';
import {
  type Arrival,
  BUYER,
  addShopOrder,
  addUsers,
  arrive,
  giveCash,
  newOrder,
  openAttempt,
} from './world.js';

export const HOUR_MS = 3_600_000;
export const BY_TEST = { by: 'user:test', idempotencyKey: null };

/** An order whose workflow waits for its payment, with an open attempt. */
export async function unpaidOrder(flow: Flow, wish: Partial<NewOrder> = {}): Promise<OrderRow> {
  await flow.readClock();
  const order = await newOrder(flow.context, wish);
  await openAttempt(flow.context.db, order);
  await flow.settled(order.orderNo);
  return order;
}

/** The order's payment arrives now, as the provider tells it. */
export async function pay(flow: Flow, order: OrderRow, told: Partial<Arrival> = {}): Promise<number> {
  const paidAtMs = await flow.readClock();
  const arrival = { outTradeNo: order.orderNo, amount: order.amount, paidAtMs, ...told };
  const inboxId = await arrive(flow.context, arrival);
  await flow.settled(order.orderNo);
  return inboxId;
}

/**
 * An order that has been paid, with everything done that can be done without time passing.
 * @param meanwhile what else happens while its first steps run
 */
export async function paidOrder(
  flow: Flow,
  wish: Partial<NewOrder> = {},
  told: Partial<Arrival> = {},
  meanwhile: (order: OrderRow) => Promise<void> = () => Promise.resolve(),
): Promise<OrderRow> {
  const order = await unpaidOrder(flow, wish);
  await Promise.all([pay(flow, order, told), meanwhile(order)]);
  return orderByNo(flow.context.db, order.orderNo);
}

/**
 * Lets time pass until the order's workflow has ended. One order at a time: with two waits at once the server may
 * skip as far as ten years ahead.
 */
export async function end(flow: Flow, { orderNo }: Pick<OrderRow, 'orderNo'>): Promise<OrderRow> {
  const workflow = flow.workflow(orderNo);
  // To wait for one that has ended would let the server skip to its execution time-out, years ahead.
  if ((await workflow.describe()).status.name === 'RUNNING') await workflow.result();
  return orderByNo(flow.context.db, orderNo);
}

export function stepsOf(db: Db, { orderNo }: Pick<OrderRow, 'orderNo'>): Promise<StepRow[]> {
  return db.select().from(actionSteps).where(eq(actionSteps.orderNo, orderNo)).orderBy(actionSteps.position);
}

export async function stepStatuses(db: Db, order: Pick<OrderRow, 'orderNo'>): Promise<string[]> {
  return (await stepsOf(db, order)).map(({ path, status }) => `${path} ${status}`);
}

export async function timelineOf(db: Db, { orderNo }: Pick<OrderRow, 'orderNo'>): Promise<string[]> {
  const rows = await db
    .select()
    .from(orderEvents)
    .where(eq(orderEvents.orderNo, orderNo))
    .orderBy(orderEvents.id);
  return rows.map(({ type }) => type);
}

export async function itemsOf(
  db: Db,
  { orderNo }: Pick<OrderRow, 'orderNo'>,
): Promise<(typeof operatorItems.$inferSelect)[]> {
  return db.select().from(operatorItems).where(eq(operatorItems.orderNo, orderNo)).orderBy(operatorItems.seq);
}

/** Fen in suspense, out of books that balance. */
export async function suspense(db: Db): Promise<number> {
  const { balanced, accounts, faults } = await proveLedger(db);
  if (!balanced) throw new Error(`the books do not balance: ${JSON.stringify(faults)}`);
  return accounts.find(({ account }) => account === 'platform:suspense')?.balance ?? 0;
}

export const PAY_PASSWORD = 'pay-password';
let hash: string | undefined;

/** Everybody's pay password. */
export async function setPayPassword(db: Db): Promise<void> {
  hash ??= await hashPassword(PAY_PASSWORD);
  await db.update(users).set({ payPasswordHash: hash });
}

let shopOrders = 500_000;
/** An id that no shop order has yet. */
export const newShopOrderId = (): string => String(++shopOrders);

/** A pending shop order of the buyer. @returns its id */
export async function shopOrder({ context }: Flow, amount = 10, userId = BUYER): Promise<string> {
  const id = newShopOrderId();
  await addShopOrder(context.db, id, userId, amount);
  return id;
}

/** An operator decides about a parked step. @returns once the workflow has done what it can do now */
export async function decide(flow: Flow, order: OrderRow, path: string, wish: StepVerdict): Promise<void> {
  await decideStep(flow.context, order, path, wish, BY_TEST);
  await flow.settled(order.orderNo);
}

/** The buyer and the seller; the buyer with a pay password, and money to spend in every race of a file. */
export async function addRichBuyer(db: Db): Promise<void> {
  await addUsers(db);
  await setPayPassword(db);
  await giveCash(db, BUYER, 10_000_000);
}
