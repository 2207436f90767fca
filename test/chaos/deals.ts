/** Deals: paid, confirmed or not, disputed or not. */
import {
  type Ended,
  type Journey,
  type Scene,
  askRefund,
  command,
  create,
  decideRefund,
  openItemOf,
  pay,
  payAt,
  refundEnd,
  resolve,
  until,
  untilPaid,
} from './steps.js';
import { codeOf, surprise } from './client.js';
import type { Order } from '../e2e/shop.js';

const DONE = ['completed'];
/** Held until somebody says so: nothing but a decision ends the wait. */
const PATIENT = { autoConfirmAfter: '24h' };

const autoConfirmed: Journey = async (scene) => {
  const order = await create(scene);
  await pay(scene, order);
  return [{ order, rests: DONE }];
};

const confirmed: Journey = async (scene) => {
  const order = await create(scene, PATIENT);
  await pay(scene, order);
  await untilPaid(scene, order);
  await command(scene, order, 'confirm');
  return [{ order, rests: DONE }];
};

/** The buyer's word and the deadline come at the same moment. */
const confirmedAtTheLastMoment: Journey = async (scene) => {
  const order = await create(scene);
  await pay(scene, order);
  await untilPaid(scene, order);
  await command(scene, order, 'confirm');
  return [{ order, rests: DONE }];
};

const chatClosed: Journey = async (scene) => {
  const chatId = `room-${scene.tag}`;
  const order = await create(scene, { chatId, chatWindow: '1h' });
  await pay(scene, order);
  await untilPaid(scene, order);
  await command(scene, order, 'close-chat');
  return [{ order, rests: DONE }];
};

/** The window is as short as every other: closing by hand may come too late. */
const chatEnds: Journey = async (scene) => {
  const order = await create(scene, {
    chatId: `room-${scene.tag}`,
    ...(scene.random.chance(0.5) && PATIENT),
  });
  await pay(scene, order);
  await untilPaid(scene, order);
  await command(scene, order, 'close-chat', ['conflict']);
  await command(scene, order, 'confirm');
  return [{ order, rests: DONE }];
};

/** Refused, and then released: by the buyer's word, or by the clock that goes on. */
const refundRefused: Journey = async (scene) => {
  const byClock = scene.random.chance(0.5);
  const order = await create(scene, { autoConfirmAfter: byClock ? '20s' : '24h' });
  await pay(scene, order);
  await untilPaid(scene, order);
  const refund = await askRefund(scene, order);
  if (refund !== null) await decideRefund(scene, refund, false);
  if (!byClock) await command(scene, order, 'confirm');
  return [{ order, rests: DONE }];
};

async function payUntilHeld(scene: Scene): Promise<Order> {
  const order = await create(scene, PATIENT);
  await pay(scene, order);
  return untilPaid(scene, order);
}

const refundedBeforeRelease: Journey = async (scene) => {
  const order = await payUntilHeld(scene);
  const refund = await askRefund(scene, order);
  if (refund === null) throw new Error(`held order ${order.orderNo} could not be refunded`);
  await decideRefund(scene, refund, true);
  return [{ order, rests: ['refunded'] }];
};

const partlyRefundedBeforeRelease: Journey = async (scene) => {
  const order = await payUntilHeld(scene);
  const refund = await askRefund(scene, order, 1 + scene.random.below(order.amount - 1));
  if (refund === null) throw new Error(`held order ${order.orderNo} could not be refunded in part`);
  await decideRefund(scene, refund, true);
  await refundEnd(scene, refund);
  await command(scene, order, 'confirm');
  return [{ order, rests: ['partially_refunded'] }];
};

const refundedAfterRelease: Journey = async (scene) => {
  const order = await create(scene);
  await pay(scene, order);
  await until(scene, order, 'released', ({ releasedAt }) => releasedAt !== null);
  const part = scene.random.chance(0.5) ? 1 + scene.random.below(order.amount - 1) : undefined;
  const refund = await askRefund(scene, order, part);
  if (refund === null) throw new Error(`released order ${order.orderNo} could not be refunded`);
  const approve = scene.random.chance(0.8);
  await decideRefund(scene, refund, approve);
  return [
    { order, rests: [!approve ? 'completed' : part === undefined ? 'refunded' : 'partially_refunded'] },
  ];
};

/** Both at once: exactly one of them wins (promise M8). */
const confirmAgainstRefund: Journey = async (scene) => {
  const order = await payUntilHeld(scene);
  const [, refund] = await Promise.all([
    command(scene, order, 'confirm', ['order_not_confirmable']),
    askRefund(scene, order),
  ]);
  if (refund === null) return [{ order, rests: DONE }];
  await decideRefund(scene, refund, true);
  return [{ order, rests: ['refunded'] }];
};

/**
 * It comes to nothing at the provider. At WeChat Pay that is for good, and an operator asks again; to Alipay such a
 * refund is one that was not made, and it is posted again under its number.
 */
const refundFailsThenRepeated: Journey = async (scene) => {
  const order = await create(scene, PATIENT);
  if (!(await payAt(scene, order))) throw new Error(`order ${order.orderNo} could not be paid`);
  await untilPaid(scene, order);
  const refund = await askRefund(scene, order);
  if (refund === null) throw new Error(`held order ${order.orderNo} could not be refunded`);
  await decideRefund(scene, refund, true);
  const settled = await scene.sandbox.post(`/refunds/${refund.id}/settle`, { result: 'fail' });
  // Before the refund has reached the provider, or after it has succeeded by itself, there is nothing to refuse.
  const isMissed = ['refund_not_found', 'refund_settled'].includes(codeOf(settled) ?? '');
  if (settled.status !== 200 && !isMissed) throw surprise(`refusing refund ${refund.id}`, settled);
  if ((await refundEnd(scene, refund)) === 'failed') {
    await resolve(scene, await openItemOf(scene, order, ({ kind }) => kind === 'failed_refund'), 'retry');
  }
  return [{ order, rests: ['refunded'] }];
};

const free: Journey = async (scene): Promise<Ended[]> => [
  { order: await create(scene, { amount: 0 }), rests: DONE },
];

export const DEALS = {
  autoConfirmed,
  confirmed,
  confirmedAtTheLastMoment,
  chatClosed,
  chatEnds,
  refundRefused,
  refundedBeforeRelease,
  partlyRefundedBeforeRelease,
  refundedAfterRelease,
  confirmAgainstRefund,
  refundFailsThenRepeated,
  freeDeal: free,
} satisfies Record<string, Journey>;
