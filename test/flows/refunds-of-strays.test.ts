/** Money that an order has no use for goes back by a workflow of its own, and suspense ends empty. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { payByProvider } from '../../commands/pay-order.js';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import { type Resolution, resolveOperatorItem } from '../../commands/resolve-item.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import type { ProviderChannel } from '../../domain/order.js';
import type { RefundRow } from '../../db/refunds.js';
import { deliverRefund } from '../../relay/refunds.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import { HOUR_MS, end, itemsOf, suspense, timelineOf } from '../support/journeys.js';
import {
  arriveFrom,
  itemFor,
  orderAt,
  paidAt,
  payAt,
  refundsOf,
  settleAt,
  tradeOf,
} from '../support/refunds.js';
import { addUsers } from '../support/world.js';

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addUsers(db);
});
afterAll(() => flow.close());
// Whatever came, all of it has gone again, out of books that balance (promise M4).
afterEach(async () => {
  expect(await suspense(db)).toBe(0);
});

/** The buyer pays a trade that is closed, as one on a slow cashier does. @returns what is on its way back */
async function payTooLate(order: OrderRow, channel: ProviderChannel, times = 1): Promise<RefundRow> {
  await flow.providers.control('POST', `/trades/${order.orderNo}/pay`, { notify: false, force: true });
  const { tradeNo } = await tradeOf(flow, order.orderNo);
  for (let time = 1; time <= times; time++) await arriveFrom(flow, channel, order, { tradeNo });
  const [row, ...others] = await refundsOf(db, order);
  if (row === undefined || others.length > 0) throw new Error('one payment goes back once');
  return row;
}

async function expired(channel: ProviderChannel): Promise<OrderRow> {
  const order = await orderAt(flow, channel, { expiresInMs: HOUR_MS });
  const closed = await end(flow, order);
  expect(closed.status).toBe('closed');
  return closed;
}

const resolve = (id: string, resolution: Resolution) =>
  resolveOperatorItem(flow.context, id, { resolution, reason: 'looked into' }, 'user:operator');

describe('M5 M7 a payment of a closed order', () => {
  it.each(['alipay', 'wechat', 'stripe'] as const)(
    'goes back by itself at %s, once, and nobody is asked',
    async (channel) => {
      const order = await expired(channel);
      const row = await payTooLate(order, channel, 3);
      expect(row).toMatchObject({ source: 'suspense', status: 'processing', amount: 10_000 });
      await deliverRefund(db, flow.context.temporal, row.id);
      expect((await settleAt(flow, row.id)).status).toBe('succeeded');
      expect(await itemsOf(db, order)).toEqual([]);
      expect((await orderByNo(db, order.orderNo)).status).toBe('closed');
      const story = await timelineOf(db, order);
      expect(story.filter((type) => type === 'payment.returned')).toHaveLength(1);
    },
  );

  it('that the provider refuses to take back waits for an operator, who asks again', async () => {
    const order = await expired('wechat');
    const row = await payTooLate(order, 'wechat');
    await deliverRefund(db, flow.context.temporal, row.id);
    expect((await settleAt(flow, row.id, 'fail')).status).toBe('failed');
    expect(await suspense(db)).toBe(10_000);
    const item = await itemFor(db, row.id);
    expect(item).toMatchObject({ kind: 'failed_refund', status: 'open', orderNo: order.orderNo });
    const resolved = await resolve(item.id, 'retry');
    expect(resolved).toMatchObject({ status: 'resolved', resolution: 'retry', resolvedBy: 'user:operator' });
    // The same word again starts nothing.
    expect(await resolve(item.id, 'retry')).toEqual(resolved);
    expect(await refusalOf(resolve(item.id, 'settled_by_hand'))).toMatchObject({ code: 'conflict' });
    await flow.context.inline.drain();
    const [, again, ...more] = await refundsOf(db, order);
    expect(more).toEqual([]);
    expect((await settleAt(flow, again?.id ?? '')).status).toBe('succeeded');
    expect(await timelineOf(db, order)).toContain('operator_item.resolved');
  });

  it('that the provider refuses to take back leaves suspense when it was settled by hand', async () => {
    const order = await expired('wechat');
    const row = await payTooLate(order, 'wechat');
    await deliverRefund(db, flow.context.temporal, row.id);
    await settleAt(flow, row.id, 'abnormal');
    await resolve((await itemFor(db, row.id)).id, 'settled_by_hand');
  });
});

describe('M5 a second provider transaction', () => {
  it('of a paid order goes back by itself, and the order goes on unchanged', async () => {
    const order = await orderAt(flow, 'alipay');
    const scene = { scene: 'qr' as const, openid: null, clientIp: null, returnUrl: null, by: 'test' };
    const second = await payByProvider(flow.context, order, { channel: 'wechat', ...scene });
    await flow.providers.control('POST', `/trades/${second.outTradeNo}/pay`, { notify: false });
    const { tradeNo } = await tradeOf(flow, second.outTradeNo);
    await arriveFrom(flow, 'wechat', order, { tradeNo, outTradeNo: second.outTradeNo });
    await flow.settled(order.orderNo);
    const paid = await orderByNo(db, order.orderNo);
    expect(paid).toMatchObject({ status: 'paid', paidChannel: 'wechat' });
    const row = await payTooLate(order, 'alipay');
    expect(row).toMatchObject({ channel: 'alipay', outTradeNo: order.orderNo, reason: 'second_payment' });
    await deliverRefund(db, flow.context.temporal, row.id);
    await settleAt(flow, row.id);
    expect(await orderByNo(db, order.orderNo)).toEqual(paid);
    expect(await end(flow, order)).toMatchObject({ status: 'completed', refunded: 0 });
  });
});

describe('W3 a payment of another amount', () => {
  async function paidOneFenLess(): Promise<OrderRow> {
    const order = await orderAt(flow, 'wechat');
    const wrong = { notify: false, amount: 9_999 };
    await flow.providers.control('POST', `/trades/${order.orderNo}/pay`, wrong);
    const { tradeNo } = await tradeOf(flow, order.orderNo);
    await arriveFrom(flow, 'wechat', order, { tradeNo, amount: 9_999 });
    await flow.settled(order.orderNo);
    return order;
  }

  it('goes back when an operator says so, once', async () => {
    const order = await paidOneFenLess();
    expect(await suspense(db)).toBe(9_999);
    const [item] = await itemsOf(db, order);
    await resolve(item?.id ?? '', 'refund');
    await resolve(item?.id ?? '', 'refund');
    await flow.context.inline.drain();
    const [row, ...others] = await refundsOf(db, order);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ amount: 9_999, captured: 9_999, decidedBy: 'user:operator' });
    expect((await settleAt(flow, row?.id ?? '')).status).toBe('succeeded');
    await end(flow, order);
  });

  it('is the platform’s when an operator says so', async () => {
    const order = await paidOneFenLess();
    const [item] = await itemsOf(db, order);
    await resolve(item?.id ?? '', 'keep');
    expect(await refusalOf(resolve(item?.id ?? '', 'refund'))).toMatchObject({ code: 'conflict' });
    expect(await refundsOf(db, order)).toEqual([]);
    await end(flow, order);
  });

  it('M4 is in the books once when the same trade turns out to have the right amount', async () => {
    const order = await orderAt(flow, 'wechat');
    await flow.providers.control('POST', `/trades/${order.orderNo}/pay`, { notify: false });
    const { tradeNo } = await tradeOf(flow, order.orderNo);
    await arriveFrom(flow, 'wechat', order, { tradeNo, amount: 1 });
    await flow.settled(order.orderNo);
    expect(await suspense(db)).toBe(1);
    await arriveFrom(flow, 'wechat', order, { tradeNo });
    await flow.settled(order.orderNo);
    const paid = await orderByNo(db, order.orderNo);
    expect(paid).toMatchObject({ status: 'paid', captured: 10_000 });
    expect(await suspense(db)).toBe(0);
    expect(await itemsOf(db, order)).toMatchObject([{ status: 'resolved', resolution: 'superseded' }]);
    await end(flow, order);
  });

  it('told of a trade that has paid its order is no more money', async () => {
    const order = await payAt(flow, 'wechat', await orderAt(flow, 'wechat'));
    const { tradeNo } = await tradeOf(flow, order.orderNo);
    await arriveFrom(flow, 'wechat', order, { tradeNo, amount: 1 });
    await flow.settled(order.orderNo);
    expect(await suspense(db)).toBe(0);
    const [item] = await itemsOf(db, order);
    expect(item).toMatchObject({ details: { inSuspense: false } });
    expect(await refusalOf(resolve(item?.id ?? '', 'refund'))).toMatchObject({ code: 'conflict' });
    expect((await resolve(item?.id ?? '', 'settled_by_hand')).status).toBe('resolved');
    await end(flow, order);
  });
});

describe('a refund of an order that its provider refused', () => {
  it('is asked for again by an operator while the money is held, and the release waits', async () => {
    const order = await paidAt(flow, 'wechat');
    const asked = { by: 'user:test', idempotencyKey: null };
    const refund = await requestRefund(flow.context, order, { amountFen: null, reason: 'x' }, asked);
    await decideRefund(flow.context, refund, { approve: true, reason: 'y' }, asked);
    await settleAt(flow, refund.id, 'fail');
    await flow.settled(order.orderNo);
    await resolve((await itemFor(db, refund.id)).id, 'retry');
    const [, again] = await refundsOf(db, order);
    // The order's workflow has not been told: SQL alone keeps the money.
    expect(await orderByNo(db, order.orderNo)).toMatchObject({ status: 'refund_requested', money: 'held' });
    await flow.context.inline.drain();
    await settleAt(flow, again?.id ?? '');
    expect(await end(flow, order)).toMatchObject({ status: 'refunded', refunded: 10_000 });
  });
});
