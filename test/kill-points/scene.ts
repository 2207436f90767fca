/** What scenarios are made of: a process ends at a named point, and the order comes to its right end all the same. */
import { expect } from 'vitest';
import { type GoodClient, goodClient, newTally } from '../chaos/client.js';
import type { Http } from '../e2e/http.js';
import {
  type AnyChannel,
  type Order,
  type OrderWish,
  type Payment,
  type Person,
  type Shop,
  expectStatus,
  openShop,
} from '../e2e/shop.js';
import { DEADLINE_MS, eventually } from '../e2e/wait.js';
import type { Fleet, Proc } from '../fleet/fleet.js';

export interface Scene {
  fleet: Fleet;
  /** The API for a good client, who repeats what got no answer, with the same Idempotency-Key. */
  api: Http;
  shop: Shop;
  /** Calls to which no outage is an excuse for their answer. */
  internal: readonly string[];
}

export interface UnderWay {
  /** Leads the armed process to its point. Settles when who asked has an answer, which may take a clean process. */
  act: () => Promise<unknown>;
  /** With clean processes: waits for the right end, and proves it. */
  end: () => Promise<void>;
}

/** @param end is given what who asked was answered at last */
export function underWay<T>(act: () => Promise<T>, end: (answer: T) => Promise<void>): UnderWay {
  let acting: Promise<T> | undefined;
  return {
    act: () => (acting = act()),
    end: async () => {
      if (acting === undefined) throw new Error('nobody has led to the point');
      await end(await acting);
    },
  };
}

export interface Scenario {
  kills: 'api' | 'worker';
  /** Ids of the promises that it proves beside T5, if any. */
  proves?: string;
  /** What must be so in the end, for the test's name. */
  says: string;
  /** With clean processes, to just before the point. */
  prepare: (scene: Scene) => Promise<UnderWay>;
}

export const AMOUNT = 1_300;

/** The chaos client by the shop's interface. */
function asHttp(client: GoodClient): Http {
  return {
    get: (path) => client.get(path),
    put: (path, body) => client.put(path, body),
    post: (path, body, options = {}) => client.post(path, body, options.token),
    delete: (path) => client.delete(path),
  };
}

/** @param first the API that listens where each will that takes its place */
export function openScene(fleet: Fleet, first: Proc): Scene {
  const tally = newTally();
  const api = asHttp(goodClient(fleet.http(first), tally));
  return { fleet, api, shop: openShop({ api, sandbox: fleet.sandbox }), internal: tally.internal };
}

export interface Deal {
  buyer: Person;
  seller: Person;
  order: Order;
}

export async function people({ shop }: Scene): Promise<{ buyer: Person; seller: Person }> {
  const [buyer, seller] = await Promise.all([shop.addPerson(), shop.addPerson()]);
  return { buyer, seller };
}

/** Held until somebody confirms: nothing moves while others are at their turn. */
export async function unpaidDeal(scene: Scene, wish: Partial<OrderWish> = {}): Promise<Deal> {
  const parties = await people(scene);
  const order = await scene.shop.newOrder({
    ...parties,
    amount: AMOUNT,
    autoConfirmAfter: '24h',
    ...wish,
  });
  return { ...parties, order };
}

export async function heldDeal(
  scene: Scene,
  channel: AnyChannel = 'alipay',
): Promise<Deal & { payment: Payment }> {
  const deal = await unpaidDeal(scene);
  const payment = await scene.shop.pay(deal.order, channel);
  await scene.shop.orderIs(deal.order, 'paid');
  return { ...deal, payment };
}

export async function confirm({ api }: Scene, { order, buyer }: Deal): Promise<Order> {
  return expectStatus(
    await api.post<Order>(`/v1/orders/${order.id}/confirm`, {}, { token: buyer.token }),
    200,
  );
}

export async function releasedDeal(scene: Scene): Promise<Deal & { payment: Payment }> {
  const deal = await heldDeal(scene);
  await confirm(scene, deal);
  await scene.shop.orderIs(deal.order, 'completed');
  return deal;
}

/** How often each kind of thing happened to the order. */
export async function toldOf({ shop }: Scene, order: Order): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { type } of await shop.timelineOf(order)) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** The order's postings, in their order. */
export async function postingsOf({ fleet }: Scene, { orderNo }: Order): Promise<string[]> {
  const rows = await fleet.sql<{ kind: string }[]>`
    SELECT kind FROM postings WHERE order_no = ${orderNo} ORDER BY id`;
  return rows.map(({ kind }) => kind);
}

/** The buyer confirms, and the seller is paid: once each, in one posting each. */
export async function endsWithTheSellerPaid(scene: Scene, deal: Deal): Promise<void> {
  const { shop } = scene;
  await shop.orderIs(deal.order, 'paid');
  await confirm(scene, deal);
  await isReleasedOnce(scene, deal);
}

export async function isReleasedOnce(scene: Scene, { order, seller }: Deal): Promise<void> {
  const { shop } = scene;
  await shop.orderIs(order, 'completed');
  expect(await shop.walletOf(seller)).toMatchObject({ held: 0, withdrawable: AMOUNT });
  expect(await shop.walletEntries(seller)).toMatchObject([{ bucket: 'withdrawable', amount: AMOUNT }]);
  expect(await postingsOf(scene, order)).toEqual(['payment', 'release']);
  expect(await toldOf(scene, order)).toMatchObject({ 'payment.received': 1, 'money.released': 1 });
}

/** The attempts of an order: their numbers with their statuses. */
export async function attemptsOf({ fleet }: Scene, { orderNo }: Order): Promise<string[]> {
  const rows = await fleet.sql<{ attempt: string }[]>`
    SELECT channel || ' ' || out_trade_no || ' ' || status AS attempt FROM payments
     WHERE order_no = ${orderNo} ORDER BY out_trade_no`;
  return rows.map(({ attempt }) => attempt);
}

export interface ProviderRefund {
  outRefundNo: string;
  amount: number;
  status: string;
}

export async function refundsAtTheProvider({ fleet }: Scene, outTradeNo: string): Promise<ProviderRefund[]> {
  const path = `/refunds?outTradeNo=${outTradeNo}`;
  return expectStatus(await fleet.sandbox.get<{ data: ProviderRefund[] }>(path), 200).data;
}

/** What of the attempt came and went, by the provider's own books. */
export async function tradeTotals(
  { fleet }: Scene,
  outTradeNo: string,
): Promise<{ paidAmount: number | null; refundedAmount: number; status: string }> {
  return expectStatus(await fleet.sandbox.get(`/trades/${outTradeNo}`), 200);
}

/** Waits until SQL answers the number that is wanted. */
export async function sqlCounts(
  { fleet }: Scene,
  what: string,
  query: string,
  wanted: number,
  withinMs = DEADLINE_MS,
): Promise<void> {
  await eventually(
    what,
    async () => {
      const [row] = await fleet.sql.unsafe<{ count: string }[]>(query);
      if (Number(row?.count) !== wanted) throw new Error(`there are ${row?.count} instead of ${wanted}`);
    },
    withinMs,
  );
}
