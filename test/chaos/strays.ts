/** Orders that are not paid, or not as they should be: too late, twice, or with another amount. */
import {
  type Journey,
  attempt,
  channelOf,
  command,
  create,
  openItemOf,
  otherChannel,
  payAt,
  payFromWallet,
  resolve,
  until,
  untilClosed,
  untilPaid,
} from './steps.js';

const expires: Journey = async (scene) => {
  const order = await create(scene, { expiresIn: '3s' });
  if (scene.random.chance(0.7)) await attempt(scene, order, channelOf(scene.random));
  return [{ order, rests: ['closed'] }];
};

const cancelled: Journey = async (scene) => {
  const order = await create(scene);
  if (scene.random.chance(0.7)) await attempt(scene, order, channelOf(scene.random));
  await command(scene, order, 'cancel');
  return [{ order, rests: ['closed'] }];
};

/** The buyer pays and changes their mind at the same moment: one of the two wins. */
const cancelAgainstPayment: Journey = async (scene) => {
  const order = await create(scene);
  const payment = await attempt(scene, order, channelOf(scene.random));
  if (payment === null) throw new Error(`order ${order.orderNo} could not be paid`);
  await Promise.all([
    command(scene, order, 'cancel', ['order_already_paid', 'order_not_cancellable']),
    scene.cashier.pay(scene.random, payment, { neverLost: true }),
  ]);
  return [{ order, rests: ['closed', 'completed'] }];
};

/** At the cashier when the time runs out. */
const paidAsItExpires: Journey = async (scene) => {
  const order = await create(scene, { expiresIn: '4s' });
  const payment = await attempt(scene, order, channelOf(scene.random));
  if (payment !== null) await scene.cashier.pay(scene.random, payment, { neverLost: true });
  return [{ order, rests: ['closed', 'completed'] }];
};

const paidAfterItClosed: Journey = async (scene) => {
  const order = await create(scene, { expiresIn: '6s' });
  const payment = await attempt(scene, order, channelOf(scene.random));
  await untilClosed(scene, order);
  if (payment !== null) await scene.cashier.pay(scene.random, payment, { force: true, neverLost: true });
  return [{ order, rests: ['closed'] }];
};

const paidTwice: Journey = async (scene) => {
  const first = channelOf(scene.random);
  const order = await create(scene);
  const payments = [
    await attempt(scene, order, first),
    await attempt(scene, order, otherChannel(first)),
  ].filter((payment) => payment !== null);
  // Either first, or both at once.
  for (const payment of scene.random.shuffled(payments)) {
    const paying = scene.cashier.pay(scene.random, payment, { force: true, neverLost: true });
    if (scene.random.chance(0.5)) await paying;
    else await Promise.all([paying, untilPaid(scene, order)]);
  }
  return [{ order, rests: ['completed'] }];
};

const paidByWalletToo: Journey = async (scene) => {
  const order = await create(scene);
  const payment = await attempt(scene, order, channelOf(scene.random));
  if (payment === null) throw new Error(`order ${order.orderNo} could not be paid`);
  if (await payFromWallet(scene, order)) {
    await scene.cashier.pay(scene.random, payment, { force: true, neverLost: true });
  } else await scene.cashier.pay(scene.random, payment);
  return [{ order, rests: ['completed'] }];
};

/** Too little: the order stays unpaid, and an operator gives the money back. */
const anotherAmount: Journey = async (scene) => {
  const order = await create(scene, { expiresIn: '10s' });
  const wish = { amount: order.amount - 1, neverLost: true };
  const isPaid = await payAt(scene, order, channelOf(scene.random), wish);
  if (isPaid) {
    const item = await openItemOf(scene, order, ({ kind }) => kind === 'suspense');
    await until(scene, order, 'closed', ({ status }) => status === 'closed');
    if (item.details.inSuspense === true) await resolve(scene, item, 'refund');
  }
  return [{ order, rests: ['closed'] }];
};

export const STRAYS = {
  expires,
  cancelled,
  cancelAgainstPayment,
  paidAsItExpires,
  paidAfterItClosed,
  paidTwice,
  paidByWalletToo,
  anotherAmount,
} satisfies Record<string, Journey>;
