/** Orders in every stage of their life, at the moment when everything is killed; and how each must end. */
import { expect } from 'vitest';
import { PAY_PASSWORD, type Order, type Person, type Shop, expectStatus, newMobile } from '../shop.js';
import type { Stack } from '../stack.js';
import { eventually } from '../wait.js';

export interface Scene {
  stack: Stack;
  shop: Shop;
}

/** An order that is on its way. */
export interface UnderWay {
  /** What happens at the last moment before the kill. */
  lastMoment?: () => Promise<unknown>;
  /** Goes on where that is somebody's turn, and waits for the end. */
  afterwards: () => Promise<void>;
}

type Stage = (scene: Scene) => Promise<UnderWay>;

const AMOUNT = 1_300;

async function parties({ shop }: Scene): Promise<{ buyer: Person; seller: Person; amount: number }> {
  const [buyer, seller] = await Promise.all([shop.addPerson(), shop.addPerson()]);
  return { buyer, seller, amount: AMOUNT };
}

/** The seller has the money, in one posting, and the buyer paid once. */
async function endsWithTheSellerPaid({ shop }: Scene, order: Order, seller: Person): Promise<void> {
  await shop.orderIs(order, 'completed');
  expect(await shop.walletOf(seller)).toMatchObject({ held: 0, withdrawable: AMOUNT });
  expect(await shop.walletEntries(seller)).toMatchObject([{ bucket: 'withdrawable', amount: AMOUNT }]);
  const types = (await shop.timelineOf(order)).map(({ type }) => type);
  expect(types.filter((type) => type === 'payment.received')).toHaveLength(1);
  expect(types.filter((type) => type === 'money.released')).toHaveLength(1);
}

const created: Stage = async (scene) => {
  const { shop } = scene;
  const wish = await parties(scene);
  const order = await shop.newOrder(wish);
  return {
    afterwards: async () => {
      await shop.pay(order);
      await endsWithTheSellerPaid(scene, order, wish.seller);
    },
  };
};

const attemptOpen: Stage = async (scene) => {
  const { shop } = scene;
  const wish = await parties(scene);
  const order = await shop.newOrder(wish);
  const payment = await shop.openAttempt(order, 'wechat');
  return {
    afterwards: async () => {
      expect(await shop.openAttempt(order, 'wechat')).toEqual(payment);
      await shop.payAtProvider(payment);
      await endsWithTheSellerPaid(scene, order, wish.seller);
    },
  };
};

const paidJustNow: Stage = async (scene) => {
  const { shop } = scene;
  const wish = await parties(scene);
  const order = await shop.newOrder(wish);
  const payment = await shop.openAttempt(order, 'alipay');
  return {
    lastMoment: () => shop.payAtProvider(payment),
    afterwards: () => endsWithTheSellerPaid(scene, order, wish.seller),
  };
};

const held: Stage = async (scene) => {
  const { shop } = scene;
  const wish = await parties(scene);
  const order = await shop.newOrder({ ...wish, autoConfirmAfter: '6s' });
  await shop.pay(order);
  await shop.orderIs(order, 'paid');
  return {
    afterwards: async () => {
      await endsWithTheSellerPaid(scene, order, wish.seller);
      const { paidAt, releasedAt } = await shop.orderOf(order.id);
      expect(Date.parse(releasedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(paidAt ?? '') + 6_000);
    },
  };
};

const confirmed: Stage = async (scene) => {
  const { stack, shop } = scene;
  const wish = await parties(scene);
  const order = await shop.newOrder({ ...wish, autoConfirmAfter: '24h' });
  await shop.pay(order);
  await shop.orderIs(order, 'paid');
  const confirm = async (): Promise<Order> =>
    expectStatus(
      await stack.api.post<Order>(`/v1/orders/${order.id}/confirm`, {}, { token: wish.buyer.token }),
      200,
    );
  const first = await confirm();
  return {
    afterwards: async () => {
      expect(await confirm()).toEqual(first);
      await endsWithTheSellerPaid(scene, order, wish.seller);
    },
  };
};

const walletPaid: Stage = async (scene) => {
  const { shop } = scene;
  const wish = await parties(scene);
  const topUp = await shop.newOrder({ kind: 'topup', buyer: wish.buyer, amount: AMOUNT });
  await shop.pay(topUp);
  await shop.orderIs(topUp, 'completed');
  const order = await shop.newOrder(wish);
  return {
    lastMoment: () => shop.payFromWallet(order, PAY_PASSWORD),
    afterwards: async () => {
      await endsWithTheSellerPaid(scene, order, wish.seller);
      expect(await shop.walletOf(wish.buyer)).toMatchObject({ cash: 0 });
    },
  };
};

const expiring: Stage = async (scene) => {
  const { shop } = scene;
  // Time enough to open the attempt, and not enough to be back before it is over.
  const order = await shop.newOrder({ ...(await parties(scene)), expiresIn: '5s' });
  const payment = await shop.openAttempt(order, 'wechat');
  return {
    afterwards: async () => {
      expect(await shop.orderIs(order, 'closed')).toMatchObject({ closedReason: 'expired' });
      expect(await shop.tradeOf(payment)).toMatchObject({ status: 'closed' });
    },
  };
};

const tell = (mobile: string) => ({
  type: 2,
  smsId: 111,
  mobile,
  postJsonString: { code: 1, product: 'tea' },
});

const free: Stage = async (scene) => {
  const { shop } = scene;
  const { buyer } = await parties(scene);
  const mobile = newMobile();
  let order: Order | undefined;
  return {
    lastMoment: async () => {
      order = await shop.newOrder({ kind: 'package', buyer, amount: 0, nextAction: tell(mobile) });
    },
    afterwards: async () => {
      if (order === undefined) throw new Error('the order was not created');
      await shop.orderIs(order, 'completed');
      expect(await shop.smsTo(mobile)).toMatchObject([{ orderNo: order.orderNo }]);
    },
  };
};

const chainParked: Stage = async (scene) => {
  const { stack, shop } = scene;
  const { buyer, seller } = await parties(scene);
  const [notTheirs, theirs] = await Promise.all([
    shop.addShopOrder(seller, AMOUNT),
    shop.addShopOrder(buyer, AMOUNT),
  ]);
  const mobile = newMobile();
  const nextAction = { type: 0, id: notTheirs, nextAction: tell(mobile) };
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT, nextAction });
  await shop.pay(order);
  await shop.orderIs(order, 'action_required');
  return {
    afterwards: async () => {
      expect(await shop.openItems(order)).toMatchObject([{ kind: 'parked_step' }]);
      const edit = { parameters: { id: theirs }, reason: 'the wrong number was sent' };
      await eventually('the edit is taken', async () =>
        expectStatus(await stack.api.post(`/v1/orders/${order.id}/actions/0/edit`, edit), 200),
      );
      await shop.orderIs(order, 'completed');
      expect(await shop.shopOrder(theirs)).toMatchObject({ status: 'paid', paidByOrderId: order.id });
      expect(await shop.smsTo(mobile)).toHaveLength(1);
    },
  };
};

/** As many steps as a chain may have less the message: it takes a while, so that the kill comes in between. */
const LONG_CHAIN = 49;

const chainBetweenSteps: Stage = async (scene) => {
  const { shop } = scene;
  const { buyer } = await parties(scene);
  const ids = await Promise.all(Array.from({ length: LONG_CHAIN }, () => shop.addShopOrder(buyer, 2)));
  const mobile = newMobile();
  const nextAction = { type: 0, id: ids.join(','), nextAction: tell(mobile) };
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: 2 * LONG_CHAIN, nextAction });
  return {
    lastMoment: async () => {
      await shop.pay(order);
      const steps = await eventually('the first step is done', async () => {
        const now = await shop.stepsOf(order);
        if (now[0]?.status !== 'succeeded') throw new Error(`it is ${now[0]?.status}`);
        return now;
      });
      expect(steps.at(-1)?.status).toBe('pending');
    },
    afterwards: async () => {
      await shop.orderIs(order, 'completed');
      const things = await Promise.all(ids.map((id) => shop.shopOrder(id)));
      expect(things.filter(({ paidByOrderId }) => paidByOrderId === order.id)).toHaveLength(LONG_CHAIN);
      expect(await shop.walletOf(buyer)).toMatchObject({ cash: 0 });
      const charges = (await shop.walletEntries(buyer)).filter(({ amount }) => amount < 0);
      expect(charges.map(({ amount }) => amount)).toEqual(ids.map(() => -2));
      expect(await shop.smsTo(mobile)).toHaveLength(1);
    },
  };
};

/** The slow one to set up first, what must be fresh at the kill last. */
export const STAGES: Readonly<Record<string, Stage>> = {
  chainParked,
  chainBetweenSteps,
  confirmed,
  walletPaid,
  created,
  attemptOpen,
  paidJustNow,
  free,
  held,
  expiring,
};
