/** What parties and operators decide: by Temporal Updates, refused with a reason, answered from SQL afterwards. */
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type StepVerdict,
  cancelOrder,
  closeOrderChat,
  confirmOrder,
  decideStep,
} from '../../commands/decide-order.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { outbox } from '../../db/schema.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  BY_TEST,
  decide,
  end,
  paidOrder,
  shopOrder,
  stepsOf,
  timelineOf,
  unpaidOrder,
} from '../support/journeys.js';
import { BUYER, SELLER, addUsers, giveCash, newOrder } from '../support/world.js';

let flow: Flow;
beforeAll(async () => {
  flow = await startFlow();
  await addUsers(flow.context.db);
});
afterAll(() => flow.close());

const now = ({ orderNo }: OrderRow): Promise<OrderRow> => orderByNo(flow.context.db, orderNo);

/** The reason with which the workflow itself refuses an Update, whatever SQL would have said first. */
async function refusedUpdate({ orderNo }: OrderRow, name: string, input: object): Promise<string> {
  try {
    await flow.workflow(orderNo).executeUpdate(name, { args: [{ by: 'test', ...input }] });
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
      return `${error.cause.type}: ${error.cause.message}`;
    }
    throw error;
  }
  return 'taken';
}

const updatesIn = async ({ orderNo }: OrderRow): Promise<number> =>
  (await flow.events(orderNo)).filter(({ type }) => type === 'WORKFLOW_EXECUTION_UPDATE_ACCEPTED').length;

const parkedOrder = (): Promise<OrderRow> => paidOrder(flow, { nextAction: { type: 0, id: 999_999_999 } });

describe('a wish that does not fit is refused with its reason, and leaves no trace', () => {
  it('for an unpaid order', async () => {
    const order = await unpaidOrder(flow);
    expect(await refusedUpdate(order, 'confirm', {})).toBe(
      'order_not_confirmable: a deal that is unpaid cannot be confirmed',
    );
    expect(await refusedUpdate(order, 'closeChat', {})).toBe('conflict: this order has no open chat');
    expect(await refusedUpdate(order, 'retryAction', { path: '0' })).toBe(
      'step_not_found: this order has no step 0',
    );
    expect(await refusalOf(confirmOrder(flow.context, order, BY_TEST))).toMatchObject({
      code: 'order_not_confirmable',
    });
    expect(await refusalOf(closeOrderChat(flow.context, order, BY_TEST))).toMatchObject({ code: 'conflict' });
    expect(
      await refusalOf(decideStep(flow.context, order, '0', { verdict: 'retry' }, BY_TEST)),
    ).toMatchObject({
      code: 'step_not_found',
    });
    expect([await updatesIn(order), await now(order)]).toEqual([0, order]);
    await cancelOrder(flow.context, order, 'done', BY_TEST);
  });

  it('for a paid order', async () => {
    const order = await paidOrder(flow, { nextAction: { type: 0, id: await paidFor() } });
    expect(await refusedUpdate(order, 'cancel', { reason: 'x' })).toBe(
      'order_not_cancellable: an order that is paid cannot be cancelled',
    );
    expect(await refusedUpdate(order, 'closeChat', {})).toBe('conflict: this order has no open chat');
    for (const name of ['retryAction', 'skipAction', 'editAction']) {
      const wish = { path: '0', reason: 'x', parameters: {} };
      expect(await refusedUpdate(order, name, wish)).toBe('step_not_parked: step 0 is not parked');
    }
    expect(await refusalOf(cancelOrder(flow.context, order, 'x', BY_TEST))).toMatchObject({
      code: 'order_not_cancellable',
    });
    expect(
      await refusalOf(decideStep(flow.context, order, '0', { verdict: 'retry' }, BY_TEST)),
    ).toMatchObject({
      code: 'step_not_parked',
      message: 'step 0 is succeeded',
    });
    expect(await updatesIn(order)).toBe(0);
    await end(flow, order);
  });

  it('for a topup, which nobody confirms', async () => {
    const order = await paidOrder(flow, { kind: 'topup', nextAction: { type: 0, id: 999_999_999 } });
    expect(await refusedUpdate(order, 'confirm', {})).toMatch(/^order_not_confirmable: a topup/);
    expect(await refusalOf(confirmOrder(flow.context, order, BY_TEST))).toMatchObject({
      code: 'order_not_confirmable',
    });
    await decide(flow, order, '0', { verdict: 'skip', reason: 'x' });
  });

  it('for another step than the one that is parked', async () => {
    const order = await paidOrder(flow, { nextAction: { type: 0, id: '999999998,999999999' } });
    expect(await refusedUpdate(order, 'skipAction', { path: '0:999999999', reason: 'x' })).toBe(
      'step_not_parked: step 0:999999999 is not parked',
    );
    expect(await refusedUpdate(order, 'skipAction', { path: '1', reason: 'x' })).toBe(
      'step_not_found: this order has no step 1',
    );
    await decide(flow, order, '0:999999998', { verdict: 'skip', reason: 'x' });
    await decide(flow, order, '0:999999999', { verdict: 'skip', reason: 'x' });
    await end(flow, order);
  });
});

describe('a repeat answers the same', () => {
  it('for a confirm, while the order runs and after it has ended', async () => {
    const order = await paidOrder(flow, { chatId: 'room_1' });
    const confirmed = await confirmOrder(flow.context, order, BY_TEST);
    expect(confirmed).toMatchObject({ status: 'completed', releasedBy: 'user:test' });
    expect(await confirmOrder(flow.context, order, { by: 'another', idempotencyKey: null })).toEqual(
      confirmed,
    );
    expect(await refusedUpdate(order, 'confirm', {})).toBe('taken');
    await end(flow, order);
    expect(await confirmOrder(flow.context, order, BY_TEST)).toEqual(confirmed);
  });

  it('for a cancel, also from somebody who still sees the order unpaid', async () => {
    const order = await unpaidOrder(flow);
    const closed = await cancelOrder(flow.context, order, 'changed my mind', BY_TEST);
    expect(closed).toMatchObject({ status: 'closed', closedReason: 'changed my mind' });
    await end(flow, order);
    expect(await cancelOrder(flow.context, order, 'again', BY_TEST)).toEqual(closed);
  });

  it('for a close of the chat, also after the order has ended', async () => {
    const order = await paidOrder(flow, { chatId: 'room_1' });
    const closed = await closeOrderChat(flow.context, order, BY_TEST);
    // Somebody who still sees the chat open.
    expect((await closeOrderChat(flow.context, order, BY_TEST)).chatClosedAt).toEqual(closed.chatClosedAt);
    await end(flow, order);
    expect((await closeOrderChat(flow.context, await now(order), BY_TEST)).chatClosedAt).toEqual(
      closed.chatClosedAt,
    );
    expect((await timelineOf(flow.context.db, order)).filter((type) => type === 'chat.closed')).toHaveLength(
      1,
    );
  });

  it('under one idempotency key, as one Update', async () => {
    const order = await paidOrder(flow, { chatId: 'room_1' });
    const asked = { by: 'back end', idempotencyKey: 'k1' };
    const answers = await Promise.all([1, 2, 3].map(() => confirmOrder(flow.context, order, asked)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(await updatesIn(order)).toBe(1);
    await end(flow, order);
  });
});

describe('an order that has ended', () => {
  it('is told of from SQL', async () => {
    const released = await end(flow, await paidOrder(flow));
    expect(await refusalOf(cancelOrder(flow.context, released, 'x', BY_TEST))).toMatchObject({
      code: 'order_not_cancellable',
    });
    const closed = await unpaidOrder(flow);
    await cancelOrder(flow.context, closed, 'x', BY_TEST);
    await end(flow, closed);
    const seenUnpaid = confirmOrder(flow.context, { ...closed, money: 'held' }, BY_TEST);
    expect(await refusalOf(seenUnpaid)).toMatchObject({ code: 'order_not_confirmable' });
    expect(await refusalOf(closeOrderChat(flow.context, released, BY_TEST))).toMatchObject({
      code: 'conflict',
    });
  });
});

describe('a correction of a parked step', () => {
  it.each<[string, StepVerdict, string]>([
    ['to no id', { verdict: 'edit', reason: 'x', parameters: {} }, 'invalid_next_action'],
    ['to an OD number', { verdict: 'edit', reason: 'x', parameters: { id: 'OD18' } }, 'invalid_next_action'],
    ['to two ids', { verdict: 'edit', reason: 'x', parameters: { id: '1,2' } }, 'invalid_next_action'],
    ['to a list', { verdict: 'edit', reason: 'x', parameters: [] }, 'invalid_next_action'],
  ])('is refused %s, and the step stays parked', async (_what, wish, code) => {
    const order = await parkedOrder();
    expect(await refusalOf(decideStep(flow.context, order, '0', wish, BY_TEST))).toMatchObject({ code });
    expect(await stepsOf(flow.context.db, order)).toMatchObject([
      { status: 'parked', parameters: { id: '999999999' } },
    ]);
    expect(await updatesIn(order)).toBe(0);
    await decide(flow, order, '0', { verdict: 'skip', reason: 'x' });
  });

  it('may not point at somebody else’s thing', async () => {
    const order = await parkedOrder();
    const parameters = { id: await shopOrder(flow, 10, SELLER) };
    const wish = { verdict: 'edit', reason: 'x', parameters } as const;
    expect(await refusalOf(decideStep(flow.context, order, '0', wish, BY_TEST))).toMatchObject({
      code: 'not_owner',
    });
    expect(await updatesIn(order)).toBe(0);
    await decide(flow, order, '0', { verdict: 'skip', reason: 'x' });
  });

  it('keeps the type, replaces the parameters, and is on record with its reason', async () => {
    const order = await parkedOrder();
    const id = await paidFor();
    await decide(flow, order, '0', { verdict: 'edit', reason: 'a typo', parameters: { id, type: 2 } });
    expect(await stepsOf(flow.context.db, order)).toMatchObject([
      { status: 'succeeded', name: 'payShopOrder', parameters: { id } },
    ]);
    expect(await timelineOf(flow.context.db, order)).toContain('action.edited');
    await end(flow, order);
  });
});

describe('W6 a wish that beats the start of its order’s workflow', () => {
  it('starts it', async () => {
    await flow.readClock();
    const idle = { ...flow.context, inline: { ...flow.context.inline, start: () => undefined } };
    const order = await newOrder(idle);
    const closed = await cancelOrder(flow.context, order, 'at once', BY_TEST);
    expect(closed).toMatchObject({ status: 'closed', closedReason: 'at once' });
    const rows = await flow.context.db.select().from(outbox);
    expect(rows.find(({ orderNo }) => orderNo === order.orderNo)?.doneAt).not.toBeNull();
  });
});

/** A shop order that the buyer can pay for. */
async function paidFor(): Promise<string> {
  await giveCash(flow.context.db, BUYER, 10);
  return shopOrder(flow, 10);
}
