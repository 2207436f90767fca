/** Kills while money goes back: of an order's own, or that came late or did not fit. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { type AnyChannel, type Order, type OperatorItem, type Payment, expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import {
  AMOUNT,
  type Deal,
  type Scenario,
  type Scene,
  confirm,
  heldDeal,
  postingsOf,
  refundsAtTheProvider,
  releasedDeal,
  sqlCounts,
  tradeTotals,
  underWay,
  unpaidDeal,
} from './scene.js';

interface Refund {
  id: string;
  status: string;
}

const PART = 300;

async function ask({ api }: Scene, { order, buyer }: Deal, amount: number): Promise<Refund> {
  const body = { reason: 'the lesson was cut short', amount };
  return expectStatus(
    await api.post<Refund>(`/v1/orders/${order.id}/refunds`, body, { token: buyer.token }),
    201,
  );
}

const approve = async ({ api }: Scene, { id }: Refund): Promise<Refund> =>
  expectStatus(await api.post<Refund>(`/v1/refunds/${id}/approve`, { reason: 'so be it' }), 200);

const refundIs = ({ api }: Scene, id: string, wanted: string): Promise<Refund> =>
  eventually(`refund ${id} is ${wanted}`, async () => {
    const refund = expectStatus(await api.get<Refund>(`/v1/refunds/${id}`), 200);
    if (refund.status !== wanted) throw new Error(`it is ${refund.status}`);
    return refund;
  });

/** The provider gave so much back, once, under the refund's own number. */
async function isBackOnce(scene: Scene, { outTradeNo }: Payment, id: string, amount: number): Promise<void> {
  await refundIs(scene, id, 'succeeded');
  expect(await refundsAtTheProvider(scene, outTradeNo)).toMatchObject([
    { outRefundNo: id, amount, status: 'succeeded' },
  ]);
  expect(await tradeTotals(scene, outTradeNo)).toMatchObject({ refundedAmount: amount });
}

/** Of money that the seller has already. */
const ofReleasedMoney = async (scene: Scene) => {
  const { shop } = scene;
  const deal = await releasedDeal(scene);
  const asked = await ask(scene, deal, AMOUNT);
  return underWay(
    () => approve(scene, asked),
    async ({ id }) => {
      expect(id).toBe(asked.id);
      await isBackOnce(scene, deal.payment, id, AMOUNT);
      await shop.orderIs(deal.order, 'refunded');
      expect(await shop.walletOf(deal.seller)).toMatchObject({ withdrawable: 0 });
      expect(await postingsOf(scene, deal.order)).toEqual([
        'payment',
        'release',
        'refund_requested',
        'refund_approved',
        'refund_settled',
      ]);
    },
  );
};

/** Of a part of what is held; the rest is released afterwards. */
const ofHeldMoney = (channel: AnyChannel) => async (scene: Scene) => {
  const { shop } = scene;
  const deal = await heldDeal(scene, channel);
  const asked = await ask(scene, deal, PART);
  return underWay(
    () => approve(scene, asked),
    async ({ id }) => {
      expect(id).toBe(asked.id);
      await isBackOnce(scene, deal.payment, id, PART);
      await confirm(scene, deal);
      await shop.orderIs(deal.order, 'partially_refunded');
      expect(await shop.walletEntries(deal.seller)).toMatchObject([{ amount: AMOUNT - PART }]);
      expect(await postingsOf(scene, deal.order)).toEqual([
        'payment',
        'refund_requested',
        'refund_approved',
        'refund_settled',
        'release',
      ]);
    },
  );
};

interface Item extends OperatorItem {
  id: string;
}

async function onlyItem({ shop }: Scene, order: Order, kind: string): Promise<Item> {
  const items = (await eventually(`order ${order.orderNo} has an item`, async () => {
    const found = await shop.openItems(order);
    if (found.length === 0) throw new Error('there is none');
    return found;
  })) as Item[];
  expect(items).toMatchObject([{ kind }]);
  const [item] = items;
  if (item === undefined) throw new Error('there is none');
  return item;
}

async function resolve({ api }: Scene, { id }: Item, resolution: string): Promise<void> {
  const body = { resolution, reason: 'looked at it' };
  expectStatus(await api.post(`/v1/operator-items/${id}/resolve`, body), 200);
}

/** The provider refuses for good: the money is the order's again, and a person is told. */
const thatFails = async (scene: Scene) => {
  const { shop, fleet } = scene;
  const deal = await heldDeal(scene, 'wechat');
  const { outTradeNo } = deal.payment;
  const asked = await ask(scene, deal, PART);
  return underWay(
    async () => {
      await approve(scene, asked);
      await eventually('the provider has the refund', async () => {
        const { length } = await refundsAtTheProvider(scene, outTradeNo);
        if (length !== 1) throw new Error(`it has ${length}`);
      });
      expectStatus(await fleet.sandbox.post(`/refunds/${asked.id}/settle`, { result: 'fail' }), 200);
    },
    async () => {
      await refundIs(scene, asked.id, 'failed');
      await resolve(scene, await onlyItem(scene, deal.order, 'failed_refund'), 'settled_by_hand');
      expect(await refundsAtTheProvider(scene, outTradeNo)).toMatchObject([{ status: 'failed' }]);
      await confirm(scene, deal);
      await shop.orderIs(deal.order, 'completed');
      expect(await shop.walletEntries(deal.seller)).toMatchObject([{ amount: AMOUNT }]);
    },
  );
};

/** Paid after it was cancelled, as a buyer on a slow cashier does. */
const ofALatePayment = async (scene: Scene) => {
  const { shop, api, fleet } = scene;
  const { order, buyer } = await unpaidDeal(scene);
  const payment = await shop.openAttempt(order, 'alipay');
  expectStatus(await api.post(`/v1/orders/${order.id}/cancel`, {}, { token: buyer.token }), 200);
  const { orderNo } = order;
  const returns = () => fleet.sql<{ id: string }[]>`SELECT id FROM refunds WHERE order_no = ${orderNo}`;
  return underWay(
    async () => {
      await shop.payAtProvider(payment, { force: true });
      await eventually('the return is on its way', async () => {
        const [first] = await returns();
        if (first === undefined) throw new Error('there is none');
      });
      // The relay need not wait for an attempt that the API makes at once, since a return has none.
      await fleet.sql`UPDATE refunds SET start_due_at = now() WHERE order_no = ${orderNo}`;
    },
    async () => {
      const [first, ...more] = await returns();
      expect(more).toEqual([]);
      await isBackOnce(scene, payment, first?.id ?? '', AMOUNT);
      await shop.orderIs(order, 'closed');
      expect(await postingsOf(scene, order)).toEqual(['close']);
    },
  );
};

/** Another amount than asked for: a person decides, and the order is as it was. */
const ofMoneyThatDoesNotFit = async (scene: Scene) => {
  const { shop, api } = scene;
  const { order, buyer } = await unpaidDeal(scene);
  const payment = await shop.openAttempt(order, 'alipay');
  const paid = AMOUNT - 1;
  return underWay(
    () => shop.payAtProvider(payment, { amount: paid }),
    async () => {
      const item = await onlyItem(scene, order, 'suspense');
      expect(item.details).toMatchObject({ inSuspense: true, amount: paid });
      await shop.orderIs(order, 'unpaid');
      await sqlCounts(
        scene,
        'it came to suspense once',
        `SELECT count(*) FROM postings WHERE kind = 'suspense' AND key = 'suspense/alipay/${String(item.details['providerTradeNo'])}'`,
        1,
      );
      await resolve(scene, item, 'refund');
      await sqlCounts(
        scene,
        'it is on its way back once',
        `SELECT count(*) FROM refunds WHERE order_no = '${order.orderNo}' AND status = 'succeeded' AND amount = ${paid}`,
        1,
      );
      expect(await tradeTotals(scene, payment.outTradeNo)).toMatchObject({ refundedAmount: paid });
      expectStatus(await api.post(`/v1/orders/${order.id}/cancel`, {}, { token: buyer.token }), 200);
    },
  );
};

export const REFUNDS = {
  'refund: decided in SQL': {
    kills: 'api',
    proves: 'M6',
    says: 'the repeated approval is answered alike, and the money goes back once',
    prepare: ofReleasedMoney,
  },
  'refund start: before Temporal': {
    kills: 'worker',
    proves: 'M5 M6 T6',
    says: 'the relay starts the return of a late payment, and it goes back once',
    prepare: ofALatePayment,
  },
  'refund start: Temporal has it': {
    kills: 'api',
    proves: 'M6 T6',
    says: 'the money goes back once',
    prepare: ofReleasedMoney,
  },
  'refund: before the provider': {
    kills: 'worker',
    proves: 'M6',
    says: 'the provider gives it back once',
    prepare: ofHeldMoney('wechat'),
  },
  'refund: begun': {
    kills: 'worker',
    proves: 'M6',
    says: 'nobody posts it while it may be under way, and Ping++ gives it back once',
    prepare: ofHeldMoney('pingpp'),
  },
  'refund: provider has it': {
    kills: 'worker',
    proves: 'M6',
    says: 'the retry has the same number, and the provider gives it back once',
    prepare: ofHeldMoney('wechat'),
  },
  'refund: settled': {
    kills: 'worker',
    proves: 'M6',
    says: 'it is booked once, and the rest is released',
    prepare: ofHeldMoney('wechat'),
  },
  'refund: failed': {
    kills: 'worker',
    proves: 'M6 T6',
    says: 'the money is held again, and one operator item says so',
    prepare: thatFails,
  },
  'return: committed': {
    kills: 'api',
    proves: 'M5 M7',
    says: 'a late payment goes back once',
    prepare: ofALatePayment,
  },
  'suspense: committed': {
    kills: 'worker',
    proves: 'W3',
    says: 'another amount is in suspense once, with one operator item',
    prepare: ofMoneyThatDoesNotFit,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
