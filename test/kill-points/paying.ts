/** Kills between a payment at its provider and the hold. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { newMobile } from '../e2e/shop.js';
import {
  type Scenario,
  type Scene,
  attemptsOf,
  endsWithTheSellerPaid,
  postingsOf,
  sqlCounts,
  underWay,
  unpaidDeal,
} from './scene.js';

/**
 * The provider tells of the payment; what it told is in the inbox once.
 * @param again whether the kill left it without an answer, so that it tells again
 */
const isNotified = (again: boolean) => async (scene: Scene) => {
  const { shop } = scene;
  const deal = await unpaidDeal(scene);
  const payment = await shop.openAttempt(deal.order, 'alipay');
  return underWay(
    () => shop.payAtProvider(payment),
    async () => {
      if (again) {
        const deliveries = await shop.deliveriesOf(payment, 2);
        expect(deliveries.find(({ attempt }) => attempt === 1)).toMatchObject({ acknowledged: false });
      }
      await endsWithTheSellerPaid(scene, deal);
      await sqlCounts(
        scene,
        'the notification is in the inbox once',
        `SELECT count(*) FROM inbox
          WHERE out_trade_no = '${payment.outTradeNo}' AND source = 'notification' AND state <> 'pending'`,
        1,
      );
      expect(await attemptsOf(scene, deal.order)).toEqual([`alipay ${payment.outTradeNo} paid`]);
    },
  );
};

/** Nobody tells of this payment: it is found by the question, which is due at once. */
const isAskedFor = async (scene: Scene) => {
  const { shop, fleet } = scene;
  const deal = await unpaidDeal(scene);
  const { orderNo } = deal.order;
  return underWay(
    async () => {
      const payment = await shop.openAttempt(deal.order, 'wechat');
      await shop.payAtProvider(payment, { notify: false });
      await fleet.sql`UPDATE payments SET ask_at = now() WHERE order_no = ${orderNo}`;
    },
    async () => {
      await endsWithTheSellerPaid(scene, deal);
      const inbox = await fleet.sql`SELECT source, state FROM inbox WHERE out_trade_no = ${orderNo}`;
      expect([...inbox]).toEqual([{ source: 'question', state: 'applied' }]);
    },
  );
};

const isFree = async (scene: Scene) => {
  const { shop } = scene;
  const buyer = await shop.addPerson();
  const mobile = newMobile();
  const nextAction = { type: 2, smsId: 111, mobile, postJsonString: { code: 1, product: 'tea' } };
  return underWay(
    () => shop.newOrder({ kind: 'package', buyer, amount: 0, nextAction }),
    async (order) => {
      await shop.orderIs(order, 'completed');
      expect(await postingsOf(scene, order)).toEqual(['payment']);
      expect(await shop.smsTo(mobile)).toMatchObject([{ orderNo: order.orderNo, status: 'sent' }]);
    },
  );
};

export const PAYING = {
  'notification: verified': {
    kills: 'api',
    proves: 'W1 M5',
    says: 'the provider tells again, and the order is paid once',
    prepare: isNotified(true),
  },
  'notification: committed': {
    kills: 'api',
    proves: 'W1 M5',
    says: 'the order is paid once, and the second telling has no effect',
    prepare: isNotified(true),
  },
  'signal: before Temporal': {
    kills: 'worker',
    proves: 'W6 M5',
    says: 'the payment reaches its order by the next relay',
    prepare: isAskedFor,
  },
  'signal: Temporal has it': {
    kills: 'api',
    proves: 'W6 M5',
    says: 'the order is paid once',
    prepare: isNotified(false),
  },
  'question: answered': {
    kills: 'worker',
    proves: 'W5 M5',
    says: 'the channel is asked again, and the order is paid once',
    prepare: isAskedFor,
  },
  'question: in the inbox': {
    kills: 'worker',
    proves: 'W5 M5',
    says: 'the answer reaches its order, once',
    prepare: isAskedFor,
  },
  'hold: before posting': {
    kills: 'worker',
    proves: 'M5 T4',
    says: 'the payment becomes one hold',
    prepare: isNotified(false),
  },
  'hold: posted': {
    kills: 'worker',
    proves: 'M5 T4',
    says: 'the payment stays one hold',
    prepare: isNotified(false),
  },
  'free order: posted': {
    kills: 'worker',
    proves: 'T1',
    says: 'the order is completed, and its message sent once',
    prepare: isFree,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
