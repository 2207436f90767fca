/** Users, orders and payments for flow tests, by the product's own commands. */
import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { type Channels, createChannels } from '../../channels/index.js';
import type { CommandContext } from '../../commands/context.js';
import { type NewOrder, PLAIN_ORDER, createOrder } from '../../commands/create-order.js';
import type { Asked } from '../../relay/order-updates.js';
import type { Db } from '../../db/client.js';
import { insertEvent } from '../../db/inbox.js';
import { type OrderRow, type PaymentRow, orderByNo } from '../../db/orders.js';
import { catalogItems, orders, payments, users } from '../../db/schema.js';
import { fen } from '../../domain/money.js';
import { post } from '../../ledger/post.js';
import { createInline } from '../../relay/inline.js';
import { deliverPayment } from '../../relay/payments.js';
import { openTemporal } from '../../temporal/connect.js';

const HOUR_MS = 3_600_000;
const POLL_MS = 20;
export const BUYER = '000000000000000000000b01';
export const SELLER = '000000000000000000000501';

export function contextOf(db: Db, temporal: Client, channels: Channels, now: () => number): CommandContext {
  return {
    db,
    temporal,
    channels,
    now,
    inline: createInline(db, temporal, {
      warn: (facts, message) => {
        throw new Error(`${message}: ${JSON.stringify(facts)}`);
      },
    }),
    publicUrl: 'http://127.0.0.1:9',
    windows: {
      paymentExpiresAfterMs: 24 * HOUR_MS,
      chatWindowMs: 24 * HOUR_MS,
      autoConfirmAfterMs: 24 * HOUR_MS,
      refundWindowMs: 7 * 24 * HOUR_MS,
    },
  };
}

/** A context for what happens in SQL alone: no workflow is started. */
export function offlineContext(db: Db, now: () => number = Date.now): CommandContext {
  const temporal = openTemporal({ address: '127.0.0.1:1', namespace: 'default', payloadKey: undefined });
  const nothing = (): void => undefined;
  const idle = {
    hasRoom: () => true,
    start: nothing,
    payment: nothing,
    refund: nothing,
    refundHint: nothing,
    withdrawal: nothing,
    payoutHint: nothing,
    drain: () => Promise.resolve(),
  };
  const channels = createChannels({});
  return { ...contextOf(db, temporal.client, channels, now), inline: idle };
}

export async function addUsers(db: Db, ...ids: string[]): Promise<void> {
  const named = [BUYER, SELLER, ...ids].map((id) => ({ id, name: `user ${id}` }));
  await db.insert(users).values(named).onConflictDoNothing();
}

export async function addShopOrder(db: Db, id: string, userId: string, amount: number): Promise<void> {
  await db.insert(catalogItems).values({
    collection: 'shop-orders',
    id,
    body: { userId, amount, title: `shop order ${id}` },
    status: 'pending',
  });
}

export async function addSmsTemplate(db: Db, id: string, params: string[] = []): Promise<void> {
  await db.insert(catalogItems).values({
    collection: 'sms-templates',
    id,
    body: { provider: 'outbox', sign: 'Holdfast', template: 'code ${code}', params },
  });
}

/** Money that came from outside, so that the books still balance. */
export async function giveCash(db: Db, userId: string, amount: number): Promise<void> {
  await give(db, `user:${userId}:cash`, amount);
}

/** Likewise, and it can be withdrawn. */
export async function giveEarnings(db: Db, userId: string, amount: number): Promise<void> {
  await give(db, `user:${userId}:withdrawable`, amount);
}

async function give(db: Db, account: string, amount: number): Promise<void> {
  await post(db, {
    key: `gift/${randomBytes(6).toString('hex')}`,
    kind: 'payment',
    orderNo: null,
    legs: [
      { account: 'channel:alipay', amount: -amount },
      { account, amount },
    ],
  });
}

/** An order's row alone, without a workflow: for what happens in SQL. */
export async function insertOrder(
  db: Db,
  change: Partial<typeof orders.$inferInsert> = {},
): Promise<OrderRow> {
  const [order] = await db
    .insert(orders)
    .values({
      id: randomBytes(12).toString('hex'),
      orderNo: randomBytes(8).toString('hex'),
      kind: 'deal',
      buyerId: BUYER,
      sellerId: SELLER,
      amount: 10_000,
      currency: 'CNY',
      subject: 'a lesson',
      autoConfirmAfterMs: 24 * HOUR_MS,
      feeBps: 0,
      expiresAt: new Date(Date.now() + 24 * HOUR_MS),
      createdBy: 'test',
      chain: 'none',
      ...change,
    })
    .returning();
  if (order === undefined) throw new Error('an insert answered no row');
  return order;
}

/** Creates an order and waits until its workflow runs. */
export async function newOrder(
  context: CommandContext,
  wish: Partial<NewOrder> = {},
  asked: Asked = { by: 'test', idempotencyKey: null },
): Promise<OrderRow> {
  const order = await createOrder(
    context,
    {
      ...PLAIN_ORDER,
      kind: 'deal',
      buyerId: BUYER,
      sellerId: wish.kind === 'topup' || wish.kind === 'package' ? null : SELLER,
      amountFen: fen(10_000),
      subject: 'a lesson',
      ...wish,
    },
    asked,
  );
  await context.inline.drain();
  return order;
}

/** An attempt as it stands after its provider answered, without asking a provider. */
export async function openAttempt(db: Db, order: OrderRow, outTradeNo = order.orderNo): Promise<PaymentRow> {
  const [payment] = await db
    .insert(payments)
    .values({
      id: randomBytes(12).toString('hex'),
      orderNo: order.orderNo,
      channel: 'alipay',
      scene: 'app',
      outTradeNo,
      amount: order.amount,
      currency: 'CNY',
      merchant: 'app/seller',
      expiresAt: order.expiresAt,
      status: 'pending',
    })
    .returning();
  if (payment === undefined) throw new Error('an insert answered no row');
  return payment;
}

export interface Arrival {
  outTradeNo: string;
  amount: number;
  paidAtMs: number;
  receivedAtMs?: number;
  providerTradeNo?: string;
  eventKey?: string;
  merchant?: string;
}

/** A verified notification as the webhook's handler leaves it when it dies right after its commit. */
export async function leave(db: Db, arrival: Arrival): Promise<number> {
  const providerTradeNo = arrival.providerTradeNo ?? `trade-${arrival.outTradeNo}`;
  const { id } = await insertEvent(db, {
    channel: 'alipay',
    source: 'notification',
    eventKey: arrival.eventKey ?? randomBytes(8).toString('hex'),
    outTradeNo: arrival.outTradeNo,
    facts: {},
    receivedAt: new Date(arrival.receivedAtMs ?? arrival.paidAtMs),
    payment: {
      outTradeNo: arrival.outTradeNo,
      providerTradeNo,
      amountFen: arrival.amount,
      currency: 'CNY',
      merchant: arrival.merchant ?? 'app/seller',
      paidAt: new Date(arrival.paidAtMs),
    },
  });
  return id;
}

/** A verified notification, delivered as the relay does. */
export async function arrive(context: CommandContext, arrival: Arrival): Promise<number> {
  const id = await leave(context.db, arrival);
  await deliverPayment(context.db, context.temporal, id);
  return id;
}

/** Waits for a condition; the test's own time limit ends a wait that is in vain. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** The order, once it is as wanted. */
export async function orderWhen(
  db: Db,
  orderNo: string,
  wanted: (order: OrderRow) => boolean,
): Promise<OrderRow> {
  await until(async () => wanted(await orderByNo(db, orderNo)));
  return orderByNo(db, orderNo);
}
