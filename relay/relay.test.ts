/** The relay against a running Temporal, and against none. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../commands/decide-order.js';
import type { Db } from '../db/client.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { inbox, outbox, payments } from '../db/schema.js';
import { type Temporal, openTemporal } from '../temporal/connect.js';
import { refusalOf } from '../test/support/errors.js';
import { type Flow, startFlow } from '../test/support/flow.js';
import { BY_TEST, suspense, timelineOf } from '../test/support/journeys.js';
import { addUsers, arrive, leave, newOrder, openAttempt, orderWhen, until } from '../test/support/world.js';
import { createInline } from './inline.js';
import { deliverPayment } from './payments.js';
import { type Relay, startRelay } from './relay.js';
import { deliverStart } from './starts.js';

let flow: Flow;
let db: Db;
let unreachable: Temporal;
let relays: Relay[] = [];

beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addUsers(db);
  // Nobody listens on port 1.
  unreachable = openTemporal({ address: '127.0.0.1:1', namespace: 'default', payloadKey: undefined });
});
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop()));
  relays = [];
});
afterAll(async () => {
  await unreachable.close();
  await flow.close();
});

const warnings: string[] = [];
const log = { warn: (_facts: object, message: string): void => void warnings.push(message) };

function relay(temporal = flow.context.temporal): void {
  const { channels } = flow.providers;
  relays.push(startRelay({ db, temporal, channels, publicUrl: 'http://127.0.0.1:9', log }));
}

/** An order whose start nobody has tried yet, as a process leaves it that dies after the commit. */
async function committed(): Promise<OrderRow> {
  const idle = { ...flow.context, inline: { ...flow.context.inline, start: () => undefined } };
  const order = await newOrder(idle);
  await openAttempt(db, order);
  return order;
}

async function makeDue({ orderNo }: OrderRow): Promise<void> {
  await db
    .update(outbox)
    .set({ dueAt: new Date(0) })
    .where(eq(outbox.orderNo, orderNo));
  await db
    .update(inbox)
    .set({ dueAt: new Date(0) })
    .where(eq(inbox.outTradeNo, orderNo));
}

const startOf = async ({ orderNo }: OrderRow) =>
  (await db.select().from(outbox).where(eq(outbox.orderNo, orderNo)))[0];
const arrivalOf = async ({ orderNo }: OrderRow) =>
  (await db.select().from(inbox).where(eq(inbox.outTradeNo, orderNo)))[0];
const isHeld = ({ money }: OrderRow): boolean => money === 'held';
const arrival = ({ orderNo }: OrderRow) => ({ outTradeNo: orderNo, amount: 10_000, paidAtMs: Date.now() });

async function paymentsIn(order: OrderRow): Promise<number> {
  return (await timelineOf(db, order)).filter((type) => type === 'payment.received').length;
}

describe('W1 the relay', () => {
  it('starts an order whose inline attempt did not happen', async () => {
    const order = await committed();
    await expect(flow.events(order.orderNo)).rejects.toThrow();
    await makeDue(order);
    relay();
    await until(async () => (await startOf(order))?.doneAt instanceof Date);
    expect((await flow.settled(order.orderNo))[0]?.type).toBe('WORKFLOW_EXECUTION_STARTED');
  });

  it('W6 takes a payment to an order whose workflow is not started yet', async () => {
    const order = await committed();
    await arrive(flow.context, arrival(order));
    await orderWhen(db, order.orderNo, isHeld);
    expect((await startOf(order))?.doneAt).not.toBeNull();
    await flow.settled(order.orderNo);
    expect((await arrivalOf(order))?.state).toBe('applied');
  });

  it('delivers what a process left behind that died after the provider heard "success"', async () => {
    const order = await committed();
    await leave(db, arrival(order));
    expect((await arrivalOf(order))?.state).toBe('pending');
    await makeDue(order);
    relay();
    relay();
    await orderWhen(db, order.orderNo, isHeld);
    await flow.settled(order.orderNo);
    expect([await paymentsIn(order), (await arrivalOf(order))?.state]).toEqual([1, 'applied']);
  });

  it('finds by itself the payment that nobody told of', async () => {
    await flow.readClock();
    const order = await newOrder(flow.context);
    const attempt = await openAttempt(db, order);
    const direct = { channel: 'alipay', outTradeNo: order.orderNo, amount: 10_000 };
    await flow.providers.control('POST', '/trades', direct);
    await flow.providers.control('POST', `/trades/${order.orderNo}/pay`, { notify: false });
    const merchant = flow.providers.channels.alipay?.merchant ?? '';
    await db
      .update(payments)
      .set({ merchant, askAt: new Date(0) })
      .where(eq(payments.id, attempt.id));
    relay();
    expect(await orderWhen(db, order.orderNo, isHeld)).toMatchObject({ paidChannel: 'alipay' });
  });

  it('brings a second time what it brought, without a second effect', async () => {
    const order = await committed();
    const inboxId = await arrive(flow.context, arrival(order));
    for (let time = 1; time <= 3; time++) {
      // As if the lease had run out before the workflow said that it was done.
      await db.update(inbox).set({ state: 'pending' }).where(eq(inbox.id, inboxId));
      await Promise.all([
        deliverPayment(db, flow.context.temporal, inboxId),
        deliverPayment(db, flow.context.temporal, inboxId),
        deliverStart(db, flow.context.temporal, order.orderNo),
      ]);
    }
    await orderWhen(db, order.orderNo, isHeld);
    await flow.settled(order.orderNo);
    expect([await paymentsIn(order), await suspense(db)]).toEqual([1, 0]);
  });

  it('starts no second run of an order that has ended', async () => {
    const order = await committed();
    await arrive(flow.context, arrival(order));
    const confirmed = await confirmOrder(flow.context, await orderWhen(db, order.orderNo, isHeld), BY_TEST);
    const ended = await flow.settled(order.orderNo);
    await deliverStart(db, flow.context.temporal, order.orderNo);
    expect(await flow.events(order.orderNo)).toEqual(ended);
    expect(await orderByNo(db, order.orderNo)).toEqual(confirmed);
  });
});

describe('W1 with Temporal unreachable', () => {
  it('keeps every row, tries again, and delivers once it is back', async () => {
    const order = await committed();
    await leave(db, arrival(order));
    await makeDue(order);
    relay(unreachable.client);
    await until(
      async () => (await startOf(order))?.attempts === 1 && (await arrivalOf(order))?.attempts === 1,
    );
    await relays.pop()?.stop();
    expect(warnings).toContain('the relay will try again');
    expect(await startOf(order)).toMatchObject({ doneAt: null, attempts: 1 });
    expect(await arrivalOf(order)).toMatchObject({ state: 'pending' });
    expect((await orderByNo(db, order.orderNo)).money).toBe('unpaid');
    await makeDue(order);
    relay();
    await orderWhen(db, order.orderNo, isHeld);
    await flow.settled(order.orderNo);
    expect(await paymentsIn(order)).toBe(1);
  });

  it('an inline attempt never throws, and pauses after a failure', async () => {
    const told: string[] = [];
    const inline = createInline(db, unreachable.client, {
      warn: (_facts, message) => void told.push(message),
    });
    const order = await committed();
    inline.start(order.orderNo);
    await inline.drain();
    inline.start(order.orderNo);
    inline.payment(1);
    await inline.drain();
    expect(told).toEqual(['an order start is left to the relay']);
  });

  it('a decision is answered as unavailable, and changes nothing', async () => {
    const order = await committed();
    const seenHeld = confirmOrder(
      { ...flow.context, temporal: unreachable.client },
      { ...order, money: 'held' },
      BY_TEST,
    );
    expect(await refusalOf(seenHeld)).toMatchObject({ code: 'unavailable' });
    expect(await orderByNo(db, order.orderNo)).toEqual(order);
  });
});
