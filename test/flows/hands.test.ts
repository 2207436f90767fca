/** People with Temporal's UI: what they do to a workflow must not cost anybody money. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewOrder } from '../../commands/create-order.js';
import { confirmOrder, decideStep } from '../../commands/decide-order.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { HoldfastError } from '../../domain/errors.js';
import { findStuck, restart } from '../../relay/stuck.js';
import { sqlAs } from '../support/database.js';
import { type Flow, startFlow } from '../support/flow.js';
import { itemsOf, newShopOrderId, timelineOf } from '../support/journeys.js';
import {
  BUYER,
  addShopOrder,
  addSmsTemplate,
  addUsers,
  arrive,
  newOrder,
  openAttempt,
  orderWhen,
  until,
} from '../support/world.js';

const message = { type: 2, smsId: 111, mobile: '13500000000' };
const asked = { by: 'user:test', idempotencyKey: null };

describe('a hand at a workflow in Temporal', () => {
  let flow: Flow;
  beforeAll(async () => {
    flow = await startFlow({ realServer: true });
    await addUsers(flow.database.db);
    await addSmsTemplate(flow.database.db, '111');
  });
  afterAll(() => flow.close());

  const pay = async (orderNo: string, amount: number): Promise<void> => {
    await arrive(flow.context, { outTradeNo: orderNo, amount, paidAtMs: await flow.readClock() });
  };

  const heldOrder = async (wish: Partial<NewOrder> = {}): Promise<OrderRow> => {
    const { context } = flow;
    await flow.readClock();
    const order = await newOrder(context, wish);
    await openAttempt(context.db, order);
    await pay(order.orderNo, order.amount);
    return orderWhen(context.db, order.orderNo, ({ money }) => money === 'held');
  };

  it('T6 that requests cancellation leaves a held order to its end', async () => {
    const { context } = flow;
    await flow.readClock();
    const held = await heldOrder();
    await flow.workflow(held.orderNo).cancel();
    expect((await confirmOrder(context, held, asked)).status).toBe('completed');
  });

  it('that requests cancellation of an unpaid order closes it', async () => {
    const { context } = flow;
    await flow.readClock();
    const order = await newOrder(context);
    await flow.workflow(order.orderNo).cancel();
    await flow.workflow(order.orderNo).result();
    expect(await orderByNo(context.db, order.orderNo)).toMatchObject({
      status: 'closed',
      closedReason: 'cancelled in Temporal',
    });
  });

  it('T6 that terminates an unpaid order does not lose its payment: another run takes it up', async () => {
    const { context } = flow;
    await flow.readClock();
    const order = await newOrder(context);
    await openAttempt(context.db, order);
    await flow.workflow(order.orderNo).terminate('by hand');
    await pay(order.orderNo, order.amount);
    const held = await orderWhen(context.db, order.orderNo, ({ money }) => money === 'held');
    expect((await confirmOrder(context, held, asked)).status).toBe('completed');
  });

  it('T6 that terminates a held order does not keep its buyer from confirming it', async () => {
    const { context } = flow;
    const held = await heldOrder();
    await flow.workflow(held.orderNo).terminate('by hand');
    expect((await confirmOrder(context, held, asked)).status).toBe('completed');
    expect(await timelineOf(context.db, held)).toContain('workflow.restarted');
  });

  it('T6 that terminates a held order does not keep its seller waiting: the relay finds it once it is due', async () => {
    const { context, database } = flow;
    const held = await heldOrder({ autoConfirmAfterMs: 1_000 });
    await flow.workflow(held.orderNo).terminate('by hand');
    await until(
      async () =>
        ((await orderByNo(context.db, held.orderNo)).releaseDueAt?.getTime() ?? Infinity) < Date.now(),
    );
    expect(await findStuck(context.db, 10)).toEqual([]);
    // Six minutes later, as far as the database knows.
    await sqlAs(
      database.superuserUrl,
      (sql) =>
        sql`UPDATE orders SET release_due_at = release_due_at - interval '6 minutes' WHERE id = ${held.id}`,
    );
    expect(await findStuck(context.db, 10)).toEqual([held.orderNo]);
    await restart(context.db, context.temporal, held.orderNo);
    const completed = await orderWhen(context.db, held.orderNo, ({ status }) => status === 'completed');
    expect(completed.releasedBy).toBe('auto-confirm');
    expect(await findStuck(context.db, 10)).toEqual([]);
  });

  it('T6 that terminates an order with a parked step does not keep it parked: the operator decides all the same', async () => {
    const { context } = flow;
    await flow.readClock();
    const id = newShopOrderId();
    const order = await newOrder(context, {
      kind: 'topup',
      nextAction: { type: 0, id, nextAction: message },
    });
    await openAttempt(context.db, order);
    await pay(order.orderNo, order.amount);
    await orderWhen(context.db, order.orderNo, ({ chain }) => chain === 'parked');
    await flow.workflow(order.orderNo).terminate('by hand');
    await addShopOrder(context.db, id, BUYER, 500);
    await until(async () => {
      try {
        await decideStep(
          context,
          await orderByNo(context.db, order.orderNo),
          '0',
          { verdict: 'retry' },
          asked,
        );
        return true;
      } catch (error) {
        // The new run has not come to the step yet.
        if (error instanceof HoldfastError && error.code === 'unavailable') return false;
        throw error;
      }
    });
    await orderWhen(context.db, order.orderNo, ({ status }) => status === 'completed');
    expect(await itemsOf(context.db, order)).toMatchObject([{ status: 'resolved', resolution: 'retry' }]);
  });
});
