/** The product as it runs: an API and a worker of its own each, called over HTTP alone. */
import { randomBytes } from 'node:crypto';
import { freePort } from '../dev/ports.mjs';
import { ALIPAY_ENVIRONMENT, type SignedNotification, signNotification } from './alipay.js';
import { type Child, answers, startScript } from './children.js';
import { type Http, openHttp } from './http.js';
import type { Servers } from './servers.js';

const ADMIN_KEY = randomBytes(24).toString('hex');
export const BUYER = '000000000000000000000b01';
const SELLER = '000000000000000000000501';
const AMOUNT_FEN = 10_000;

export interface BenchOrder {
  id: string;
  orderNo: string;
}

export interface Product {
  servers: Servers;
  api: Child;
  worker: Child;
  http: Http;
  /** @throws Error when the API refuses it */
  createOrder(wish?: Record<string, unknown>): Promise<BenchOrder>;
  openAttempt(order: BenchOrder): Promise<void>;
  /** Posts a notification and waits for its acknowledgement. */
  notify(notification: SignedNotification): Promise<void>;
  close(): Promise<void>;
}

function environment({ postgres, temporal }: Servers): Record<string, string> {
  return {
    DATABASE_URL: postgres.appUrl,
    TEMPORAL_ADDRESS: temporal.address,
    ADMIN_API_KEY: ADMIN_KEY,
    HOST: '127.0.0.1',
    // A line for every request is what production logs too; it goes to a file.
    LOG_LEVEL: 'info',
    ...ALIPAY_ENVIRONMENT,
  };
}

/** @param maxCachedWorkflows how many orders the worker keeps in memory */
export async function startWorker(servers: Servers, maxCachedWorkflows = 2_000): Promise<Child> {
  const port = await freePort();
  return startScript({
    name: 'worker',
    script: 'worker/main.ts',
    home: servers.home,
    environment: {
      ...environment(servers),
      WORKER_HEALTH_PORT: String(port),
      MAX_CACHED_WORKFLOWS: String(maxCachedWorkflows),
    },
    isReady: () => answers(`http://127.0.0.1:${port}/healthz`),
  });
}

async function startApi(servers: Servers): Promise<{ api: Child; url: string }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const api = await startScript({
    name: 'api',
    script: 'api/main.ts',
    home: servers.home,
    environment: { ...environment(servers), PORT: String(port) },
    isReady: () => answers(`${url}/healthz`),
  });
  return { api, url };
}

/** Users, and a template, so that orders can name them. */
async function furnish({ sql }: Servers): Promise<void> {
  await sql`INSERT INTO users (id, name) VALUES (${BUYER}, 'buyer'), (${SELLER}, 'seller') ON CONFLICT DO NOTHING`;
  const template = { provider: 'outbox', sign: 'Holdfast', template: 'Your code is {code}.', params: [] };
  await sql`INSERT INTO catalog_items (collection, id, body)
    VALUES ('sms-templates', '111', ${sql.json(template)}) ON CONFLICT DO NOTHING`;
}

export async function startProduct(servers: Servers): Promise<Product> {
  await furnish(servers);
  const [{ api, url }, worker] = await Promise.all([startApi(servers), startWorker(servers)]);
  const http = openHttp(url, 32);
  const call = async (path: string, body: object): Promise<BenchOrder> => {
    const reply = await http.post(path, JSON.stringify(body), {
      'content-type': 'application/json',
      authorization: `Bearer ${ADMIN_KEY}`,
    });
    if (reply.status !== 201) throw new Error(`POST ${path}: ${reply.status} ${reply.text}`);
    return JSON.parse(reply.text) as BenchOrder;
  };
  const product: Product = {
    servers,
    api,
    worker,
    http,
    createOrder: (wish = {}) =>
      call('/v1/orders', {
        kind: 'deal',
        buyerId: BUYER,
        sellerId: SELLER,
        amount: AMOUNT_FEN,
        subject: 'One hour of guitar',
        ...wish,
      }),
    openAttempt: async ({ id }) => {
      await call(`/v1/orders/${id}/payments`, { channel: 'alipay', scene: 'app' });
    },
    notify: async ({ body, headers }) => {
      const reply = await http.post('/webhooks/alipay', body, headers);
      if (reply.status !== 200 || reply.text !== 'success') {
        throw new Error(`the notification was answered ${reply.status} ${reply.text}`);
      }
    },
    close: async () => {
      http.close();
      await Promise.all([api.stop(), product.worker.stop()]);
    },
  };
  return product;
}

/** How many of the orders have reached a state of their money. */
export async function countIn(
  { sql }: Servers,
  orders: readonly BenchOrder[],
  money: 'held' | 'released',
): Promise<number> {
  const numbers = orders.map(({ orderNo }) => orderNo);
  const [row] = await sql<{ n: string }[]>`
    SELECT count(*) AS n FROM orders WHERE order_no = ANY (${numbers}) AND money = ${money}`;
  return Number(row?.n ?? 0);
}

/** Pays an order by a notification of its own. */
export async function payByNotification(product: Product, order: BenchOrder): Promise<void> {
  await product.notify(signNotification(order.orderNo));
}
