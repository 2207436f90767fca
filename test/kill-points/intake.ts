/** Kills while an order is made, while an attempt is opened, and while a wallet pays. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { PAY_PASSWORD } from '../e2e/shop.js';
import {
  AMOUNT,
  type Scenario,
  type Scene,
  attemptsOf,
  endsWithTheSellerPaid,
  people,
  postingsOf,
  sqlCounts,
  tradeTotals,
  underWay,
  unpaidDeal,
} from './scene.js';

const makesOneOrder = async (scene: Scene) => {
  const { shop } = scene;
  const parties = await people(scene);
  return underWay(
    () => shop.newOrder({ ...parties, amount: AMOUNT, autoConfirmAfter: '24h' }),
    async (order) => {
      const { sql } = scene.fleet;
      const made = await sql<{ id: string }[]>`SELECT id FROM orders WHERE buyer_id = ${parties.buyer.id}`;
      expect([...made]).toEqual([{ id: order.id }]);
      await sqlCounts(
        scene,
        'the start is noted as done',
        `SELECT count(*) FROM outbox WHERE order_no = '${order.orderNo}' AND done_at IS NOT NULL`,
        1,
      );
      await shop.pay(order);
      await endsWithTheSellerPaid(scene, { ...parties, order });
    },
  );
};

const opensOneAttempt = async (scene: Scene) => {
  const { shop } = scene;
  const deal = await unpaidDeal(scene);
  const { orderNo } = deal.order;
  return underWay(
    () => shop.openAttempt(deal.order, 'wechat'),
    async (payment) => {
      expect(payment).toMatchObject({ outTradeNo: orderNo, status: 'pending' });
      expect(payment.credential).toBeDefined();
      expect(await attemptsOf(scene, deal.order)).toEqual([`wechat ${orderNo} pending`]);
      await shop.payAtProvider(payment);
      await endsWithTheSellerPaid(scene, deal);
    },
  );
};

const changesTheChannel = async (scene: Scene) => {
  const { shop } = scene;
  const deal = await unpaidDeal(scene);
  const { orderNo } = deal.order;
  await shop.openAttempt(deal.order, 'wechat');
  return underWay(
    () => shop.openAttempt(deal.order, 'alipay'),
    async (payment) => {
      const second = `${orderNo}a2`;
      expect(payment).toMatchObject({ outTradeNo: second, status: 'pending' });
      expect(await attemptsOf(scene, deal.order)).toEqual([
        `wechat ${orderNo} closed`,
        `alipay ${second} pending`,
      ]);
      expect(await tradeTotals(scene, orderNo)).toMatchObject({ status: 'closed' });
      await shop.payAtProvider(payment);
      await endsWithTheSellerPaid(scene, deal);
    },
  );
};

const paysFromTheWallet = async (scene: Scene) => {
  const { shop } = scene;
  const deal = await unpaidDeal(scene);
  const { buyer, order } = deal;
  const topUp = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT });
  await shop.pay(topUp);
  await shop.orderIs(topUp, 'completed');
  return underWay(
    () => shop.payFromWallet(order, PAY_PASSWORD, buyer.token),
    async (answer) => {
      expect(answer.status).toBe(201);
      expect(await postingsOf(scene, order)).toEqual(['payment']);
      expect(await shop.walletOf(buyer)).toMatchObject({ cash: 0 });
      expect((await shop.walletEntries(buyer)).map(({ amount }) => amount)).toEqual([-AMOUNT, AMOUNT]);
      await endsWithTheSellerPaid(scene, deal);
    },
  );
};

/** In the words of a dialect, whose clients know no Idempotency-Key: whose order it is says whether it is paid. */
const paysAtOnce = async (scene: Scene) => {
  const { shop, api } = scene;
  const buyer = await shop.addPerson();
  const topUp = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT });
  await shop.pay(topUp);
  await shop.orderIs(topUp, 'completed');
  const id = await shop.addShopOrder(buyer, AMOUNT);
  return underWay(
    () => api.post('/shop/order/pay', { orderId: id }, { token: buyer.token }),
    async (answer) => {
      expect(answer).toMatchObject({ status: 200, body: { code: 0 } });
      expect((await shop.walletEntries(buyer)).map(({ amount }) => amount)).toEqual([-AMOUNT, AMOUNT]);
      const { status, paidByOrderId } = await shop.shopOrder(id);
      expect(status).toBe('paid');
      const order = await shop.orderOf(String(paidByOrderId));
      await shop.orderIs(order, 'completed');
      expect(await postingsOf(scene, order)).toEqual(['payment', 'charge']);
    },
  );
};

export const INTAKE = {
  'order: before commit': {
    kills: 'api',
    says: 'the repeated call makes the order, once',
    prepare: makesOneOrder,
  },
  'order: committed': {
    kills: 'api',
    says: 'the repeated call is answered with the order that there is',
    prepare: makesOneOrder,
  },
  'start: before Temporal': {
    kills: 'api',
    proves: 'T6',
    says: 'the relay starts the workflow',
    prepare: makesOneOrder,
  },
  'start: Temporal has it': {
    kills: 'api',
    proves: 'T6',
    says: 'the workflow is started once',
    prepare: makesOneOrder,
  },
  'attempt: committed': {
    kills: 'api',
    says: 'the attempt keeps its number and gets its credential',
    prepare: opensOneAttempt,
  },
  'attempt: posted to the provider': {
    kills: 'api',
    says: 'the provider has one trade, under the same number',
    prepare: opensOneAttempt,
  },
  'close: closed at the provider': {
    kills: 'api',
    proves: 'M5',
    says: 'the old attempt is closed, the new one has the next number',
    prepare: changesTheChannel,
  },
  'wallet payment: before commit': {
    kills: 'api',
    proves: 'M5',
    says: 'nothing had moved; the repeated call pays once',
    prepare: paysFromTheWallet,
  },
  'purchase: before commit': {
    kills: 'api',
    proves: 'M5 T1',
    says: 'nothing had moved; the repeated call pays once',
    prepare: paysAtOnce,
  },
  'purchase: committed': {
    kills: 'api',
    proves: 'M5 T1',
    says: 'the repeated call moves nothing, and the order completes',
    prepare: paysAtOnce,
  },
  'wallet payment: committed': {
    kills: 'api',
    proves: 'M5 W6',
    says: 'the repeated call is answered with the payment, and its order hears of it',
    prepare: paysFromTheWallet,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
