/** Kills in a nextAction chain. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { codeOf, surprise } from '../chaos/client.js';
import { type Order, type Payment, type Person, newMobile } from '../e2e/shop.js';
import { AMOUNT, type Scenario, type Scene, people, toldOf, underWay } from './scene.js';

const PRICE = 300;

interface Chain {
  buyer: Person;
  order: Order;
  payment: Payment;
  mobile: string;
  /** Shop orders: the payer's own, and somebody else's. */
  own: string;
  foreign: string;
}

/** A topup with a charge and, inside it, a message: it needs only to be paid. */
async function chainOf(scene: Scene, charges: 'own' | 'foreign'): Promise<Chain> {
  const { shop } = scene;
  const { buyer, seller } = await people(scene);
  const [own, foreign] = await Promise.all([
    shop.addShopOrder(buyer, PRICE),
    shop.addShopOrder(seller, PRICE),
  ]);
  const mobile = newMobile();
  const message = { type: 2, smsId: 111, mobile, postJsonString: { code: 1, product: 'tea' } };
  const nextAction = { type: 0, id: charges === 'own' ? own : foreign, nextAction: message };
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT, nextAction });
  const payment = await shop.openAttempt(order, 'alipay');
  return { buyer, order, payment, mobile, own, foreign };
}

/** @param triedAgain whether the step that charges counts another try: what is done is not tried again */
async function ranOnce(
  scene: Scene,
  { buyer, order, mobile, own }: Chain,
  triedAgain: boolean,
): Promise<void> {
  const { shop } = scene;
  await shop.orderIs(order, 'completed');
  const [charge, message, ...more] = await shop.stepsOf(order);
  expect([charge, message, ...more]).toMatchObject([
    { path: '0', status: 'succeeded' },
    { path: '0.0', status: 'succeeded' },
  ]);
  // No more exact than this: the next scenario's kill may interrupt the second try.
  expect((charge?.attempts ?? 0) > 1).toBe(triedAgain);
  expect(await shop.shopOrder(own)).toMatchObject({ status: 'paid', paidByOrderId: order.id });
  expect((await shop.walletEntries(buyer)).map(({ amount }) => amount)).toEqual([-PRICE, AMOUNT]);
  expect(await shop.smsTo(mobile)).toMatchObject([{ orderNo: order.orderNo, status: 'sent' }]);
  expect(await toldOf(scene, order)).toMatchObject({ 'action.succeeded': 2 });
}

const isRun = (triedAgain: boolean) => async (scene: Scene) => {
  const chain = await chainOf(scene, 'own');
  return underWay(
    () => scene.shop.payAtProvider(chain.payment),
    () => ranOnce(scene, chain, triedAgain),
  );
};

/**
 * An operator points the step at the payer's own thing. Where the answer to a first call got lost, the next one is
 * told that the step is not parked any more.
 */
async function edit({ api, shop }: Scene, { order, own }: Chain): Promise<void> {
  const body = { parameters: { id: own }, reason: 'the wrong number was sent' };
  const answer = await api.post(`/v1/orders/${order.id}/actions/0/edit`, body);
  if (answer.status === 200) return;
  const [first] = await shop.stepsOf(order);
  if (codeOf(answer) !== 'step_not_parked' || first?.status === 'parked') throw surprise('an edit', answer);
}

async function wasParkedOnce(scene: Scene, { order }: Chain): Promise<void> {
  const { shop } = scene;
  await shop.orderIs(order, 'action_required');
  expect(await shop.openItems(order)).toMatchObject([{ kind: 'parked_step' }]);
  expect(await toldOf(scene, order)).toMatchObject({ 'action.parked': 1 });
}

const isParked = async (scene: Scene) => {
  const chain = await chainOf(scene, 'foreign');
  return underWay(
    () => scene.shop.payAtProvider(chain.payment),
    async () => {
      await wasParkedOnce(scene, chain);
      await edit(scene, chain);
      await ranOnce(scene, chain, true);
    },
  );
};

const isDecided = async (scene: Scene) => {
  const { shop } = scene;
  const chain = await chainOf(scene, 'foreign');
  await shop.payAtProvider(chain.payment);
  await wasParkedOnce(scene, chain);
  return underWay(
    () => edit(scene, chain),
    async () => {
      await ranOnce(scene, chain, true);
      expect(await shop.openItems(chain.order)).toEqual([]);
      expect(await toldOf(scene, chain.order)).toMatchObject({ 'action.parked': 1, 'action.edited': 1 });
    },
  );
};

export const CHAIN = {
  'step: started': {
    kills: 'worker',
    proves: 'T1 T2',
    says: 'the second try charges once, and the message is sent once',
    prepare: isRun(true),
  },
  'step: before commit': {
    kills: 'worker',
    proves: 'T1 T2',
    says: 'nothing had happened; the second try charges once',
    prepare: isRun(true),
  },
  'step: committed': {
    kills: 'worker',
    proves: 'T1 T2',
    says: 'the second try finds it done, and the message is sent once',
    prepare: isRun(false),
  },
  'step: parked': {
    kills: 'worker',
    proves: 'T2 T6',
    says: 'it is parked once, with one operator item, and can be corrected',
    prepare: isParked,
  },
  'step: decided': {
    kills: 'worker',
    proves: 'T2 T4',
    says: 'the decision counts once',
    prepare: isDecided,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
