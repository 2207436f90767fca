/**
 * Temporal and the API die at the worst moment of an Update: what it does is in PostgreSQL, and that it was asked for
 * is not in the history yet. The caller repeats it, and the order must go on all the same (promises T4, T5, T6).
 */
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectToTemporal, type Workflows } from '../e2e/workflows.js';
import { type Order, PAY_PASSWORD, type Person, type Shop, newMobile, openShop } from '../e2e/shop.js';
import { type Stack, startStack } from '../e2e/stack.js';
import { eventually } from '../e2e/wait.js';
import { describeFull } from '../support/full.js';
import { type GoodClient, goodClient, newTally } from './client.js';

const PATIENT_MS = 240_000;
const AMOUNT = 1_300;

let stack: Stack;
let shop: Shop;
let client: GoodClient;
let workflows: Workflows;

beforeAll(async () => {
  stack = await startStack({});
  shop = openShop(stack);
  client = goodClient(stack.api, newTally());
  workflows = await connectToTemporal(stack);
});
afterAll(async () => {
  await workflows?.close();
  await stack?.remove();
});

/** An order at the moment when somebody decides about it. */
interface Moment {
  order: Order;
  /** The Update, as a caller who repeats it. */
  decide: () => Promise<{ status: number }>;
  /** What it does in PostgreSQL, as a condition on its order's row `o`. */
  effect: string;
  /** What comes afterwards, until the order's workflow should end. */
  goOn?: () => Promise<unknown>;
  rests: string;
}

interface People {
  buyer: Person;
  seller: Person;
}

async function heldOrder({ buyer, seller }: People, wish: object = {}): Promise<Order> {
  const topUp = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT });
  await shop.pay(topUp);
  await shop.orderIs(topUp, 'completed');
  const order = await shop.newOrder({ buyer, seller, amount: AMOUNT, ...wish });
  await shop.payFromWallet(order, PAY_PASSWORD);
  await eventually('the workflow knows of the payment', async () => {
    const { body } = await stack.api.get<{ data: { type: string }[] }>(`/v1/orders/${order.id}/timeline`);
    if (!body.data.some(({ type }) => type === 'order.paid')) throw new Error('not yet');
    expect(await pendingInbox(order)).toBe(0);
  });
  return order;
}

async function withSql<T>(run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(stack.runJson().postgres.url, { max: 2, onnotice: () => undefined });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

const pendingInbox = ({ orderNo }: Order): Promise<number> =>
  withSql(
    async (sql) =>
      (await sql`SELECT 1 FROM inbox WHERE out_trade_no = ${orderNo} AND state = 'pending'`).length,
  );

const confirm =
  ({ id }: Order, { token }: Person) =>
  () =>
    client.post(`/v1/orders/${id}/confirm`, {}, token);

async function parked(people: People): Promise<{ order: Order; own: string }> {
  const [foreign, own] = await Promise.all([
    shop.addShopOrder(people.seller, AMOUNT),
    shop.addShopOrder(people.buyer, AMOUNT),
  ]);
  const message = { type: 2, smsId: 111, mobile: newMobile(), postJsonString: { code: 1, product: 'tea' } };
  const nextAction = { type: 0, id: foreign, nextAction: message };
  const order = await shop.newOrder({ kind: 'topup', buyer: people.buyer, amount: AMOUNT, nextAction });
  await shop.pay(order);
  return { order: await shop.orderIs(order, 'action_required'), own };
}

const IS_PARKED_NO_MORE = `NOT EXISTS (SELECT 1 FROM action_steps s WHERE s.order_no = o.order_no AND s.status = 'parked')`;

async function refundOf(order: Order, { token }: Person, amount: number): Promise<string> {
  const { body } = await client.post<{ id: string }>(
    `/v1/orders/${order.id}/refunds`,
    { amount, reason: 'cut short' },
    token,
  );
  await shop.orderIs(order, 'refund_requested');
  return body.id;
}

const MOMENTS: Record<string, (people: People) => Promise<Moment>> = {
  'a step is skipped': async (people) => {
    const { order } = await parked(people);
    const path = `/v1/orders/${order.id}/actions/0/skip`;
    return {
      order,
      decide: () => client.post(path, { reason: 'by hand' }),
      effect: IS_PARKED_NO_MORE,
      rests: 'completed',
    };
  },
  'a step is corrected': async (people) => {
    const { order, own } = await parked(people);
    const body = { parameters: { id: own }, reason: 'the wrong number was sent' };
    const path = `/v1/orders/${order.id}/actions/0/edit`;
    return { order, decide: () => client.post(path, body), effect: IS_PARKED_NO_MORE, rests: 'completed' };
  },
  'a refund is rejected': async (people) => {
    const order = await heldOrder(people);
    const refund = await refundOf(order, people.buyer, AMOUNT);
    return {
      order,
      decide: () => client.post(`/v1/refunds/${refund}/reject`, { reason: 'no' }),
      effect: 'NOT o.refund_open',
      goOn: confirm(order, people.buyer),
      rests: 'completed',
    };
  },
  'a part goes back to the wallet': async (people) => {
    const order = await heldOrder(people);
    const refund = await refundOf(order, people.buyer, 300);
    return {
      order,
      decide: () => client.post(`/v1/refunds/${refund}/approve`, { reason: 'yes' }),
      effect: 'o.refunded = 300',
      goOn: confirm(order, people.buyer),
      rests: 'partially_refunded',
    };
  },
  'a refund is asked for': async (people) => {
    const order = await heldOrder(people);
    const body = { reason: 'cut short' };
    return {
      order,
      decide: () => client.post(`/v1/orders/${order.id}/refunds`, body, people.buyer.token),
      effect: 'o.refund_open',
      goOn: async () => {
        const [refund] = await withSql(
          (sql) => sql`SELECT id FROM refunds WHERE order_no = ${order.orderNo}`,
        );
        return client.post(`/v1/refunds/${String(refund?.['id'])}/approve`, { reason: 'yes' });
      },
      rests: 'refunded',
    };
  },
  'the buyer confirms': async (people) => {
    const order = await heldOrder(people);
    return {
      order,
      decide: confirm(order, people.buyer),
      effect: `o.money = 'released'`,
      rests: 'completed',
    };
  },
  'the buyer cancels': async ({ buyer, seller }) => {
    const order = await shop.newOrder({ buyer, seller, amount: AMOUNT });
    const decide = () => client.post(`/v1/orders/${order.id}/cancel`, {}, buyer.token);
    return { order, decide, effect: `o.money = 'closed'`, rests: 'closed' };
  },
  'the chat is closed': async (people) => {
    const order = await heldOrder(people, { chatId: `room-${people.buyer.id}` });
    return {
      order,
      decide: () => client.post(`/v1/orders/${order.id}/close-chat`, {}, people.buyer.token),
      effect: 'o.chat_closed_at IS NOT NULL',
      goOn: confirm(order, people.buyer),
      rests: 'completed',
    };
  },
};

/** Holds an order's row on a connection of its own. */
async function hold(sql: postgres.Sql, { order: { orderNo } }: Moment) {
  const connection = await sql.reserve();
  const [row] = await connection<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  await connection`BEGIN`;
  await connection`SELECT 1 FROM orders WHERE order_no = ${orderNo} FOR UPDATE`;
  return {
    waitedFor: () =>
      eventually(`the worker waits for order ${orderNo}`, async () => {
        const waiting = await sql`
          SELECT 1 FROM pg_stat_activity
           WHERE application_name = 'holdfast-worker' AND ${row?.pid ?? 0} = ANY(pg_blocking_pids(pid))`;
        if (waiting.length === 0) throw new Error('it does not');
      }),
    letGo: async () => {
      await connection`COMMIT`;
      connection.release();
    },
  };
}

/**
 * Holds every order's row until the worker has waited for it in the middle of its Update, then kills Temporal and the
 * API, then lets the worker go on: its transactions are committed, and what it would tell Temporal comes to nobody.
 * @returns once all of it is in PostgreSQL and everything runs again, what the callers will be answered
 */
async function decideWhileAllDies(moments: readonly Moment[]): Promise<Promise<unknown>[]> {
  const sql = postgres(stack.runJson().postgres.url, { max: moments.length + 1, onnotice: () => undefined });
  try {
    const holds = await Promise.all(moments.map((moment) => hold(sql, moment)));
    const decided = moments.map(({ decide }) => decide());
    await Promise.all(holds.map(({ waitedFor }) => waitedFor()));
    // The API too: it would try again by itself, and nobody else does.
    const killed = { temporal: stack.kill('temporal'), api: stack.kill('api') };
    await Promise.all(holds.map(({ letGo }) => letGo()));
    for (const { order, effect } of moments) {
      await eventually(`order ${order.orderNo} is as decided in PostgreSQL`, async () => {
        const rows = await sql.unsafe(`SELECT 1 FROM orders o WHERE o.order_no = $1 AND ${effect}`, [
          order.orderNo,
        ]);
        if (rows.length === 0) throw new Error('it is not');
      });
    }
    await stack.restarted('temporal', killed.temporal);
    await stack.restarted('api', killed.api);
    return decided;
  } finally {
    await sql.end();
  }
}

describeFull('Temporal and the API die while Updates are at work', () => {
  const ends = new Map<string, Promise<void>>();

  beforeAll(async () => {
    const prepared = await Promise.all(
      Object.entries(MOMENTS).map(async ([name, prepare]) => {
        const [buyer, seller] = await Promise.all([shop.addPerson(), shop.addPerson()]);
        return [name, await prepare({ buyer, seller })] as const;
      }),
    );
    const decided = await decideWhileAllDies(prepared.map(([, moment]) => moment));
    for (const [at, [name, moment]] of prepared.entries()) ends.set(name, endOf(moment, decided[at]));
    await Promise.allSettled(ends.values());
  }, PATIENT_MS);

  it.each(Object.keys(MOMENTS))('T4 T5 T6: %s, and the order goes on to its end', (name) => ends.get(name));
});

/** Whatever the repeat is answered: that it was done before is an answer too. */
async function endOf({ order, goOn, rests }: Moment, decided: Promise<unknown> | undefined): Promise<void> {
  await decided;
  await goOn?.();
  await shop.orderIs(order, rests);
  await workflows.eventsOfEnded(order);
}
