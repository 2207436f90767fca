/** A merchant's back end over HTTP, with one provider: its orders, what is wrong next there, and the books afterwards. */
import { eq, sum } from 'drizzle-orm';
import { type Client, clientOf } from '../../api/test-support.js';
import type { Db } from '../../db/client.js';
import { entries, operatorItems, payments } from '../../db/schema.js';
import type { ProviderChannel } from '../../domain/order.js';
import type { Stage } from '../notifications/stage.js';
import { BUYER, SELLER, until } from './world.js';

export type Json = Record<string, unknown>;

export interface Ordered {
  id: string;
  orderNo: string;
}

export interface HttpShop {
  /** The sandbox's control port. */
  control: (method: string, route: string, body?: object) => Promise<Json>;
  /** What goes wrong next at the provider. */
  fault: (what: object) => Promise<Json>;
  /** The buyer pays the trade of this number. */
  pay: (no: string, body?: object) => Promise<Json>;
  /** A call under an idempotency key of its own; fails for any other status than these. */
  post: (path: string, body: object, ...statuses: number[]) => Promise<Json>;
  ordered: () => Promise<Ordered>;
  /** Asks for the payment; 202 while nobody knows what became of it at the provider. */
  attempt: (order: Ordered) => Promise<Json>;
  attempted: () => Promise<Ordered>;
  read: (order: Ordered) => Promise<Json>;
  becomes: (order: Ordered, status: string) => Promise<Json>;
  /** The relay's next question about the attempt is due now, and not when its turn would come. */
  askNow: (order: Ordered) => Promise<unknown>;
  deliveriesOf: (order: Ordered) => Promise<Json[]>;
  /** Everything that the provider had to say of an order has been taken. */
  acknowledged: (order: Ordered) => Promise<void>;
  itemsAbout: (order: Ordered) => Promise<(typeof operatorItems.$inferSelect)[]>;
  /** Asks for a refund and approves it with these faults in force. @returns it, once it has succeeded */
  refunded: (order: Ordered, amount: number, faults: readonly object[]) => Promise<Json>;
  /** What the provider took in for us, less what went back. */
  heldThere: () => Promise<number>;
  /** The same, by our books. */
  heldByBooks: () => Promise<number>;
}

export function openShop(stage: Stage, channel: ProviderChannel, amount: number): HttpShop {
  const { db, flow, context } = stage;
  const api = clientOf(context.publicUrl);
  const control = (method: string, route: string, body?: object) =>
    flow.providers.control(method, route, body) as Promise<Json>;
  const post = poster(api, channel);
  const wish = { kind: 'deal', buyerId: BUYER, sellerId: SELLER, amount, currency: 'CNY', subject: 'x' };
  const ordered = async () => (await post('/v1/orders', wish, 201)) as unknown as Ordered;
  const attempt = ({ id }: Ordered) => post(`/v1/orders/${id}/payments`, { channel }, 201, 202);
  const read = async ({ id }: Ordered) => (await api.admin('GET', `/v1/orders/${id}`)).json;
  const fault = (what: object) => control('POST', '/faults', { channel, ...what });
  const deliveriesOf = async ({ orderNo }: Ordered) =>
    (await control('GET', `/notifications?outTradeNo=${orderNo}`))['data'] as Json[];
  return {
    control,
    fault,
    post,
    ordered,
    attempt,
    read,
    deliveriesOf,
    pay: (no, body = {}) => control('POST', `/trades/${no}/pay?channel=${channel}`, body),
    async attempted() {
      const order = await ordered();
      const { status } = await attempt(order);
      if (status !== 'pending') throw new Error(`the payment is ${String(status)}`);
      return order;
    },
    async becomes(order, status) {
      await until(async () => (await read(order))['status'] === status);
      return read(order);
    },
    askNow: ({ orderNo }) =>
      db.update(payments).set({ askAt: new Date() }).where(eq(payments.outTradeNo, orderNo)),
    acknowledged: (order) =>
      until(async () => {
        const all = await deliveriesOf(order);
        return all.length > 0 && all.every(({ state }) => state === 'acknowledged');
      }),
    itemsAbout: ({ orderNo }) => db.select().from(operatorItems).where(eq(operatorItems.orderNo, orderNo)),
    async refunded(order, part, faults) {
      const wanted = { amount: part, reason: 'half a lesson' };
      const { id } = await post(`/v1/orders/${order.id}/refunds`, wanted, 201);
      for (const what of faults) await fault(what);
      await post(`/v1/refunds/${String(id)}/approve`, { reason: 'looked into' }, 200);
      const state = async () => (await api.admin('GET', `/v1/refunds/${String(id)}`)).json;
      await until(async () => (await state())['status'] === 'succeeded');
      return state();
    },
    async heldThere() {
      const { data } = await control('GET', `/trades?channel=${channel}`);
      const trades = data as { paidAmount: number | null; refundedAmount: number }[];
      return trades.reduce((total, trade) => total + (trade.paidAmount ?? 0) - trade.refundedAmount, 0);
    },
    heldByBooks: () => balanceOf(db, channel),
  };
}

function poster(api: Client, channel: ProviderChannel): HttpShop['post'] {
  let keys = 0;
  return async (path, body, ...statuses) => {
    keys += 1;
    const answer = await api.admin('POST', path, body, { 'Idempotency-Key': `shop-${channel}-${keys}` });
    if (!statuses.includes(answer.status)) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
}

async function balanceOf(db: Db, channel: ProviderChannel): Promise<number> {
  const [booked] = await db
    .select({ amount: sum(entries.amount) })
    .from(entries)
    .where(eq(entries.account, `channel:${channel}`));
  return 0 - Number(booked?.amount ?? 0);
}
