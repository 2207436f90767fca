/** T5 a worker that goes away in the middle of an order, and another one that has never seen it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { walletOf } from '../../ledger/balances.js';
import { sqlAs } from '../support/database.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  BY_TEST,
  decide,
  end,
  paidOrder,
  shopOrder,
  stepStatuses,
  stepsOf,
  suspense,
  timelineOf,
  unpaidOrder,
} from '../support/journeys.js';
import {
  BUYER,
  SELLER,
  addSmsTemplate,
  addUsers,
  arrive,
  giveCash,
  newOrder,
  openAttempt,
  orderWhen,
  until,
} from '../support/world.js';

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow({ realServer: true });
  db = flow.context.db;
  await addUsers(db);
  await addSmsTemplate(db, '111');
  await giveCash(db, BUYER, 1_000);
});
afterAll(() => flow.close());

const message = { type: 2, smsId: 111, mobile: '13500000000' };

describe('T5 with no worker', () => {
  it('an order is created, paid and told of five times, and is taken up once when a worker comes', async () => {
    await flow.stopWorker();
    await flow.readClock();
    const order = await newOrder(flow.context, { nextAction: message });
    await openAttempt(db, order);
    for (let time = 1; time <= 5; time++) {
      await arrive(flow.context, {
        outTradeNo: order.orderNo,
        amount: 10_000,
        paidAtMs: await flow.readClock(),
      });
    }
    expect(await orderByNo(db, order.orderNo)).toEqual(order);
    await flow.startWorker();
    await orderWhen(db, order.orderNo, ({ chain }) => chain === 'done');
    expect((await timelineOf(db, order)).filter((type) => type === 'payment.received')).toHaveLength(1);
    expect(await suspense(db)).toBe(0);
    expect((await confirmed(order)).status).toBe('completed');
  });
});

describe('T1 T2 a worker that goes while a step is being tried', () => {
  it('leaves every effect single: the finished step is not run again, the open one goes on', async () => {
    const id = await shopOrder(flow, 100);
    await sqlAs(flow.database.ownerUrl, (sql) => sql`ALTER TABLE sms_outbox RENAME TO sms_away`);
    const order = await unpaidOrder(flow, { nextAction: { type: 0, id, nextAction: message } });
    await arrive(flow.context, {
      outTradeNo: order.orderNo,
      amount: 10_000,
      paidAtMs: await flow.readClock(),
    });
    await until(async () => ((await stepsOf(db, order))[1]?.attempts ?? 0) >= 1);
    await flow.stopWorker();
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded', '0.0 running']);
    await sqlAs(flow.database.ownerUrl, (sql) => sql`ALTER TABLE sms_away RENAME TO sms_outbox`);
    await flow.startWorker();
    await orderWhen(db, order.orderNo, ({ chain }) => chain === 'done');
    expect((await stepsOf(db, order))[0]?.attempts).toBe(1);
    expect((await walletOf(db, BUYER)).cash).toBe(900);
    const events = await flow.settled(order.orderNo);
    const scheduled = events.filter(({ type }) => type === 'ACTIVITY_TASK_SCHEDULED');
    expect(scheduled.map(({ attributes }) => attributes['activityId'])).toEqual(['0', '0.0']);
    await confirmed(order);
  });
});

describe('T5 a worker that has never seen an order', () => {
  it('confirms one that is held', async () => {
    const order = await paidOrder(flow);
    const before = (await walletOf(db, SELLER)).withdrawable;
    await flow.stopWorker();
    await flow.startWorker();
    expect((await confirmOrder(flow.context, order, BY_TEST)).status).toBe('completed');
    expect((await walletOf(db, SELLER)).withdrawable - before).toBe(10_000);
    await confirmed(order);
  });

  it('goes on from a parked step', async () => {
    const order = await paidOrder(flow, { nextAction: { type: 0, id: 999_999_999 } });
    await flow.stopWorker();
    await flow.startWorker();
    await decide(flow, order, '0', {
      verdict: 'edit',
      reason: 'x',
      parameters: { id: await shopOrder(flow, 100) },
    });
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    expect((await confirmed(order)).status).toBe('completed');
  });

  it('drops a payment that was taken before it came', async () => {
    const order = await unpaidOrder(flow);
    const inboxId = await arrive(flow.context, {
      outTradeNo: order.orderNo,
      amount: 10_000,
      paidAtMs: await flow.readClock(),
    });
    await orderWhen(db, order.orderNo, ({ money }) => money === 'held');
    await flow.stopWorker();
    await flow.startWorker();
    await flow.workflow(order.orderNo).signal('paymentReceived', { inboxId });
    await flow.settled(order.orderNo);
    expect((await confirmed(order)).captured).toBe(10_000);
    expect(await suspense(db)).toBe(0);
  });
});

/** Ends an order: no time is skipped here. */
async function confirmed(order: OrderRow): Promise<OrderRow> {
  await confirmOrder(flow.context, await orderByNo(db, order.orderNo), BY_TEST);
  return end(flow, order);
}
