/** What journeys are made of. */
import { setTimeout as pause } from 'node:timers/promises';
import { OVERTAKEN } from '../../workflows/contract.js';
import {
  type ChannelName,
  type Order,
  PAY_PASSWORD,
  type Payment,
  type Person,
  type Step,
} from '../e2e/shop.js';
import type { Random } from '../notifications/random.js';
import type { Cashier, PayWish } from './cashier.js';
import { type GoodClient, codeOf, surprise } from './client.js';

/** One journey's surroundings: its choices are its own, so that a seed repeats them whatever the others do. */
export interface Scene {
  random: Random;
  buyer: Person;
  seller: Person;
  client: GoodClient;
  sandbox: GoodClient;
  cashier: Cashier;
  /** A number that no other journey has. */
  tag: string;
}

/** An order that a journey made, and the statuses in which it may rest at last. */
export interface Ended {
  order: Order;
  rests: readonly string[];
}

export type Journey = (scene: Scene) => Promise<Ended[]>;

/** Longer than a client's own patience: what is waited for may need several calls. */
const PATIENCE_MS = 240_000;
const LOOKS_EVERY_MS = 400;

export interface Wish {
  kind?: 'deal' | 'topup' | 'package';
  amount?: number;
  nextAction?: unknown;
  chatId?: string;
  expiresIn?: string;
  chatWindow?: string;
  autoConfirmAfter?: string;
}

export async function create(scene: Scene, { kind = 'deal', ...wish }: Wish = {}): Promise<Order> {
  const { buyer, seller, client, random, tag } = scene;
  const answer = await client.post<Order>('/v1/orders', {
    kind,
    buyerId: buyer.id,
    ...(kind === 'deal' && { sellerId: seller.id }),
    amount: 100 + random.below(5_000),
    subject: 'One hour of guitar',
    metadata: { tag },
    ...wish,
  });
  if (answer.status !== 201) throw surprise('an order', answer);
  return answer.body;
}

export const channelOf = (random: Random): ChannelName => random.pick(['alipay', 'wechat']);
export const otherChannel = (channel: ChannelName): ChannelName =>
  channel === 'alipay' ? 'wechat' : 'alipay';

/** Opens an attempt and waits for its credential. @returns null when the order cannot be paid any more */
export async function attempt(
  { client, buyer }: Scene,
  order: Order,
  channel: ChannelName,
): Promise<Payment | null> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const path = `/v1/orders/${order.id}/payments`;
    const answer = await client.post<Payment>(path, { channel, scene: 'qr' }, buyer.token);
    if (answer.status === 201) return answer.body;
    const code = codeOf(answer) ?? '';
    if (['order_not_payable', 'order_already_paid'].includes(code)) return null;
    // 202: the provider has not answered yet, and goes on under the same number.
    if (answer.status !== 202 || performance.now() > end) throw surprise('a payment attempt', answer);
    await pause(LOOKS_EVERY_MS);
  }
}

/** Pays at a provider. @returns false when it was too late for that */
export async function payAt(
  scene: Scene,
  order: Order,
  channel = channelOf(scene.random),
  wish: PayWish = {},
): Promise<boolean> {
  const payment = await attempt(scene, order, channel);
  return payment !== null && scene.cashier.pay(scene.random, payment, wish);
}

/** @returns false when there is too little in the wallet */
export async function payFromWallet({ client, buyer }: Scene, order: Order): Promise<boolean> {
  const body = { channel: 'wallet', payPassword: PAY_PASSWORD };
  const answer = await client.post(`/v1/orders/${order.id}/payments`, body, buyer.token);
  if (answer.status === 201) return true;
  if (codeOf(answer) === 'insufficient_funds') return false;
  throw surprise('a wallet payment', answer);
}

/** By wallet or at a provider; a provider where the wallet has too little. */
export async function pay(scene: Scene, order: Order): Promise<void> {
  if (scene.random.chance(0.25) && (await payFromWallet(scene, order))) return;
  if (!(await payAt(scene, order))) throw new Error(`order ${order.orderNo} could not be paid`);
}

/** Looks at the order until it is as wanted. @throws Error that says what it is instead */
export async function until(
  { client }: Scene,
  { id, orderNo }: Order,
  what: string,
  holds: (order: Order) => boolean,
): Promise<Order> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await client.get<Order>(`/v1/orders/${id}`);
    if (answer.status !== 200) throw surprise(`order ${orderNo}`, answer);
    if (holds(answer.body)) return answer.body;
    if (performance.now() > end) {
      throw new Error(`order ${orderNo} never was ${what}; it is ${answer.body.status}`);
    }
    await pause(LOOKS_EVERY_MS);
  }
}

export const untilPaid = (scene: Scene, order: Order): Promise<Order> =>
  until(scene, order, 'paid', ({ paidAt }) => paidAt !== null);

export const untilClosed = (scene: Scene, order: Order): Promise<Order> =>
  until(scene, order, 'closed', ({ status }) => status === 'closed');

const SHOWS_WHAT_IS_NEEDED: Readonly<Record<Verb, (order: Order) => boolean>> = {
  confirm: ({ status }) => status === 'paid' || status === 'action_required' || status === 'completed',
  cancel: ({ status }) => status === 'unpaid',
  'close-chat': ({ chatOpen }) => chatOpen,
};
type Verb = 'confirm' | 'cancel' | 'close-chat';

/**
 * A command on an order by its buyer. A refusal of what the order itself, read again, still shows to be possible is
 * noted, and the command is given again as a new one.
 * @param allowed codes of refusals that this moment allows
 * @returns false when it was refused as allowed
 */
export async function command(
  { client, buyer }: Scene,
  order: Order,
  verb: Verb,
  allowed: readonly string[] = [],
): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  for (let noted = false; ;) {
    const answer = await client.post(`/v1/orders/${order.id}/${verb}`, {}, buyer.token);
    if (answer.status === 200) return true;
    const now = await client.get<Order>(`/v1/orders/${order.id}`);
    const refused = surprise(`${verb} of ${order.orderNo}`, answer);
    if (!SHOWS_WHAT_IS_NEEDED[verb](now.body)) {
      if (allowed.includes(codeOf(answer) ?? '')) return false;
      throw refused;
    }
    // A refund's wish is on record before PostgreSQL shows it; what is asked again hears what became of it.
    if (!noted && !refused.message.includes(OVERTAKEN)) {
      client.tally.contradictions.push(`${refused.message}, and the order shows ${now.body.status}`);
      noted = true;
    }
    if (performance.now() > end) throw refused;
    await pause(LOOKS_EVERY_MS);
  }
}

interface Refund {
  id: string;
  status: string;
}

/** @returns null when there is nothing to be refunded any more, which a race may bring about */
export async function askRefund(
  { client, buyer }: Scene,
  order: Order,
  amount?: number,
): Promise<Refund | null> {
  const body = { reason: 'the lesson was cut short', ...(amount !== undefined && { amount }) };
  const answer = await client.post<Refund>(`/v1/orders/${order.id}/refunds`, body, buyer.token);
  if (answer.status === 201) return answer.body;
  if (codeOf(answer) === 'refund_not_possible') return null;
  throw surprise(`a refund of ${order.orderNo}`, answer);
}

/** @returns false when the money has been spent */
export async function decideRefund({ client }: Scene, { id }: Refund, approve: boolean): Promise<boolean> {
  const verb = approve ? 'approve' : 'reject';
  const answer = await client.post(`/v1/refunds/${id}/${verb}`, { reason: 'so be it' });
  if (answer.status === 200) return true;
  if (codeOf(answer) === 'already_spent') return false;
  throw surprise(`${verb} of refund ${id}`, answer);
}

/** Looks at the refund until it has ended. */
export async function refundEnd({ client }: Scene, { id }: Refund): Promise<string> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await client.get<Refund>(`/v1/refunds/${id}`);
    if (answer.status !== 200) throw surprise(`refund ${id}`, answer);
    const { status } = answer.body;
    if (status !== 'processing' && status !== 'requested') return status;
    if (performance.now() > end) throw new Error(`refund ${id} never ended; it is ${status}`);
    await pause(LOOKS_EVERY_MS);
  }
}

interface Item {
  id: string;
  kind: string;
  ref: string;
  orderNo: string | null;
  details: { inSuspense?: boolean };
}

/** Looks for an open item of the order until there is one. */
export async function openItemOf(
  { client }: Scene,
  { orderNo }: Order,
  fits: (item: Item) => boolean,
): Promise<Item> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await client.get<{ data: Item[] }>('/v1/operator-items?status=open&limit=100');
    if (answer.status !== 200) throw surprise('the operator items', answer);
    const found = answer.body.data.find((item) => item.orderNo === orderNo && fits(item));
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`order ${orderNo} never had the item that it should have`);
    await pause(LOOKS_EVERY_MS);
  }
}

export async function resolve({ client }: Scene, { id }: Item, resolution: string): Promise<void> {
  const body = { resolution, reason: 'looked at it' };
  const answer = await client.post(`/v1/operator-items/${id}/resolve`, body);
  if (answer.status !== 200) throw surprise(`resolving item ${id}`, answer);
}

export async function stepsOf({ client }: Scene, { id }: Order): Promise<Step[]> {
  const answer = await client.get<{ data: Step[] }>(`/v1/orders/${id}/actions`);
  if (answer.status !== 200) throw surprise('the steps', answer);
  return answer.body.data;
}
