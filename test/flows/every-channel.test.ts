/**
 * Every channel and everything that can go wrong at a provider, over real HTTP in every direction: an order is paid,
 * refunded in two parts, confirmed, and its seller paid out, each with the same trouble on the way. What is signed is
 * verified by the product, which takes the providers' own libraries for that where they have one.
 */
import { and, eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inbox } from '../../db/schema.js';
import { PROVIDER_CHANNELS } from '../../domain/order.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { type HttpShop, type Json, openShop } from '../support/http-shop.js';
import { type Trouble, newSeller, payInto, refundPart, withdraw } from '../support/legs.js';
import { until } from '../support/world.js';

const AMOUNT = 10_000;
const PARTS = [1_000, 2_000] as const;
const LEFT = 7_000;
// Long enough for an honest answer on a busy machine, and as short as it can be for those that never come.
const PROVIDER_TIMEOUT_MS = 2_000;

interface Row extends Trouble {
  /** Whether each delivery of an event was acknowledged, in the order in which they were sent. */
  taken: boolean[];
}

/**
 * Every provider tells of payments, refunds and payouts, so every fault is on every leg of every channel. At Stripe a
 * payout is there at once, and what is told of it later changes nothing.
 */
const TROUBLES: [title: string, Row][] = [
  ['it is told three times', { at: 'notification', what: { duplicate: 2 }, taken: [true, true, true] }],
  ['it is told late', { at: 'notification', what: { delayMs: 400 }, taken: [true] }],
  ['it is never told', { at: 'notification', what: { drop: true }, taken: [false] }],
  ['something else is told before', { at: 'notification', what: { reorder: true, times: 2 }, taken: [true] }],
  ['it is told by a forger first', { at: 'notification', what: { tamper: true }, taken: [false, true] }],
  ['it is told with a fen more', { at: 'notification', what: { wrongAmount: true }, taken: [true] }],
  ['it is accepted without an answer', { at: 'call', what: { requestTimeout: true }, taken: [true] }],
  ['it meets a server error', { at: 'call', what: { errorRate: 1, times: 1 }, taken: [true] }],
  ['its answer is slow', { at: 'call', what: { hangMs: 600, times: 1 }, taken: [true] }],
];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ providerTimeoutMs: PROVIDER_TIMEOUT_MS });
  // Ping++ keeps one address for all that it tells.
  const url = `${stage.context.publicUrl}/webhooks/pingpp`;
  await stage.flow.providers.control('PUT', '/webhooks', { channel: 'pingpp', url });
});
afterAll(() => stage.close());

/** What the provider told under a number: by event, how it ended and which deliveries were acknowledged. */
async function toldOf(shop: HttpShop, no: string): Promise<{ state: unknown; taken: unknown[] }[]> {
  const all = await shop.deliveriesOf(no);
  return [...new Set(all.map(({ eventId }) => eventId))].map((event) => {
    const deliveries = all.filter(({ eventId }) => eventId === event);
    return {
      state: deliveries[0]?.['state'],
      taken: deliveries.map(({ acknowledged }) => acknowledged),
    };
  });
}

async function toldInTheEnd(shop: HttpShop, no: string, events: number) {
  await until(async () => {
    const told = await toldOf(shop, no);
    return told.length === events && told.every(({ state }) => state !== 'due');
  });
  return toldOf(shop, no);
}

const statusesAt = async (shop: HttpShop, route: string): Promise<string[]> =>
  ((await shop.control('GET', route))['data'] as Json[])
    .map(({ status, amount }) => `${String(status)} ${String(amount)}`)
    .sort();

// Channels at the same time, since each has faults and books of its own; the rows of one after each other.
describe.concurrent.each(PROVIDER_CHANNELS)(
  'M4 M5 M6 M9 W2 W3 W5: every fen by %s is where it belongs',
  (channel) => {
    let shop: HttpShop;
    beforeAll(() => {
      shop = openShop(stage, channel, AMOUNT);
    });
    afterEach(() => shop.mend());

    it.sequential.each(TROUBLES)('when %s', async (_title, { taken, ...trouble }) => {
      const seller = await newSeller(stage, channel);
      const order = await shop.ordered(seller.id);

      await payInto(shop, trouble, order);
      if (trouble.what.wrongAmount) {
        await until(async () => (await shop.itemsAbout(order)).length > 0);
        expect(await shop.read(order)).toMatchObject({ status: 'unpaid' });
        expect(await shop.itemsAbout(order)).toMatchObject([{ details: { reason: 'other_amount' } }]);
      }
      // Nothing that could be believed has been told: the relay asks.
      if (trouble.what.drop || trouble.what.wrongAmount) await shop.askNow(order);
      expect(await shop.becomes(order, 'paid')).toMatchObject({ amount: AMOUNT });

      for (const amount of PARTS) await refundPart(stage, shop, trouble, { order, amount });
      const confirmed = await shop.post(`/v1/orders/${order.id}/confirm`, {}, 200);
      expect(confirmed['status']).toBe('partially_refunded');
      const wallet = () => shop.get(`/v1/wallets/${seller.id}`);
      expect(await wallet()).toMatchObject({ withdrawable: LEFT });

      const { id } = await withdraw(stage, shop, trouble, { seller, amount: LEFT });
      expect(await wallet()).toMatchObject({ withdrawable: 0, frozen: 0 });

      const told = { state: trouble.what.drop ? 'dropped' : 'acknowledged', taken };
      expect(await toldInTheEnd(shop, order.orderNo, 3)).toEqual([told, told, told]);
      expect(await toldInTheEnd(shop, String(id), 1)).toEqual([told]);
      const isNotice = and(eq(inbox.outTradeNo, order.orderNo), eq(inbox.source, 'notification'));
      expect(await stage.db.$count(inbox, isNotice)).toBe(trouble.what.drop ? 0 : 3);

      const refunds = `/refunds?channel=${channel}&outTradeNo=${order.orderNo}`;
      expect(await statusesAt(shop, refunds)).toEqual(['succeeded 1000', 'succeeded 2000']);
      const payouts = `/payouts?channel=${channel}&receiver=${encodeURIComponent(seller.account.no)}`;
      expect(await statusesAt(shop, payouts)).toEqual([`paid ${LEFT}`]);
      expect(await shop.heldByBooks()).toBe(await shop.heldThere());
      expect(await proveLedger(stage.db)).toMatchObject({ balanced: true });
    });
  },
);
