/**
 * What Stripe alone has, over real HTTP in every direction: one intent behind an idempotency key, and disputes. What
 * it has in common with the others is in every-channel.test.ts.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { refusedNotifications } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { type HttpShop, type Json, openShop, paidAfterForgery } from '../support/http-shop.js';
import { SELLER, until } from '../support/world.js';

const AMOUNT = 10_000;
const DISPUTED = 4_000;

let stage: Stage;
let shop: HttpShop;
beforeAll(async () => {
  stage = await openStage();
  shop = openShop(stage, 'stripe', AMOUNT);
});
afterAll(() => stage.close());
afterEach(() => shop.mend());

describe('M5: an order is paid once through Stripe', () => {
  it('W2: by the genuine event alone, after one under another’s key was refused', async () => {
    const refused = await stage.db.$count(refusedNotifications);
    expect(await paidAfterForgery(shop)).toEqual([
      [400, '{"received":false}'],
      [200, '{"received":true}'],
    ]);
    expect(await stage.db.$count(refusedNotifications)).toBe(refused + 1);
  });

  it('W3: by the question alone, where its event says that somebody else was paid', async () => {
    const order = await shop.attempted();
    await shop.fault({ wrongMerchant: true });
    await shop.pay(order.orderNo);
    await until(async () => (await shop.itemsAbout(order)).length > 0);
    const details = { reason: 'other_merchant', inSuspense: false };
    expect(await shop.itemsAbout(order)).toMatchObject([{ kind: 'suspense', details }]);
    expect(await shop.read(order)).toMatchObject({ status: 'unpaid' });
    await shop.askNow(order);
    await shop.becomes(order, 'paid');
  });

  it.each([
    ['its opening had no answer', { requestTimeout: true, operation: 'create' }],
    ['its opening met a server error', { errorRate: 1, operation: 'create', times: 1 }],
  ])('T1: of one intent, when %s', async (_title, what) => {
    const order = await shop.ordered();
    await shop.fault(what);
    expect(await shop.attempt(order)).toMatchObject({ status: 'creating', outTradeNo: order.orderNo });
    const { credential } = await shop.attempt(order);
    expect(credential).toMatchObject({ qrCode: expect.any(String), paymentIntent: expect.any(String) });
    const { tradeNo } = await shop.pay(order.orderNo);
    expect((credential as Json)['paymentIntent']).toBe(tradeNo);
    await shop.becomes(order, 'paid');
  });
});

describe('a dispute', () => {
  const itemsAt = async (): Promise<Json[]> =>
    (await shop.get('/v1/operator-items?kind=chargeback&limit=50'))['data'] as Json[];

  it('M2: becomes one item, and its money is taken from the seller by a person’s word, once', async () => {
    const order = await shop.attempted();
    await shop.pay(order.orderNo);
    await shop.becomes(order, 'paid');
    await shop.post(`/v1/orders/${order.id}/confirm`, {}, 200);
    await shop.fault({ duplicate: 2 });
    const dispute = `/trades/${order.orderNo}/dispute`;
    const reason = 'product_not_received';
    const { disputeNo, tradeNo } = await shop.control('POST', dispute, { reason, amount: DISPUTED });
    await until(async () => (await itemsAt()).length > 0);
    await shop.acknowledged(order);
    const [item] = await itemsAt();
    expect(await itemsAt()).toMatchObject([
      {
        ref: `stripe/${String(disputeNo)}`,
        orderNo: order.orderNo,
        status: 'open',
        details: { providerTradeNo: tradeNo, amount: DISPUTED, reason, status: 'opened' },
      },
    ]);
    const wallet = async () => (await shop.get(`/v1/wallets/${SELLER}`))['withdrawable'];
    const before = Number(await wallet());
    const word = { resolution: 'accept', reason: 'we lost the parcel' };
    for (const time of [1, 2]) {
      const resolved = await shop.post(`/v1/operator-items/${String(item?.['id'])}/resolve`, word, 200);
      expect([time, resolved['status']]).toEqual([time, 'resolved']);
    }
    expect(Number(await wallet())).toBe(before - DISPUTED);
    await shop.control('POST', dispute, { status: 'lost' });
    await until(async () => JSON.stringify(await itemsAt()).includes('"status":"lost"'));
    expect(await itemsAt()).toMatchObject([
      { status: 'resolved', resolution: 'accept', details: { status: 'lost' } },
    ]);
  });
});

describe('afterwards', () => {
  it('M2: the ledger proves that nothing was lost or made', async () => {
    expect(await shop.get('/v1/ledger/proof')).toMatchObject({ balanced: true });
    expect(await proveLedger(stage.db)).toMatchObject({ balanced: true });
  });

  it('M4: what the channel holds for us is what Stripe took in, less what was taken back', async () => {
    expect(await shop.heldThere()).toBeGreaterThan(0);
    expect(await shop.heldByBooks()).toBe((await shop.heldThere()) - DISPUTED);
  });
});
