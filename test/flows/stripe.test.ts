/**
 * Orders paid and refunded through Stripe, over real HTTP in every direction: our API, the product's calls, and the
 * events that come back, with everything that can go wrong on the way.
 */
import { eq, sum } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../../api/test-support.js';
import type { Db } from '../../db/client.js';
import { entries, inbox, operatorItems, payments, refusedNotifications } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { BUYER, SELLER, until } from '../support/world.js';

type Json = Record<string, unknown>;

const AMOUNT = 10_000;
const DISPUTED = 4_000;

let stage: Stage;
let db: Db;
let api: Client;
beforeAll(async () => {
  stage = await openStage();
  ({ db } = stage);
  api = clientOf(stage.context.publicUrl);
});
afterAll(() => stage.close());
afterEach(() => control('DELETE', '/faults'));

const control = (method: string, route: string, body?: object) =>
  stage.flow.providers.control(method, route, body) as Promise<Json>;
const fault = (what: object): Promise<Json> => control('POST', '/faults', { channel: 'stripe', ...what });
const pay = (no: string, body: object = {}): Promise<Json> => control('POST', `/trades/${no}/pay`, body);

let keys = 0;

async function post(path: string, body: object, ...statuses: number[]): Promise<Json> {
  keys += 1;
  const answer = await api.admin('POST', path, body, { 'Idempotency-Key': `stripe-flow-${keys}` });
  expect(statuses, answer.text).toContain(answer.status);
  return answer.json;
}

interface Ordered {
  id: string;
  orderNo: string;
}

async function ordered(): Promise<Ordered> {
  const wish = {
    kind: 'deal',
    buyerId: BUYER,
    sellerId: SELLER,
    amount: AMOUNT,
    currency: 'CNY',
    subject: 'x',
  };
  return (await post('/v1/orders', wish, 201)) as unknown as Ordered;
}

/** 202 while nobody knows what became of it at Stripe. */
const attempt = ({ id }: Ordered): Promise<Json> =>
  post(`/v1/orders/${id}/payments`, { channel: 'stripe' }, 201, 202);

async function attempted(): Promise<Ordered> {
  const order = await ordered();
  expect(await attempt(order)).toMatchObject({
    status: 'pending',
    credential: { qrCode: expect.any(String) },
  });
  return order;
}

const read = async ({ id }: Ordered): Promise<Json> => (await api.admin('GET', `/v1/orders/${id}`)).json;

async function becomes(order: Ordered, status: string): Promise<Json> {
  await until(async () => (await read(order))['status'] === status);
  return read(order);
}

/** The relay's next question about an attempt is due now, and not when its turn would come. */
const askNow = ({ orderNo }: Ordered) =>
  db.update(payments).set({ askAt: new Date() }).where(eq(payments.outTradeNo, orderNo));

async function deliveriesOf({ orderNo }: Ordered): Promise<Json[]> {
  return (await control('GET', `/notifications?outTradeNo=${orderNo}`))['data'] as Json[];
}

/** Everything that Stripe had to say of an order has been taken. */
const acknowledged = (order: Ordered): Promise<void> =>
  until(async () => {
    const all = await deliveriesOf(order);
    return all.length > 0 && all.every(({ state }) => state === 'acknowledged');
  });

const itemsAbout = ({ orderNo }: Ordered) =>
  db.select().from(operatorItems).where(eq(operatorItems.orderNo, orderNo));

describe('M5: an order is paid once through Stripe', () => {
  it.each([
    ['its event comes three times', { duplicate: 2 }],
    ['its event comes late', { delayMs: 700 }],
  ])('when %s', async (_title, what) => {
    const order = await attempted();
    await fault(what);
    await pay(order.orderNo);
    expect(await becomes(order, 'paid')).toMatchObject({ amount: AMOUNT });
    await acknowledged(order);
    const rows = await db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo));
    expect(rows).toMatchObject([{ state: 'applied', source: 'notification' }]);
  });

  it('W5: when its event never comes, and the question finds the payment', async () => {
    const order = await attempted();
    await fault({ drop: true });
    await pay(order.orderNo);
    await askNow(order);
    await becomes(order, 'paid');
    expect(await deliveriesOf(order)).toMatchObject([{ error: 'dropped' }]);
  });

  it('when two orders’ events overtake each other', async () => {
    const [first, second] = [await attempted(), await attempted()];
    await fault({ reorder: true, times: 2 });
    await pay(first.orderNo);
    await pay(second.orderNo);
    await Promise.all([becomes(first, 'paid'), becomes(second, 'paid')]);
    const [one, two] = [await deliveriesOf(first), await deliveriesOf(second)];
    expect(Date.parse(String(one[0]?.['sentAt']))).toBeGreaterThanOrEqual(
      Date.parse(String(two[0]?.['sentAt'])),
    );
  });

  it.each([{ tamper: true }, { wrongKey: true }])(
    'W2: by the genuine event alone, after one under %j was refused',
    async (what) => {
      const refused = await db.$count(refusedNotifications);
      const order = await attempted();
      await fault(what);
      await pay(order.orderNo);
      await becomes(order, 'paid');
      const answers = (await deliveriesOf(order)).map(({ status, body }) => [status, body]);
      expect(answers).toEqual([
        [400, '{"received":false}'],
        [200, '{"received":true}'],
      ]);
      expect(await db.$count(refusedNotifications)).toBe(refused + 1);
    },
  );

  it('W3: by its true amount, though a signed event names another one first', async () => {
    const order = await attempted();
    await fault({ wrongAmount: true });
    await pay(order.orderNo);
    await until(async () => (await itemsAbout(order)).length > 0);
    expect(await read(order)).toMatchObject({ status: 'unpaid' });
    expect(await itemsAbout(order)).toMatchObject([
      { kind: 'suspense', details: { reason: 'other_amount' } },
    ]);
    await askNow(order);
    expect(await becomes(order, 'paid')).toMatchObject({ amount: AMOUNT });
  });

  it('W3: by the question alone, where its event says that somebody else was paid', async () => {
    const order = await attempted();
    await fault({ wrongMerchant: true });
    await pay(order.orderNo);
    await until(async () => (await itemsAbout(order)).length > 0);
    expect(await itemsAbout(order)).toMatchObject([
      { kind: 'suspense', details: { reason: 'other_merchant', inSuspense: false } },
    ]);
    expect(await read(order)).toMatchObject({ status: 'unpaid' });
    await askNow(order);
    await becomes(order, 'paid');
  });

  it.each([
    ['its opening had no answer', { requestTimeout: true, operation: 'create' }, 'creating'],
    ['its opening met a server error', { errorRate: 1, operation: 'create', times: 1 }, 'creating'],
    ['Stripe is slow', { hangMs: 800, operation: 'create', times: 1 }, 'pending'],
  ])('T1: of one intent, when %s', async (_title, what, status) => {
    const order = await ordered();
    await fault(what);
    expect(await attempt(order)).toMatchObject({ status, outTradeNo: order.orderNo });
    const { credential } = await attempt(order);
    expect(credential).toMatchObject({ qrCode: expect.any(String), paymentIntent: expect.any(String) });
    const { tradeNo } = await pay(order.orderNo);
    expect((credential as Json)['paymentIntent']).toBe(tradeNo);
    await becomes(order, 'paid');
  });
});

describe('M6: a payment goes back in two parts through Stripe', () => {
  async function refunded(order: Ordered, amount: number, fails: object[]): Promise<Json> {
    const { id } = await post(`/v1/orders/${order.id}/refunds`, { amount, reason: 'half a lesson' }, 201);
    for (const what of fails) await fault(what);
    await post(`/v1/refunds/${String(id)}/approve`, { reason: 'looked into' }, 200);
    const state = async () => (await api.admin('GET', `/v1/refunds/${String(id)}`)).json;
    await until(async () => (await state())['status'] === 'succeeded');
    return state();
  }

  it('once each, whatever is lost, repeated or forged on the way, and the rest is the seller’s', async () => {
    const order = await attempted();
    await pay(order.orderNo);
    await becomes(order, 'paid');
    // Accepted, and never answered; then its event three times, the first of them changed on the way.
    const lost = { requestTimeout: true, operation: 'refund' };
    await refunded(order, 2_500, [lost, { duplicate: 2, tamper: true }]);
    await becomes(order, 'paid');
    // Refused by a server error, then slow; and its event never comes.
    const broken = { errorRate: 1, operation: 'refund', times: 1 };
    await refunded(order, 500, [broken, { hangMs: 500, operation: 'refundQuery', times: 2 }, { drop: true }]);
    await becomes(order, 'paid');

    const { data } = await control('GET', `/refunds?outTradeNo=${order.orderNo}`);
    const amounts = (data as Json[]).map(({ amount, status }) => `${String(status)} ${String(amount)}`);
    expect(amounts.sort()).toEqual(['succeeded 2500', 'succeeded 500']);
    expect(await control('GET', `/trades/${order.orderNo}`)).toMatchObject({ refundedAmount: 3_000 });
    expect((await post(`/v1/orders/${order.id}/confirm`, {}, 200))['status']).toBe('partially_refunded');
  }, 60_000);
});

describe('a dispute', () => {
  const itemsAt = async (): Promise<Json[]> => {
    const { json } = await api.admin('GET', '/v1/operator-items?kind=chargeback&limit=50');
    return json['data'] as Json[];
  };

  it('M2: becomes one item, and its money is taken from the seller by a person’s word, once', async () => {
    const order = await attempted();
    await pay(order.orderNo);
    await becomes(order, 'paid');
    await post(`/v1/orders/${order.id}/confirm`, {}, 200);
    await fault({ duplicate: 2 });
    const { disputeNo, tradeNo } = await control('POST', `/trades/${order.orderNo}/dispute`, {
      reason: 'product_not_received',
      amount: DISPUTED,
    });
    await until(async () => (await itemsAt()).length > 0);
    await acknowledged(order);
    const [item] = await itemsAt();
    expect(await itemsAt()).toMatchObject([
      {
        ref: `stripe/${String(disputeNo)}`,
        orderNo: order.orderNo,
        status: 'open',
        details: {
          providerTradeNo: tradeNo,
          amount: DISPUTED,
          reason: 'product_not_received',
          status: 'opened',
        },
      },
    ]);
    const wallet = async () => (await api.admin('GET', `/v1/wallets/${SELLER}`)).json['withdrawable'];
    const before = Number(await wallet());
    const word = { resolution: 'accept', reason: 'we lost the parcel' };
    for (const time of [1, 2]) {
      const resolved = await post(`/v1/operator-items/${String(item?.['id'])}/resolve`, word, 200);
      expect([time, resolved['status']]).toEqual([time, 'resolved']);
    }
    expect(Number(await wallet())).toBe(before - DISPUTED);
    await control('POST', `/trades/${order.orderNo}/dispute`, { status: 'lost' });
    const ended = async () => JSON.stringify(await itemsAt()).includes('"status":"lost"');
    await until(ended);
    expect(await itemsAt()).toMatchObject([
      { status: 'resolved', resolution: 'accept', details: { status: 'lost' } },
    ]);
  });
});

describe('afterwards', () => {
  it('M2: the ledger proves that nothing was lost or made', async () => {
    const { json } = await api.admin('GET', '/v1/ledger/proof');
    expect(json).toMatchObject({ balanced: true });
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });

  it('M4: what the channel holds for us is what Stripe took in, less what went back or was taken back', async () => {
    const { data } = await control('GET', '/trades?channel=stripe');
    const trades = data as { paidAmount: number | null; refundedAmount: number }[];
    const held = trades.reduce((total, trade) => total + (trade.paidAmount ?? 0) - trade.refundedAmount, 0);
    const [booked] = await db
      .select({ amount: sum(entries.amount) })
      .from(entries)
      .where(eq(entries.account, 'channel:stripe'));
    expect(held).toBeGreaterThan(0);
    expect(Number(booked?.amount)).toBe(DISPUTED - held);
  });
});
