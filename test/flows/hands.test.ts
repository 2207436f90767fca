/** People with Temporal's UI: what they do to a workflow must not cost anybody money. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import { orderByNo } from '../../db/orders.js';
import { type Flow, startFlow } from '../support/flow.js';
import { addUsers, arrive, newOrder, openAttempt, orderWhen } from '../support/world.js';

const asked = { by: 'user:test', idempotencyKey: null };

describe('a hand at a workflow in Temporal', () => {
  let flow: Flow;
  beforeAll(async () => {
    flow = await startFlow();
    await addUsers(flow.database.db);
  });
  afterAll(() => flow.close());

  const pay = async (orderNo: string, amount: number): Promise<void> => {
    await arrive(flow.context, { outTradeNo: orderNo, amount, paidAtMs: await flow.readClock() });
  };

  it('T6 that requests cancellation leaves a held order to its end', async () => {
    const { context } = flow;
    await flow.readClock();
    const order = await newOrder(context);
    await openAttempt(context.db, order);
    await pay(order.orderNo, order.amount);
    const held = await orderWhen(context.db, order.orderNo, ({ money }) => money === 'held');
    await flow.workflow(order.orderNo).cancel();
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
});
