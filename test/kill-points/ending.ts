/** Kills while an order ends: by its release, or by its close. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { type Order, expectStatus } from '../e2e/shop.js';
import {
  type Scenario,
  type Scene,
  attemptsOf,
  confirm,
  heldDeal,
  isReleasedOnce,
  postingsOf,
  toldOf,
  tradeTotals,
  underWay,
  unpaidDeal,
} from './scene.js';

const isConfirmed = async (scene: Scene) => {
  const deal = await heldDeal(scene);
  return underWay(
    () => confirm(scene, deal),
    async (answer) => {
      expect(answer).toMatchObject({ id: deal.order.id, status: 'completed' });
      await isReleasedOnce(scene, deal);
    },
  );
};

const isCancelled = async (scene: Scene) => {
  const { shop, api } = scene;
  const { order, buyer } = await unpaidDeal(scene);
  const payment = await shop.openAttempt(order, 'wechat');
  const cancel = () => api.post<Order>(`/v1/orders/${order.id}/cancel`, {}, { token: buyer.token });
  return underWay(cancel, async (answer) => {
    expect(expectStatus(answer, 200)).toMatchObject({ status: 'closed' });
    await shop.orderIs(order, 'closed');
    expect(await postingsOf(scene, order)).toEqual(['close']);
    expect(await toldOf(scene, order)).toMatchObject({ 'order.closed': 1 });
    expect(await attemptsOf(scene, order)).toEqual([`wechat ${payment.outTradeNo} closed`]);
    expect(await tradeTotals(scene, payment.outTradeNo)).toMatchObject({ status: 'closed' });
  });
};

export const ENDING = {
  'update: taken by the workflow': {
    kills: 'api',
    proves: 'M8',
    says: 'the repeated confirmation is answered with the one release',
    prepare: isConfirmed,
  },
  'release: before posting': {
    kills: 'worker',
    proves: 'M8 T4',
    says: 'the seller is paid once',
    prepare: isConfirmed,
  },
  'release: posted': {
    kills: 'worker',
    proves: 'M8 T4',
    says: 'the seller stays paid once',
    prepare: isConfirmed,
  },
  'close: asked at the provider': {
    kills: 'worker',
    proves: 'M7 T4',
    says: 'the order and its trade are closed',
    prepare: isCancelled,
  },
  'close: posted': {
    kills: 'worker',
    proves: 'M7 T4',
    says: 'the order is closed once',
    prepare: isCancelled,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
