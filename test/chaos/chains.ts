/** Topups and packages with chains of actions. */
import { setTimeout as pause } from 'node:timers/promises';
import { newMobile } from '../e2e/shop.js';
import { codeOf, surprise } from './client.js';
import { type Journey, type Scene, askRefund, create, decideRefund, payAt, stepsOf, until } from './steps.js';
import type { Order, Person } from '../e2e/shop.js';

const DONE = ['completed'];

const message = () => ({
  type: 2,
  smsId: 111,
  mobile: newMobile(),
  postJsonString: { code: 1, product: 'tea' },
});

/** @returns its id, which nobody else has */
async function shopOrder(scene: Scene, owner: Person, amount: number): Promise<string> {
  const id = String(1 + scene.random.below(2 ** 32) * 2 ** 16 + scene.random.below(2 ** 16));
  const body = { userId: owner.id, amount, title: `Shop order ${id}` };
  const answer = await scene.client.put(`/v1/catalog/shop-orders/${id}`, body);
  if (answer.status >= 300) throw surprise('a shop order', answer);
  return id;
}

async function topUpWith(scene: Scene, nextAction?: unknown): Promise<Order> {
  const order = await create(scene, { kind: 'topup', ...(nextAction !== undefined && { nextAction }) });
  if (!(await payAt(scene, order))) throw new Error(`topup ${order.orderNo} could not be paid`);
  return order;
}

const topUp: Journey = async (scene) => [{ order: await topUpWith(scene), rests: DONE }];

const messageOnly: Journey = async (scene) => [{ order: await topUpWith(scene, message()), rests: DONE }];

const nested: Journey = async (scene) => {
  const id = await shopOrder(scene, scene.buyer, 50);
  return [{ order: await topUpWith(scene, { type: 0, id, nextAction: message() }), rests: DONE }];
};

const listOfShopOrders: Journey = async (scene) => {
  const ids: string[] = [];
  for (let count = 2 + scene.random.below(5); count > 0; count--) {
    ids.push(await shopOrder(scene, scene.buyer, 1 + scene.random.below(20)));
  }
  const nextAction = { type: 0, id: ids.join(','), nextAction: message() };
  return [{ order: await topUpWith(scene, nextAction), rests: DONE }];
};

const deep: Journey = async (scene) => {
  let nextAction: object = message();
  for (let depth = 3; depth > 0; depth--) {
    const id = await shopOrder(scene, scene.buyer, 1 + scene.random.below(20));
    nextAction = depth === 2 ? { ...message(), nextAction } : { type: 0, id, nextAction };
  }
  return [{ order: await topUpWith(scene, nextAction), rests: DONE }];
};

/** Decides about the first step until it is parked no more. A decision that came through is not repeated. */
async function decide(scene: Scene, order: Order, verb: string, body: object): Promise<void> {
  const [before] = await stepsOf(scene, order);
  const answer = await scene.client.post(`/v1/orders/${order.id}/actions/0/${verb}`, body);
  if (answer.status === 200) return;
  // The first try was taken, and its answer got lost: then the step is parked no more, or has been tried and is again.
  const refused = ['step_not_parked', 'conflict'].includes(codeOf(answer) ?? '');
  const [after] = await stepsOf(scene, order);
  const isTaken = after?.status !== 'parked' || after.attempts > (before?.attempts ?? 0);
  if (!refused || !isTaken) throw surprise(`${verb} of ${order.orderNo}`, answer);
}

/** Somebody else's thing: parks, and an operator corrects it. */
const parkedThenEdited: Journey = async (scene) => {
  const id = await shopOrder(scene, scene.seller, 20);
  const own = await shopOrder(scene, scene.buyer, 20);
  const order = await topUpWith(scene, { type: 0, id, nextAction: message() });
  await until(scene, order, 'parked', ({ status }) => status === 'action_required');
  await decide(scene, order, 'edit', { parameters: { id: own }, reason: 'the wrong number was sent' });
  return [{ order, rests: DONE }];
};

const parkedThenSkipped: Journey = async (scene) => {
  const id = await shopOrder(scene, scene.buyer, 9_000_000);
  const order = await topUpWith(scene, { type: 0, id, nextAction: message() });
  await until(scene, order, 'parked', ({ status }) => status === 'action_required');
  await decide(scene, order, 'skip', { reason: 'paid by hand' });
  return [{ order, rests: DONE }];
};

/** Retried too early once, so that it parks again, then once more when the thing is there. */
const parkedThenRetried: Journey = async (scene) => {
  const missing = String(2 ** 49 + scene.random.below(2 ** 32));
  const order = await topUpWith(scene, { type: 0, id: missing, nextAction: message() });
  await until(scene, order, 'parked', ({ status }) => status === 'action_required');
  await decide(scene, order, 'retry', {});
  for (let tries = 0; tries < 1_000; tries++) {
    const [first] = await stepsOf(scene, order);
    if (first?.status === 'parked' && first.attempts > 1) break;
    await pause(300);
  }
  const body = { userId: scene.buyer.id, amount: 10, title: 'late' };
  await scene.client.put(`/v1/catalog/shop-orders/${missing}`, body);
  await decide(scene, order, 'retry', {});
  return [{ order, rests: DONE }];
};

const topUpRefunded: Journey = async (scene) => {
  const order = await topUpWith(scene);
  await until(scene, order, 'completed', ({ status }) => status === 'completed');
  const refund = await askRefund(scene, order);
  if (refund === null) throw new Error(`topup ${order.orderNo} could not be refunded`);
  if (await decideRefund(scene, refund, true)) return [{ order, rests: ['refunded'] }];
  await decideRefund(scene, refund, false);
  return [{ order, rests: DONE }];
};

const freePackage: Journey = async (scene) => [
  { order: await create(scene, { kind: 'package', amount: 0, nextAction: message() }), rests: DONE },
];

const paidPackage: Journey = async (scene) => {
  const id = await shopOrder(scene, scene.buyer, 5);
  const order = await create(scene, { kind: 'package', nextAction: { type: 0, id } });
  if (!(await payAt(scene, order))) throw new Error(`package ${order.orderNo} could not be paid`);
  return [{ order, rests: DONE }];
};

export const CHAINS = {
  topUp,
  messageOnly,
  nested,
  listOfShopOrders,
  deep,
  parkedThenEdited,
  parkedThenSkipped,
  parkedThenRetried,
  topUpRefunded,
  freePackage,
  paidPackage,
} satisfies Record<string, Journey>;
