/** Notifications accepted a second: the product (verify, insert, answer) beside a handler that signals inline. */
import { type SignedNotification, signNotification } from './alipay.js';
import type { Figure } from './figures.js';
import { type Floor, startInlineHandler } from './floor/floor.js';
import { type Http, openHttp } from './http.js';
import type { Options } from './options.js';
import { type BenchOrder, type Product, countIn } from './product.js';
import { each, median, openLoop, percentile, range, until } from './stats.js';

const DEFAULT_ORDERS = 300;
const CONNECTIONS = 32;
const MOST_ROUNDS = 3;
const HOLD_MS = 86_400_000;
// What the API leaves is the relay’s, a second later; 10 s later, where an attempt of its own has failed.
const DELIVERED_WITHIN_MS = 120_000;

async function unpaidOrders(product: Product, count: number): Promise<BenchOrder[]> {
  const made: BenchOrder[] = [];
  await each(Array.from({ length: count }), 8, async () => {
    const order = await product.createOrder();
    await product.openAttempt(order);
    made.push(order);
  });
  return made;
}

/** Sends all as fast as they are answered. @returns a second */
async function burst(
  notifications: readonly SignedNotification[],
  send: (notification: SignedNotification) => Promise<void>,
): Promise<number> {
  const begin = performance.now();
  await each(notifications, CONNECTIONS, send);
  return (notifications.length * 1_000) / (performance.now() - begin);
}

interface ProductRound {
  perSecond: number;
  /** From the first notification to the last hold. */
  deliveredMs: number;
}

async function productRound(product: Product, count: number): Promise<ProductRound> {
  const orders = await unpaidOrders(product, count);
  const signed = orders.map(({ orderNo }) => signNotification(orderNo));
  const begin = Date.now();
  const perSecond = await burst(signed, (one) => product.notify(one));
  // All of them reach their order before the floor's turn, which would pay for them otherwise.
  const delivered = async (): Promise<boolean> => (await countIn(product.servers, orders, 'held')) === count;
  await until('every notification has reached its order', delivered, DELIVERED_WITHIN_MS);
  return { perSecond, deliveredMs: Date.now() - begin };
}

async function floorRound(floor: Floor, http: Http, count: number): Promise<number> {
  const ids: string[] = [];
  await each(Array.from({ length: count }), 8, async () => {
    ids.push(await floor.start(HOLD_MS));
  });
  const signed = ids.map((id) => signNotification(id));
  const perSecond = await burst(signed, async ({ body, headers }) => {
    const reply = await http.post('/webhooks/alipay', body, headers);
    if (reply.status !== 200) throw new Error(`the inline handler answered ${reply.status} ${reply.text}`);
  });
  await until('every signal has been taken', () => ids.every((id) => floor.holds.has(id)));
  return perSecond;
}

/** @returns answer times, ms, at a steady rate */
async function steadyRound(product: Product, count: number, perSecond: number): Promise<number[]> {
  const orders = await unpaidOrders(product, count);
  const signed = orders.map(({ orderNo }) => signNotification(orderNo));
  const tookMs: number[] = [];
  await openLoop(count, 1_000 / perSecond, async (index) => {
    const notification = signed[index];
    if (notification === undefined) throw new Error('the loop is longer than its notifications');
    const begin = performance.now();
    await product.notify(notification);
    tookMs.push(performance.now() - begin);
  });
  return tookMs;
}

export async function benchIntake(product: Product, floor: Floor, options: Options): Promise<Figure[]> {
  const { handler, url } = await startInlineHandler(product.servers);
  const http = openHttp(url, CONNECTIONS);
  const count = options.orders ?? DEFAULT_ORDERS;
  await productRound(product, 40);
  await floorRound(floor, http, 40);
  const products: ProductRound[] = [];
  const floors: number[] = [];
  for (let index = 0; index < Math.min(options.rounds, MOST_ROUNDS); index++) {
    products.push(await productRound(product, count));
    floors.push(await floorRound(floor, http, count));
  }
  const rates = products.map(({ perSecond }) => perSecond);
  const tookMs = await steadyRound(product, count, median(rates) / 2);
  http.close();
  await handler.stop();
  return [
    {
      what: 'notifications accepted',
      value: median(rates),
      unit: 'a second',
      floor: median(floors),
      target: { of: 'ratio', atLeast: 2.5 },
      exact: false,
      note: `${CONNECTIONS} connections, ${count} a round; product ${range(rates)}, floor ${range(floors)}`,
    },
    {
      what: 'notification answered at half that rate, p99',
      value: percentile(tookMs, 0.99),
      unit: 'ms',
      target: { of: 'value', atMost: 100 },
      exact: false,
      note: `p50 ${Math.round(percentile(tookMs, 0.5))}`,
    },
    {
      what: `burst of ${count} notifications to the last hold`,
      value: median(products.map(({ deliveredMs }) => deliveredMs)),
      unit: 'ms',
      exact: false,
      note: 'by the API’s own attempts, a few at once; the relay takes what they leave',
    },
  ];
}
