/** Refunds when several things happen at once, when workers go, and when somebody's hand is in Temporal's UI. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { inbox, refunds } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import type { RefundRow } from '../../db/refunds.js';
import { deliverPayment } from '../../relay/payments.js';
import { deliverRefund, leaseRefunds } from '../../relay/refunds.js';
import { refundWorkflowId } from '../../workflows/contract.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  BY_TEST,
  HOUR_MS,
  PAY_PASSWORD,
  addRichBuyer,
  end,
  paidOrder,
  timelineOf,
} from '../support/journeys.js';
import { paidAt, refundWhen, refundsOf, settleAt } from '../support/refunds.js';
import { SELLER, newOrder, orderWhen, until } from '../support/world.js';

// Even rounds aim at the deadline, others well before it.
const SHORT_MS = 400;
const CLOSE_MS = 10;
const ROUNDS = Array.from({ length: 6 }, (_, round) => [round]);
const OPERATOR = { by: 'user:operator', idempotencyKey: null };
const WISH = { amountFen: null, reason: 'no lesson' };

let flow: Flow;
let db: Db;

async function start(realServer: boolean): Promise<void> {
  flow = await startFlow({ realServer });
  db = flow.context.db;
  await addRichBuyer(db);
}

async function closeBooks(): Promise<void> {
  const proof = await proveLedger(db);
  await flow.close();
  expect(proof).toMatchObject({ balanced: true });
}

const now = ({ orderNo }: OrderRow): Promise<OrderRow> => orderByNo(db, orderNo);
const earned = async (): Promise<number> => (await walletOf(db, SELLER)).withdrawable;

async function ask(order: OrderRow, idempotencyKey: string | null = null): Promise<RefundRow> {
  await flow.readClock();
  return requestRefund(flow.context, order, WISH, { ...BY_TEST, idempotencyKey });
}

async function decide(refund: RefundRow, approve: boolean): Promise<RefundRow> {
  await flow.readClock();
  return decideRefund(flow.context, refund, { approve, reason: 'looked into' }, OPERATOR);
}

// The real server: a skipped hour beside an activity that runs makes the other one skip no more.
describe('M8 confirm, auto-confirm and a refund request at once', () => {
  beforeAll(() => start(true));
  afterAll(closeBooks);

  it.each(ROUNDS)('exactly one wins (round %d)', async (round) => {
    const before = await earned();
    const order = await paidOrder(flow, { autoConfirmAfterMs: SHORT_MS });
    const dueAtMs = order.releaseDueAt?.getTime() ?? 0;
    await until(() => Promise.resolve(round % 2 !== 0 || Date.now() >= dueAtMs - CLOSE_MS));
    const acts = [
      () => confirmOrder(flow.context, order, BY_TEST),
      () => requestRefund(flow.context, order, WISH, BY_TEST),
      () => until(() => Promise.resolve(round % 2 !== 0 || Date.now() >= dueAtMs)),
    ];
    const from = round % acts.length;
    const settled = await Promise.allSettled(
      [...acts.slice(from), ...acts.slice(0, from)].map((act) => act()),
    );
    for (const one of settled) {
      // Who lost is told so, by an error of the closed list.
      if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(HoldfastError);
    }
    await flow.settled(order.orderNo);
    const after = await now(order);
    const [refund] = await refundsOf(db, order);
    const story = (await timelineOf(db, order)).filter((type) => /^(money\.released|refund\.)/.test(type));
    // Either the money is the seller's, or it is frozen; a refund that was asked for first lets nothing out.
    if (after.money === 'held') expect(story).toEqual(['refund.requested']);
    else expect(story[0]).toBe('money.released');
    expect((await earned()) - before).toBe(after.money === 'held' ? 0 : 10_000);
    if (refund !== undefined) await decide(refund, false);
    await end(flow, order);
    expect((await earned()) - before).toBe(10_000);
    expect((await timelineOf(db, order)).filter((type) => type === 'money.released')).toHaveLength(1);
  });
});

describe('M6 equal calls at once', () => {
  beforeAll(() => start(false));
  afterAll(closeBooks);

  it('open one refund, and equal approvals move its money once', async () => {
    const order = await paidAt(flow, 'wechat');
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => ask(order)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [refund, ...others] = await refundsOf(db, order);
    expect(others).toEqual([]);
    if (refund === undefined) throw new Error('nothing was asked for');
    const decided = await Promise.all(Array.from({ length: 8 }, () => decide(refund, true)));
    expect(new Set(decided.map(({ id, status }) => `${id} ${status}`)).size).toBe(1);
    await settleAt(flow, refund.id);
    expect(await end(flow, order)).toMatchObject({ status: 'refunded', refunded: 10_000 });
    expect((await timelineOf(db, order)).filter((type) => type === 'refund.approved')).toHaveLength(1);
  });

  it('under one key answer the same refund, also when it is decided', async () => {
    const order = await paidAt(flow, 'wechat');
    const asked = await Promise.all(Array.from({ length: 8 }, () => ask(order, 'one-key')));
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    const [refund] = asked;
    if (refund === undefined) throw new Error('nothing was asked for');
    await decide(refund, false);
    expect(await ask(await now(order), 'one-key')).toMatchObject({ id: refund.id, status: 'rejected' });
    expect(await now(order)).toMatchObject({ status: 'paid', refundOpen: false });
    await end(flow, order);
  });
});

describe('T6 a hand in Temporal', () => {
  beforeAll(() => start(false));
  afterAll(closeBooks);

  it('that terminates a refund’s workflow does not lose the refund: the relay starts another run', async () => {
    const order = await paidAt(flow, 'wechat');
    const refund = await ask(order);
    await decide(refund, true);
    await flow.context.inline.drain();
    const handle = flow.context.temporal.workflow.getHandle(refundWorkflowId(refund.id));
    await handle.terminate('by hand');
    expect((await refundWhen(db, refund.id, 'processing')).startDueAt?.getTime()).toBeGreaterThan(Date.now());
    // Ten minutes later.
    await db.update(refunds).set({ startDueAt: new Date() }).where(eq(refunds.id, refund.id));
    expect(await leaseRefunds(db, 10)).toContain(refund.id);
    await deliverRefund(db, flow.context.temporal, refund.id);
    expect(await settleAt(flow, refund.id)).toMatchObject({ status: 'succeeded', startDueAt: null });
    expect((await end(flow, order)).status).toBe('refunded');
  });

  it('that cancels a refund’s workflow changes nothing', async () => {
    const order = await paidAt(flow, 'wechat');
    const refund = await ask(order);
    await decide(refund, true);
    await flow.context.inline.drain();
    await flow.context.temporal.workflow.getHandle(refundWorkflowId(refund.id)).cancel();
    expect((await settleAt(flow, refund.id)).status).toBe('succeeded');
    expect((await end(flow, order)).status).toBe('refunded');
  });

  it.each([true, false])(
    'that terminates the order’s workflow does not lose its refund (asked for before: %s)',
    async (before) => {
      const order = await paidAt(flow, 'wechat');
      const early = before ? await ask(order) : undefined;
      await flow.workflow(order.orderNo).terminate('by hand');
      const refund = early ?? (await ask(order));
      expect((await decide(refund, true)).status).toBe('processing');
      await flow.context.inline.drain();
      expect((await settleAt(flow, refund.id)).status).toBe('succeeded');
      expect((await now(order)).status).toBe('refunded');
    },
  );
});

// An environment of its own: the time-skipping server skips no more after a workflow was terminated amid an activity.
describe('T6 a hand that terminates an order before its payment is known to it', () => {
  beforeAll(() => start(false));
  afterAll(closeBooks);

  it('M8 another run takes over the open refund, and the time that was left', async () => {
    await flow.readClock();
    const order = await newOrder(flow.context);
    await flow.settled(order.orderNo);
    const silent = { ...flow.context, inline: { ...flow.context.inline, payment: () => undefined } };
    await payFromWallet(silent, order, PAY_PASSWORD);
    await flow.workflow(order.orderNo).terminate('by hand');
    const paid = await now(order);
    const refund = await ask(paid);
    const [row] = await db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo));
    await deliverPayment(db, flow.context.temporal, row?.id ?? 0);
    await flow.settled(order.orderNo);
    await flow.environment.sleep(30 * HOUR_MS);
    await flow.settled(order.orderNo);
    expect(await now(order)).toMatchObject({ money: 'held', status: 'refund_requested' });
    await decide(refund, false);
    const resumed = await now(order);
    expect(resumed.releaseDueAt?.getTime()).toBeGreaterThanOrEqual(
      (paid.releaseDueAt?.getTime() ?? 0) + 30 * HOUR_MS,
    );
    expect((await end(flow, order)).releasedBy).toBe('auto-confirm');
    expect((await flow.events(order.orderNo)).at(-1)?.timeMs).toBeGreaterThanOrEqual(
      resumed.releaseDueAt?.getTime() ?? Infinity,
    );
  });
});

describe('T5 a worker that goes in the middle of a refund', () => {
  beforeAll(() => start(true));
  afterAll(closeBooks);

  it('another one sees it through, and nothing is refunded twice', async () => {
    const order = await paidAt(flow, 'wechat');
    const refund = await ask(order);
    await decide(refund, true);
    await flow.context.inline.drain();
    await flow.stopWorker();
    await flow.startWorker();
    expect((await settleAt(flow, refund.id)).status).toBe('succeeded');
    expect(await orderWhen(db, order.orderNo, ({ refundOpen }) => !refundOpen)).toMatchObject({
      status: 'refunded',
      refunded: 10_000,
    });
    await flow.workflow(order.orderNo).result();
  });

  it('with no worker nothing is stored, and the caller may repeat it', async () => {
    const order = await paidAt(flow, 'wechat');
    await flow.stopWorker();
    await expect(ask(order, 'again')).rejects.toMatchObject({ code: 'unavailable' });
    expect(await refundsOf(db, order)).toEqual([]);
    await flow.startWorker();
    const refund = await ask(order, 'again');
    await decide(refund, true);
    await settleAt(flow, refund.id);
    await flow.workflow(order.orderNo).result();
    expect((await now(order)).status).toBe('refunded');
    expect(await refundsOf(db, order)).toHaveLength(1);
  });
});
