/** Refunds in the life of an order: what they stop, what goes on after them, and where the money is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { fen } from '../../domain/money.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import type { RefundRow } from '../../db/refunds.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  BY_TEST,
  HOUR_MS,
  PAY_PASSWORD,
  addRichBuyer,
  end,
  itemsOf,
  paidOrder,
  timelineOf,
} from '../support/journeys.js';
import { paidAt, refundWhen, settleAt } from '../support/refunds.js';
import { BUYER, SELLER, newOrder, orderWhen } from '../support/world.js';

const DAY_MS = 24 * HOUR_MS;
const OPERATOR = { by: 'user:operator', idempotencyKey: null };

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addRichBuyer(db);
});
afterAll(() => flow.close());

const now = ({ orderNo }: OrderRow): Promise<OrderRow> => orderByNo(db, orderNo);
const earned = async (): Promise<number> => (await walletOf(db, SELLER)).withdrawable;

async function ask(order: OrderRow, amount: number | null = null): Promise<RefundRow> {
  await flow.readClock();
  const wish = { amountFen: amount === null ? null : fen(amount), reason: 'no lesson' };
  return requestRefund(flow.context, order, wish, BY_TEST);
}

async function decide(refund: RefundRow, approve: boolean): Promise<RefundRow> {
  await flow.readClock();
  return decideRefund(flow.context, refund, { approve, reason: 'looked into' }, OPERATOR);
}

/** When the release is due as the workflow sees it, less the workflow's own clock. */
const endedAtMs = async ({ orderNo }: OrderRow): Promise<number> =>
  (await flow.events(orderNo)).at(-1)?.timeMs ?? 0;

const timersOf = async ({ orderNo }: OrderRow): Promise<number> =>
  (await flow.events(orderNo)).filter(({ type }) => type === 'TIMER_STARTED').length;

describe('a refund of held money', () => {
  it('M8 freezes the auto-confirm clock for as long as nobody decides', async () => {
    const order = await paidOrder(flow);
    const refund = await ask(order);
    expect((await now(order)).status).toBe('refund_requested');
    await flow.settled(order.orderNo);
    const timers = await timersOf(order);
    await flow.environment.sleep(3 * DAY_MS);
    await flow.settled(order.orderNo);
    expect(await now(order)).toMatchObject({ money: 'held', status: 'refund_requested' });
    // A dispute has no deadline: it waits for a person, not for a timer.
    expect(await timersOf(order)).toBe(timers);
    await decide(refund, false);
    await end(flow, order);
  });

  it('M8 a rejection resumes the clock with exactly the time that was left', async () => {
    const order = await paidOrder(flow);
    await flow.environment.sleep(HOUR_MS);
    const refund = await ask(order);
    await flow.environment.sleep(5 * DAY_MS);
    const rejected = await decide(refund, false);
    const resumed = await now(order);
    const keptMs = (rejected.decidedAt?.getTime() ?? 0) - refund.createdAt.getTime();
    expect(keptMs).toBeGreaterThanOrEqual(5 * DAY_MS);
    const dueMs = (order.releaseDueAt?.getTime() ?? 0) + keptMs;
    expect(resumed).toMatchObject({ status: 'paid', refundOpen: false, releaseDueAt: new Date(dueMs) });
    await flow.settled(order.orderNo);
    await flow.environment.sleep(dueMs - (await flow.readClock()) - 1_000);
    await flow.settled(order.orderNo);
    expect((await now(order)).money).toBe('held');
    expect(await end(flow, order)).toMatchObject({ status: 'completed', releasedBy: 'auto-confirm' });
    // Not a millisecond early.
    expect(await endedAtMs(order)).toBeGreaterThanOrEqual(dueMs);
    expect((await endedAtMs(order)) - dueMs).toBeLessThan(1_000);
  });

  it.each(['alipay', 'wechat', 'stripe'] as const)(
    'M6 goes back in full at %s, and the seller gets nothing',
    async (channel) => {
      const order = await paidAt(flow, channel);
      const before = await earned();
      const refund = await ask(order);
      expect((await decide(refund, true)).status).toBe('processing');
      expect((await now(order)).status).toBe('refund_requested');
      expect((await settleAt(flow, refund.id)).status).toBe('succeeded');
      expect(await end(flow, order)).toMatchObject({
        status: 'refunded',
        money: 'released',
        refunded: 10_000,
        releasedBy: 'refund',
      });
      expect(await earned()).toBe(before);
      expect(await refusalOf(confirmOrder(flow.context, await now(order), BY_TEST))).toMatchObject({
        code: 'order_not_confirmable',
      });
    },
  );

  it.each(['alipay', 'wechat', 'stripe'] as const)(
    'M6 goes back in parts at %s, never above what was paid, and the rest is released with its fee',
    async (channel) => {
      const order = await paidAt(flow, channel);
      const before = await earned();
      for (const [amount, status] of [
        [2_500, 'paid'],
        [500, 'paid'],
      ] as const) {
        const refund = await ask(order, amount);
        await decide(refund, true);
        await settleAt(flow, refund.id);
        expect(await orderWhen(db, order.orderNo, ({ refundOpen }) => !refundOpen)).toMatchObject({ status });
      }
      expect(await refusalOf(ask(order, 7_001))).toMatchObject({ code: 'refund_not_possible' });
      expect((await now(order)).status).toBe('paid');
      await flow.settled(order.orderNo);
      expect(await end(flow, order)).toMatchObject({ status: 'partially_refunded', refunded: 3_000 });
      expect((await earned()) - before).toBe(7_000);
    },
  );

  it.each(['fail', 'abnormal'] as const)(
    'that the provider ends with %s is put back with an operator item, and the clock runs on',
    async (result) => {
      const order = await paidAt(flow, 'wechat');
      const before = await earned();
      const refund = await ask(order);
      await decide(refund, true);
      expect((await walletOf(db, SELLER)).held).toBe(0);
      expect((await settleAt(flow, refund.id, result)).status).toBe('failed');
      expect(await now(order)).toMatchObject({ status: 'paid', refunded: 0, refundOpen: false });
      expect((await walletOf(db, SELLER)).held).toBe(10_000);
      expect(await itemsOf(db, order)).toMatchObject([{ kind: 'failed_refund', status: 'open' }]);
      await flow.settled(order.orderNo);
      expect(await end(flow, order)).toMatchObject({ status: 'completed', releasedBy: 'auto-confirm' });
      expect((await earned()) - before).toBe(10_000);
    },
  );

  it('M6 that came to nothing at Alipay is posted again under its number, and made once', async () => {
    const order = await paidAt(flow, 'alipay');
    const refund = await ask(order);
    await decide(refund, true);
    expect((await settleAt(flow, refund.id, 'fail')).status).toBe('succeeded');
    const route = `/refunds?outTradeNo=${order.orderNo}`;
    expect(await flow.providers.control('GET', route)).toMatchObject({
      data: [{ outRefundNo: refund.id, status: 'succeeded', amount: 10_000 }],
    });
    expect(await itemsOf(db, order)).toEqual([]);
    expect((await end(flow, order)).status).toBe('refunded');
  });

  it('is still processing while the provider says so, and has succeeded when it says that', async () => {
    const order = await paidAt(flow, 'wechat');
    const refund = await ask(order);
    await decide(refund, true);
    expect((await refundWhen(db, refund.id, 'processing')).status).toBe('processing');
    expect(await refusalOf(ask(order))).toMatchObject({ code: 'refund_not_possible' });
    const settled = await settleAt(flow, refund.id);
    expect(settled.providerRefundNo).toMatch(/^503/);
    expect(settled.startDueAt).toBeNull();
    await end(flow, order);
  });

  it('of a wallet payment is back at once', async () => {
    await flow.readClock();
    const order = await newOrder(flow.context);
    const before = (await walletOf(db, BUYER)).cash;
    await payFromWallet(flow.context, order, PAY_PASSWORD);
    await flow.context.inline.drain();
    await flow.settled(order.orderNo);
    const refund = await ask(await now(order));
    expect((await decide(refund, true)).status).toBe('succeeded');
    expect((await walletOf(db, BUYER)).cash).toBe(before);
    expect((await end(flow, order)).status).toBe('refunded');
  });

  it('decided twice, and otherwise afterwards', async () => {
    const order = await paidOrder(flow);
    const refund = await ask(order, 1_000);
    const [one, two] = await Promise.all([decide(refund, false), decide(refund, false)]);
    expect([one.status, two.status]).toEqual(['rejected', 'rejected']);
    expect((await decide(await refundWhen(db, refund.id, 'rejected'), false)).status).toBe('rejected');
    expect(await refusalOf(decide(refund, true))).toMatchObject({ code: 'refund_decided' });
    expect((await timelineOf(db, order)).filter((type) => type === 'refund.rejected')).toHaveLength(1);
    await end(flow, order);
  });

  it('M8 stops the buyer’s confirm for as long as it is open', async () => {
    const order = await paidOrder(flow);
    const refund = await ask(order, 1_000);
    expect(await refusalOf(confirmOrder(flow.context, order, BY_TEST))).toMatchObject({
      code: 'order_not_confirmable',
      message: 'a refund of this order is open',
    });
    await decide(refund, false);
    expect((await confirmOrder(flow.context, order, BY_TEST)).status).toBe('completed');
    await end(flow, order);
  });
});

describe('a refund of released money', () => {
  it('comes from the seller while the chat is still open, and the chat stays open', async () => {
    const order = await paidAt(flow, 'alipay', { chatId: 'room_1' });
    await confirmOrder(flow.context, order, BY_TEST);
    const before = await earned();
    const refund = await ask(await now(order), 4_000);
    await decide(refund, true);
    await settleAt(flow, refund.id);
    expect(await now(order)).toMatchObject({ status: 'partially_refunded', refunded: 4_000 });
    expect(before - (await earned())).toBe(4_000);
    expect(await flow.workflow(order.orderNo).query('state')).toMatchObject({ chatOpen: true });
    await end(flow, order);
  });

  it('comes from the seller when the order’s workflow has long ended', async () => {
    const order = await paidAt(flow, 'wechat');
    // Confirmed, so that no time has to pass: a wait for the end may skip past the time for refunds.
    const released = await confirmOrder(flow.context, order, BY_TEST);
    while ((await flow.events(order.orderNo)).at(-1)?.type !== 'WORKFLOW_EXECUTION_COMPLETED') {
      await flow.settled(order.orderNo);
    }
    const before = await earned();
    const refund = await ask(released);
    expect((await now(order)).status).toBe('refund_requested');
    await decide(refund, true);
    await settleAt(flow, refund.id);
    expect((await now(order)).status).toBe('refunded');
    expect(before - (await earned())).toBe(10_000);
  });

  it('is refused once the time for refunds is over', async () => {
    const order = await paidAt(flow, 'wechat', { autoConfirmAfterMs: HOUR_MS });
    const released = await end(flow, order);
    await flow.environment.sleep(7 * DAY_MS);
    expect(await refusalOf(ask(released))).toMatchObject({
      code: 'refund_not_possible',
      details: { reason: 'too_late' },
    });
  });
});

describe('M4 after all of this', () => {
  it('the books balance', async () => {
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
