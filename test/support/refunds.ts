/** Orders that were really paid at a provider of the sandbox, and what becomes of their refunds there. */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import type { NewOrder } from '../../commands/create-order.js';
import { payByProvider } from '../../commands/pay-order.js';
import type { Db } from '../../db/client.js';
import { insertEvent } from '../../db/inbox.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { operatorItems, refunds } from '../../db/schema.js';
import type { ProviderChannel } from '../../domain/order.js';
import { type RefundRow, refundById } from '../../db/refunds.js';
import { deliverPayment } from '../../relay/payments.js';
import { hintRefund } from '../../relay/refunds.js';
import type { Flow } from './flow.js';
import { newOrder } from './world.js';

const POLL_MS = 15;

export interface Trade {
  tradeNo: string;
  amount: number;
}

export const tradeOf = async ({ providers }: Flow, outTradeNo: string): Promise<Trade> =>
  (await providers.control('GET', `/trades/${outTradeNo}`)) as Trade;

/** An order whose workflow waits, with a trade at the provider that nobody has paid. */
export async function orderAt(
  flow: Flow,
  channel: ProviderChannel,
  wish: Partial<NewOrder> = {},
): Promise<OrderRow> {
  await flow.readClock();
  const order = await newOrder(flow.context, wish);
  const scene = { scene: 'qr' as const, openid: null, clientIp: null, returnUrl: null };
  await payByProvider(flow.context, order, { channel, ...scene, by: 'test' });
  await flow.settled(order.orderNo);
  return order;
}

/** The trade was paid there, and its notification arrives as the webhook's handler leaves it. */
export async function arriveFrom(
  flow: Flow,
  channel: ProviderChannel,
  order: OrderRow,
  told: { tradeNo: string; amount?: number; outTradeNo?: string },
): Promise<number> {
  const { context } = flow;
  const paidAt = new Date(await flow.readClock());
  const outTradeNo = told.outTradeNo ?? order.orderNo;
  const { id } = await insertEvent(context.db, {
    channel,
    source: 'notification',
    eventKey: randomBytes(8).toString('hex'),
    outTradeNo,
    facts: {},
    receivedAt: paidAt,
    payment: {
      outTradeNo,
      providerTradeNo: told.tradeNo,
      amountFen: told.amount ?? order.amount,
      currency: 'CNY',
      merchant: context.channels[channel]?.merchant ?? '',
      paidAt,
    },
  });
  await deliverPayment(context.db, context.temporal, id);
  return id;
}

/** The buyer pays at the provider; the order knows of it when this returns. */
export async function payAt(flow: Flow, channel: ProviderChannel, order: OrderRow): Promise<OrderRow> {
  await flow.providers.control('POST', `/trades/${order.orderNo}/pay`, { notify: false });
  await arriveFrom(flow, channel, order, await tradeOf(flow, order.orderNo));
  await flow.settled(order.orderNo);
  return orderByNo(flow.context.db, order.orderNo);
}

export async function paidAt(
  flow: Flow,
  channel: ProviderChannel,
  wish: Partial<NewOrder> = {},
): Promise<OrderRow> {
  return payAt(flow, channel, await orderAt(flow, channel, wish));
}

/** Reads the refund until it is as wanted; the test's own time limit ends a wait that is in vain. */
export async function refundWhen(
  db: Db,
  refundId: string,
  ...wanted: RefundRow['status'][]
): Promise<RefundRow> {
  for (;;) {
    const refund = await refundById(db, refundId);
    if (wanted.includes(refund.status)) return refund;
    await wait(POLL_MS);
  }
}

export async function refundsOf(db: Db, { orderNo }: Pick<OrderRow, 'orderNo'>): Promise<RefundRow[]> {
  return db.select().from(refunds).where(eq(refunds.orderNo, orderNo)).orderBy(refunds.seq);
}

/** Tells the provider how the refund ends, once the provider knows of it; then the workflow asks. */
export async function settleAt(
  { providers, context }: Flow,
  refundId: string,
  result: 'success' | 'fail' | 'abnormal' = 'success',
): Promise<RefundRow> {
  for (;;) {
    const settled = await providers.control('POST', `/refunds/${refundId}/settle`, { result }).then(
      () => true,
      (error: unknown) => {
        if (!String(error).includes(': 404 ')) throw error;
        return false;
      },
    );
    if (settled) break;
    await wait(POLL_MS);
  }
  // The workflow may be asking just now: its next question is the one that counts.
  for (;;) {
    await hintRefund(context.temporal, refundId);
    const refund = await refundById(context.db, refundId);
    if (refund.status !== 'processing') return refund;
    await wait(POLL_MS);
  }
}

export async function itemFor(db: Db, ref: string): Promise<typeof operatorItems.$inferSelect> {
  const [item] = await db.select().from(operatorItems).where(eq(operatorItems.ref, ref));
  if (item === undefined) throw new Error(`there is no operator item about ${ref}`);
  return item;
}
