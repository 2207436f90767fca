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
  channel: ProviderChannel;
  /** The sandbox's control port. */
  control: (method: string, route: string, body?: object) => Promise<Json>;
  /** What goes wrong next at the provider. */
  fault: (what: object) => Promise<Json>;
  /** What was to go wrong there and has not yet. */
  faultsLeft: () => Promise<Json[]>;
  /** From now on nothing goes wrong there. */
  mend: () => Promise<Json>;
  /** The buyer pays the trade of this number. */
  pay: (no: string, body?: object) => Promise<Json>;
  get: (path: string) => Promise<Json>;
  /** A call under an idempotency key of its own; fails for any other status than these. */
  post: (path: string, body: object, ...statuses: number[]) => Promise<Json>;
  ordered: (sellerId?: string) => Promise<Ordered>;
  /** Asks for the payment; 202 while nobody knows what became of it at the provider. */
  attempt: (order: Ordered) => Promise<Json>;
  attempted: () => Promise<Ordered>;
  read: (order: Ordered) => Promise<Json>;
  becomes: (order: Ordered, status: string) => Promise<Json>;
  /** The relay's next question about the attempt is due now, and not when its turn would come. */
  askNow: (order: Ordered) => Promise<unknown>;
  /** How the provider told of an order's payment and refunds, or of a payout, by its number. */
  deliveriesOf: (no: string) => Promise<Json[]>;
  /** Everything that the provider had to say of an order has been taken. */
  acknowledged: (order: Ordered) => Promise<void>;
  itemsAbout: (order: Ordered) => Promise<(typeof operatorItems.$inferSelect)[]>;
  /** What the provider took in for us, less what went back and what it has paid out. */
  heldThere: () => Promise<number>;
  /** The same, by our books. */
  heldByBooks: () => Promise<number>;
}

export function openShop(stage: Stage, channel: ProviderChannel, amount: number): HttpShop {
  const { db, flow, context } = stage;
  const api = clientOf(context.publicUrl);
  const control = (method: string, route: string, body?: object) =>
    flow.providers.control(method, route, body) as Promise<Json>;
  const listed = async (route: string) => (await control('GET', route))['data'] as Json[];
  const post = poster(api, channel);
  const get = async (path: string) => (await api.admin('GET', path)).json;
  const wish = { kind: 'deal', buyerId: BUYER, amount, currency: 'CNY', subject: 'x' };
  const ordered = async (sellerId = SELLER) =>
    (await post('/v1/orders', { ...wish, sellerId }, 201)) as unknown as Ordered;
  const attempt = ({ id }: Ordered) => post(`/v1/orders/${id}/payments`, { channel }, 201, 202);
  const read = ({ id }: Ordered) => get(`/v1/orders/${id}`);
  const deliveriesOf = (no: string) => listed(`/notifications?channel=${channel}&outTradeNo=${no}`);
  return {
    channel,
    control,
    get,
    post,
    ordered,
    attempt,
    read,
    deliveriesOf,
    fault: (what) => control('POST', '/faults', { channel, ...what }),
    faultsLeft: () => listed(`/faults?channel=${channel}`),
    mend: () => control('DELETE', `/faults?channel=${channel}`),
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
    acknowledged: ({ orderNo }) =>
      until(async () => {
        const all = await deliveriesOf(orderNo);
        return all.length > 0 && all.every(({ state }) => state === 'acknowledged');
      }),
    itemsAbout: ({ orderNo }) => db.select().from(operatorItems).where(eq(operatorItems.orderNo, orderNo)),
    async heldThere() {
      const trades = await listed(`/trades?channel=${channel}`);
      const paidOut = await listed(`/payouts?channel=${channel}&status=paid`);
      return total(trades, 'paidAmount') - total(trades, 'refundedAmount') - total(paidOut, 'amount');
    },
    heldByBooks: () => balanceOf(db, channel),
  };
}

const total = (rows: readonly Json[], field: string): number =>
  rows.reduce((sum, row) => sum + Number(row[field] ?? 0), 0);

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

/** An order is paid, and its event comes under another's key first. @returns how each delivery was answered */
export async function paidAfterForgery(shop: HttpShop): Promise<unknown[][]> {
  const order = await shop.attempted();
  await shop.fault({ wrongKey: true });
  await shop.pay(order.orderNo);
  await shop.becomes(order, 'paid');
  const deliveries = () => shop.deliveriesOf(order.orderNo);
  await until(async () => (await deliveries()).length === 2);
  return (await deliveries()).map(({ status, body }) => [status, body]);
}
