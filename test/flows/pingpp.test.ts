/**
 * Orders paid and refunded through Ping++, over real HTTP in every direction: our API, the product's calls, and the
 * events that come back, with everything that can go wrong on the way.
 */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inbox, payments, refunds, refusedNotifications } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { type HttpShop, type Json, type Ordered, openShop } from '../support/http-shop.js';
import { until } from '../support/world.js';

const AMOUNT = 10_000;

let stage: Stage;
let shop: HttpShop;
beforeAll(async () => {
  stage = await openStage();
  shop = openShop(stage, 'pingpp', AMOUNT);
  const url = `${stage.context.publicUrl}/webhooks/pingpp`;
  await shop.control('PUT', '/webhooks', { channel: 'pingpp', url });
});
afterAll(() => stage.close());
afterEach(() => shop.control('DELETE', '/faults'));

const attemptOf = async ({ orderNo }: Ordered) => {
  const [attempt] = await stage.db.select().from(payments).where(eq(payments.outTradeNo, orderNo));
  return attempt;
};

describe('M5: an order is paid once through Ping++', () => {
  it.each([
    ['its event comes three times', { duplicate: 2 }],
    ['its event comes late', { delayMs: 700 }],
  ])('when %s', async (_title, what) => {
    const order = await shop.attempted();
    await shop.fault(what);
    await shop.pay(order.orderNo);
    expect(await shop.becomes(order, 'paid')).toMatchObject({ amount: AMOUNT });
    await shop.acknowledged(order);
    const rows = await stage.db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo));
    expect(rows).toMatchObject([{ state: 'applied', source: 'notification' }]);
  });

  it('W5: when its event never comes, and the question finds the payment', async () => {
    const order = await shop.attempted();
    await shop.fault({ drop: true });
    await shop.pay(order.orderNo);
    await shop.askNow(order);
    await shop.becomes(order, 'paid');
    expect(await shop.deliveriesOf(order)).toMatchObject([{ error: 'dropped' }]);
  });

  it('W5: when neither the charge’s number nor its event ever reached us', async () => {
    const order = await shop.ordered();
    await shop.fault({ requestTimeout: true, operation: 'create' });
    expect(await shop.attempt(order)).toMatchObject({ status: 'creating' });
    await shop.fault({ drop: true });
    await shop.pay(order.orderNo);
    expect(await attemptOf(order)).toMatchObject({ credential: null });
    await shop.askNow(order);
    await shop.becomes(order, 'paid');
  }, 20_000);

  it('when two orders’ events overtake each other', async () => {
    const [first, second] = [await shop.attempted(), await shop.attempted()];
    await shop.fault({ reorder: true, times: 2 });
    await shop.pay(first.orderNo);
    await shop.pay(second.orderNo);
    await Promise.all([shop.becomes(first, 'paid'), shop.becomes(second, 'paid')]);
    const [one, two] = [await shop.deliveriesOf(first), await shop.deliveriesOf(second)];
    expect(Date.parse(String(one[0]?.['sentAt']))).toBeGreaterThanOrEqual(
      Date.parse(String(two[0]?.['sentAt'])),
    );
  });

  it.each([{ tamper: true }, { wrongKey: true }])(
    'W2: by the genuine event alone, after one under %j was refused',
    async (what) => {
      const refused = await stage.db.$count(refusedNotifications);
      const order = await shop.attempted();
      await shop.fault(what);
      await shop.pay(order.orderNo);
      await shop.becomes(order, 'paid');
      await until(async () => (await shop.deliveriesOf(order)).length === 2);
      const answers = (await shop.deliveriesOf(order)).map(({ status, body }) => [status, body]);
      expect(answers).toEqual([
        [400, 'fail'],
        [200, 'success'],
      ]);
      expect(await stage.db.$count(refusedNotifications)).toBe(refused + 1);
    },
  );

  it.each([
    ['another amount', { wrongAmount: true }, { reason: 'other_amount' }],
    ['another app', { wrongMerchant: true }, { reason: 'other_merchant', inSuspense: false }],
  ])('W3: by the question alone, where a signed event names %s', async (_title, what, details) => {
    const order = await shop.attempted();
    await shop.fault(what);
    await shop.pay(order.orderNo);
    await until(async () => (await shop.itemsAbout(order)).length > 0);
    expect(await shop.read(order)).toMatchObject({ status: 'unpaid' });
    expect(await shop.itemsAbout(order)).toMatchObject([{ kind: 'suspense', details }]);
    await shop.askNow(order);
    expect(await shop.becomes(order, 'paid')).toMatchObject({ amount: AMOUNT });
  });

  it.each([
    ['its opening had no answer', { requestTimeout: true, operation: 'create' }, 'creating'],
    ['its opening met a server error', { errorRate: 1, operation: 'create', times: 1 }, 'creating'],
    ['Ping++ is slow', { hangMs: 800, operation: 'create', times: 1 }, 'pending'],
  ])(
    'T1: by the charge that was handed out, when %s',
    async (_title, what, status) => {
      const order = await shop.ordered();
      await shop.fault(what);
      expect(await shop.attempt(order)).toMatchObject({ status, outTradeNo: order.orderNo });
      const { credential } = await shop.attempt(order);
      const { chargeId, qrCode } = credential as Json;
      expect(qrCode).toMatch(/^https:\/\/qr\.alipay\.com\//);
      await shop.pay(String(chargeId));
      await shop.becomes(order, 'paid');
    },
    20_000,
  );

  it('and a second charge of its number that is paid goes back to that charge by itself', async () => {
    const order = await shop.ordered();
    await shop.fault({ requestTimeout: true, operation: 'create' });
    expect(await shop.attempt(order)).toMatchObject({ status: 'creating' });
    const lost = (await shop.control('GET', `/trades/${order.orderNo}`))['tradeNo'];
    const { chargeId } = (await shop.attempt(order))['credential'] as Json;
    expect(chargeId).not.toBe(lost);
    await shop.pay(String(chargeId));
    await shop.becomes(order, 'paid');
    await shop.pay(String(lost));
    const returns = () => stage.db.select().from(refunds).where(eq(refunds.orderNo, order.orderNo));
    await until(async () => (await returns()).some(({ status }) => status === 'succeeded'));
    expect(await returns()).toMatchObject([
      { source: 'suspense', providerTradeNo: lost, amount: AMOUNT, postingSince: null },
    ]);
    expect(await shop.control('GET', `/trades/${String(lost)}`)).toMatchObject({ refundedAmount: AMOUNT });
    expect(await shop.control('GET', `/trades/${String(chargeId)}`)).toMatchObject({ refundedAmount: 0 });
  }, 30_000);
});

describe('M6: a payment goes back in two parts through Ping++', () => {
  it('once each, whatever is lost, repeated or forged on the way, and the rest is the seller’s', async () => {
    const order = await shop.attempted();
    await shop.pay(order.orderNo);
    await shop.becomes(order, 'paid');
    // Accepted, and never answered; then its event three times, the first of them changed on the way.
    const lost = { requestTimeout: true, operation: 'refund' };
    await shop.refunded(order, 2_500, [lost, { duplicate: 2, tamper: true }]);
    await shop.becomes(order, 'paid');
    // Refused by a server error, then slow; and its event never comes.
    const broken = { errorRate: 1, operation: 'refund', times: 1 };
    const slow = { hangMs: 500, operation: 'refundQuery', times: 2 };
    await shop.refunded(order, 500, [broken, slow, { drop: true }]);
    await shop.becomes(order, 'paid');

    const { data } = await shop.control('GET', `/refunds?outTradeNo=${order.orderNo}`);
    const amounts = (data as Json[]).map(({ amount, status }) => `${String(status)} ${String(amount)}`);
    expect(amounts.sort()).toEqual(['succeeded 2500', 'succeeded 500']);
    expect(await shop.control('GET', `/trades/${order.orderNo}`)).toMatchObject({ refundedAmount: 3_000 });
    const confirmed = await shop.post(`/v1/orders/${order.id}/confirm`, {}, 200);
    expect(confirmed['status']).toBe('partially_refunded');
  }, 60_000);
});

describe('afterwards', () => {
  it('M2: the ledger proves that nothing was lost or made', async () => {
    expect(await proveLedger(stage.db)).toMatchObject({ balanced: true });
  });

  it('M4: what the channel holds for us is what Ping++ took in, less what went back', async () => {
    expect(await shop.heldThere()).toBeGreaterThan(0);
    expect(await shop.heldByBooks()).toBe(await shop.heldThere());
  });
});
