/**
 * What Ping++ alone has, over real HTTP in every direction: charges that are known by its numbers, and more than one
 * of the same number of ours. What it has in common with the others is in every-channel.test.ts.
 */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { payments, refunds, refusedNotifications } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { type HttpShop, type Json, type Ordered, openShop, paidAfterForgery } from '../support/http-shop.js';
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
afterEach(() => shop.mend());

const attemptOf = async ({ orderNo }: Ordered) => {
  const [attempt] = await stage.db.select().from(payments).where(eq(payments.outTradeNo, orderNo));
  return attempt;
};

describe('M5: an order is paid once through Ping++', () => {
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

  it('W2: by the genuine event alone, after one under another’s key was refused', async () => {
    const refused = await stage.db.$count(refusedNotifications);
    expect(await paidAfterForgery(shop)).toEqual([
      [400, 'fail'],
      [200, 'success'],
    ]);
    expect(await stage.db.$count(refusedNotifications)).toBe(refused + 1);
  });

  it('W3: by the question alone, where a signed event names another app', async () => {
    const order = await shop.attempted();
    await shop.fault({ wrongMerchant: true });
    await shop.pay(order.orderNo);
    await until(async () => (await shop.itemsAbout(order)).length > 0);
    expect(await shop.read(order)).toMatchObject({ status: 'unpaid' });
    const details = { reason: 'other_merchant', inSuspense: false };
    expect(await shop.itemsAbout(order)).toMatchObject([{ kind: 'suspense', details }]);
    await shop.askNow(order);
    expect(await shop.becomes(order, 'paid')).toMatchObject({ amount: AMOUNT });
  });

  it('T1: by the charge that was handed out, and a second one that is paid goes back to its payer', async () => {
    const order = await shop.ordered();
    await shop.fault({ requestTimeout: true, operation: 'create' });
    expect(await shop.attempt(order)).toMatchObject({ status: 'creating', outTradeNo: order.orderNo });
    const lost = (await shop.control('GET', `/trades/${order.orderNo}`))['tradeNo'];
    const { chargeId, qrCode } = (await shop.attempt(order))['credential'] as Json;
    expect(chargeId).not.toBe(lost);
    expect(qrCode).toMatch(/^https:\/\/qr\.alipay\.com\//);
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

describe('afterwards', () => {
  it('M2: the ledger proves that nothing was lost or made', async () => {
    expect(await proveLedger(stage.db)).toMatchObject({ balanced: true });
  });

  it('M4: what the channel holds for us is what Ping++ took in, less what went back', async () => {
    expect(await shop.heldThere()).toBeGreaterThan(0);
    expect(await shop.heldByBooks()).toBe(await shop.heldThere());
  });
});
