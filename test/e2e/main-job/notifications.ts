import { describe, expect, it } from 'vitest';
import { sqlAs } from '../../support/database.js';
import { type ChannelName, type Order, type Payment, expectStatus } from '../shop.js';
import { PATIENT_MS, type World } from './world.js';

const CHANNELS = ['alipay', 'wechat'] as const;

/** What each provider wants to read, and may: to Alipay anything but these seven bytes is a failure. */
const ACKNOWLEDGEMENTS = {
  alipay: { success: 'success', failure: 'fail' },
  wechat: { success: '{"code":"SUCCESS"}', failure: '{"code":"FAIL","message":"失败"}' },
} as const;
/** Promise W2: so that nobody can fill the disk. */
const KEPT_SAMPLES = 100;

/** What the notification itself gets wrong. Under a right signature it is kept for a person, else as a sample. */
const LIES = [
  { lie: 'tamper', reason: null },
  { lie: 'wrongKey', reason: null },
  { lie: 'wrongAmount', reason: 'other_amount' },
  { lie: 'wrongMerchant', reason: 'other_merchant' },
  { lie: 'wrongOrder', reason: 'no_attempt' },
] as const;
type Lie = (typeof LIES)[number];

export function notificationTests(world: () => World): void {
  describe('notifications', () => {
    // The two channels have faults of their own, so they need not wait for one another.
    it.concurrent.each(CHANNELS)(
      'of %s that lie have no effect and are kept; the order asks for the truth within 60 s',
      async (channel) => {
        const { shop, stack } = world();
        const orders: Order[] = [];
        // As long as the channel answers no question, only a notification could pay.
        await shop.addFault({ channel, operation: 'query', errorRate: 1 });
        try {
          for (const lie of LIES) orders.push(await lieAbout(world(), channel, lie));
          orders.push(await dropped(world(), channel));
        } finally {
          expectStatus(await stack.sandbox.delete(`/faults?channel=${channel}`), 200);
        }
        await Promise.all(orders.map((order) => shop.orderIs(order, 'paid')));
      },
      PATIENT_MS,
    );

    it.each(CHANNELS)('of %s that come five times make one hold', async (channel) => {
      const { shop, buyer } = world();
      const seller = await shop.addPerson();
      const order = await shop.newOrder({ buyer, seller, amount: 700, autoConfirmAfter: '24h' });
      await shop.addFault({ channel, duplicate: 4 });
      const deliveries = await shop.deliveriesOf(await shop.pay(order, channel), 5);
      const acknowledged = { status: 200, body: ACKNOWLEDGEMENTS[channel].success, acknowledged: true };
      expect(deliveries).toMatchObject(deliveries.map(() => acknowledged));
      await shop.orderIs(order, 'paid');
      expect(await shop.walletOf(seller)).toMatchObject({ held: 700 });
      const types = (await shop.timelineOf(order)).map(({ type }) => type);
      expect(types).toEqual(['order.created', 'payment.opened', 'payment.received', 'order.paid']);
      expect(await shop.openItems(order)).toEqual([]);
    });

    it(`of nobody are refused, and the last ${KEPT_SAMPLES} are kept`, async () => {
      const { stack } = world();
      const send = async (body: string): Promise<void> => {
        const answer = await fetch(`${stack.apiUrl}/webhooks/alipay`, { method: 'POST', body });
        expect([answer.status, await answer.text()]).toEqual([400, ACKNOWLEDGEMENTS.alipay.failure]);
      };
      for (let sent = 0; sent <= KEPT_SAMPLES; sent += 1) await send(`out_trade_no=${sent}`);
      const { url } = stack.runJson().postgres;
      const kept = await sqlAs(url, (sql) => sql`SELECT body FROM refused_notifications ORDER BY id`);
      expect(kept).toHaveLength(KEPT_SAMPLES);
      expect(kept[0]).toEqual({ body: 'out_trade_no=1' });
    });
  });
}

async function attemptOf({ shop, buyer, seller }: World, channel: ChannelName): Promise<[Order, Payment]> {
  const order = await shop.newOrder({ buyer, seller, amount: 1_100, autoConfirmAfter: '24h' });
  return [order, await shop.openAttempt(order, channel)];
}

async function lieAbout(world: World, channel: ChannelName, { lie, reason }: Lie): Promise<Order> {
  const { shop } = world;
  const refusedBefore = await refusedNotifications(world, channel);
  const [order, payment] = await attemptOf(world, channel);
  await shop.addFault({ channel, [lie]: true, times: 1 });
  const { tradeNo } = await shop.payAtProvider(payment);
  const [delivery] = await shop.deliveriesOf(payment, 1);
  // What is verified is kept, so the provider need not send it again; what is not verified is nobody's word.
  const { success, failure } = ACKNOWLEDGEMENTS[channel];
  expect(delivery, lie).toMatchObject(
    reason === null ? { status: 400, body: failure } : { status: 200, body: success },
  );
  expect(await refusedNotifications(world, channel), lie).toBe(refusedBefore + (reason === null ? 1 : 0));
  if (reason !== null) {
    await expect
      .poll(() => reviewReasons(world, tradeNo), { timeout: 60_000, message: `${lie} is kept for review` })
      .toEqual([reason]);
  }
  expect(await shop.orderOf(order.id), lie).toMatchObject({ status: 'unpaid', paidAt: null });
  return order;
}

async function dropped(world: World, channel: ChannelName): Promise<Order> {
  const { shop } = world;
  const [order, payment] = await attemptOf(world, channel);
  await shop.addFault({ channel, drop: true, times: 1 });
  await shop.payAtProvider(payment);
  expect(await shop.deliveriesOf(payment, 1)).toMatchObject([{ status: null, acknowledged: false }]);
  return order;
}

async function reviewReasons({ shop }: World, tradeNo: string): Promise<unknown[]> {
  const items = await shop.allOpenItems();
  return items
    .filter(({ kind, details }) => kind === 'suspense' && details['providerTradeNo'] === tradeNo)
    .map(({ details }) => details['reason']);
}

/** The counter of refused notifications, as Prometheus reads it. */
async function refusedNotifications({ stack }: World, channel: ChannelName): Promise<number> {
  const { body } = await stack.api.get<string>('/metrics');
  const name = `holdfast_notifications_total{channel="${channel}",verdict="refused"} `;
  const line = body.split('\n').find((one) => one.startsWith(name));
  return Number(line?.slice(name.length) ?? 0);
}
