import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeOrderChat, confirmOrder } from '../../commands/decide-order.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { type Flow, type HistoryEvent, type ProtoTime, msOf, startFlow } from '../support/flow.js';
import { BY_TEST, HOUR_MS, end, paidOrder, pay, unpaidOrder } from '../support/journeys.js';
import { addUsers, newOrder } from '../support/world.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;

let flow: Flow;
beforeAll(async () => {
  flow = await startFlow();
  await addUsers(flow.context.db);
});
afterAll(() => flow.close());

interface Timer {
  /** When it is due, to the millisecond: the time that the workflow read, and the timer's span. */
  dueMs: number;
  summary: string;
}

function completedAtMs(attributes: Record<string, unknown>): number {
  const { details } = attributes as { details: { data: { payloads: { data: string }[] } } };
  const text = Buffer.from(details.data.payloads[0]?.data ?? '', 'base64').toString();
  const { complete_time } = JSON.parse(text) as { complete_time: { seconds: number; nanos: number } };
  return msOf({ ...complete_time, seconds: String(complete_time.seconds) });
}

function timersOf(events: readonly HistoryEvent[]): Timer[] {
  let clockMs = 0;
  const timers: Timer[] = [];
  for (const { type, timeMs, attributes, summary } of events) {
    // A workflow's clock moves with its tasks and with its local activities.
    if (type === 'WORKFLOW_TASK_STARTED') clockMs = timeMs;
    if (type === 'MARKER_RECORDED') clockMs = completedAtMs(attributes);
    if (type !== 'TIMER_STARTED') continue;
    const spanMs = msOf(attributes['startToFireTimeout'] as ProtoTime);
    timers.push({ dueMs: clockMs + spanMs, summary: JSON.parse(summary ?? '""') as string });
  }
  return timers;
}

const timers = async ({ orderNo }: OrderRow): Promise<Timer[]> => timersOf(await flow.events(orderNo));

/** When the workflow ended, on its own clock. */
const endedAtMs = async ({ orderNo }: OrderRow): Promise<number> =>
  (await flow.events(orderNo)).at(-1)?.timeMs ?? 0;

const stateOf = ({ orderNo }: OrderRow) =>
  flow.workflow(orderNo).query<{ money: string; chatOpen: boolean; status: string }>('state');

describe('an unpaid order', () => {
  it.each([MINUTE_MS, HOUR_MS, DAY_MS])(
    'closes %d ms after its creation, to the millisecond',
    async (expiresInMs) => {
      await flow.readClock();
      const order = await newOrder(flow.context, { expiresInMs });
      await flow.settled(order.orderNo);
      const [timer] = await timers(order);
      expect(timer).toEqual({ dueMs: order.expiresAt.getTime(), summary: 'payment expires' });
      expect(await end(flow, order)).toMatchObject({ status: 'closed', closedReason: 'expired' });
      expect(await endedAtMs(order)).toBeGreaterThanOrEqual(order.expiresAt.getTime());
    },
  );

  it('W6 whose start comes after its expiry closes at once', async () => {
    await flow.readClock();
    const order = await newOrder(flow.context, { expiresInMs: 0 });
    await flow.settled(order.orderNo);
    expect((await orderByNo(flow.context.db, order.orderNo)).closedReason).toBe('expired');
    expect(await timers(order)).toEqual([]);
  });

  it('keeps its expiry while payments that do not fit arrive', async () => {
    const order = await unpaidOrder(flow);
    await pay(flow, order, { amount: 1 });
    const due = (await timers(order)).map(({ dueMs }) => dueMs);
    expect(due).toEqual([order.expiresAt.getTime(), order.expiresAt.getTime()]);
    await end(flow, order);
  });
});

describe('the chat window and the release', () => {
  const both = 'chat window ends, auto-confirm';
  const chat = 'chat window ends';
  const release = 'auto-confirm';

  it.each<[string, number, number, [number, string][]]>([
    ['are one timer where they fall together', DAY_MS, DAY_MS, [[DAY_MS, both]]],
    [
      'run side by side: chat 1 h, release 2 h',
      HOUR_MS,
      2 * HOUR_MS,
      [
        [HOUR_MS, chat],
        [2 * HOUR_MS, release],
      ],
    ],
    [
      'run side by side: release 1 h, chat 2 h',
      2 * HOUR_MS,
      HOUR_MS,
      [
        [HOUR_MS, release],
        [2 * HOUR_MS, chat],
      ],
    ],
    ['need no timer when there is nothing to wait for', 0, 0, []],
  ])('%s', async (_what, chatWindowMs, autoConfirmAfterMs, expected) => {
    const order = await paidOrder(flow, { chatWindowMs, autoConfirmAfterMs });
    const paidAtMs = order.paidAt?.getTime() ?? 0;
    expect(order).toMatchObject({
      chatClosesAt: new Date(paidAtMs + chatWindowMs),
      releaseDueAt: new Date(paidAtMs + autoConfirmAfterMs),
    });
    expect(await end(flow, order)).toMatchObject({ status: 'completed', releasedBy: 'auto-confirm' });
    const after = (await timers(order)).slice(1).map(({ dueMs, summary }) => [dueMs - paidAtMs, summary]);
    expect(after).toEqual(expected);
    // M8 auto-confirm never fires early.
    expect(await endedAtMs(order)).toBeGreaterThanOrEqual(
      paidAtMs + Math.max(chatWindowMs, autoConfirmAfterMs),
    );
  });

  it.each([
    ['a moment earlier', DAY_MS - 1, DAY_MS - 1, chat],
    ['at the same moment', DAY_MS, DAY_MS, both],
    ['a moment later', DAY_MS + 1, DAY_MS, release],
  ])(
    'share no timer unless they fall together: the chat ends %s',
    async (_what, chatWindowMs, dueMs, summary) => {
      const order = await paidOrder(flow, { chatWindowMs });
      const first = (await timers(order)).at(-1);
      expect(first).toEqual({ dueMs: (order.paidAt?.getTime() ?? 0) + dueMs, summary });
      await end(flow, order);
    },
  );

  it('count from the payment, not from the order', async () => {
    const order = await unpaidOrder(flow, { chatId: 'room_1', expiresInMs: DAY_MS });
    await flow.environment.sleep('1h');
    await pay(flow, order);
    const [, timer] = await timers(order);
    const paid = await orderByNo(flow.context.db, order.orderNo);
    expect(timer?.dueMs).toBe((paid.paidAt?.getTime() ?? 0) + DAY_MS);
    expect(timer?.dueMs).toBeGreaterThanOrEqual(order.createdAt.getTime() + DAY_MS + HOUR_MS);
    await end(flow, order);
  });

  it.each([
    ['there is no chat', {}, null],
    ['the order has a chat', { chatId: 'room_1' }, DAY_MS],
    ['the order has a window of its own', { chatWindowMs: MINUTE_MS }, MINUTE_MS],
    ['the order has both', { chatId: 'room_1', chatWindowMs: MINUTE_MS }, MINUTE_MS],
  ])('the chat is open or not when %s', async (_what, wish, windowMs) => {
    const order = await paidOrder(flow, wish);
    expect(order.chatWindowMs).toBe(windowMs);
    expect((await stateOf(order)).chatOpen).toBe(windowMs !== null);
    expect(order.chatClosesAt).toEqual(
      windowMs === null ? null : new Date((order.paidAt?.getTime() ?? 0) + windowMs),
    );
    await end(flow, order);
  });

  it('the confirm releases at once and does not close the chat', async () => {
    const order = await paidOrder(flow, { chatId: 'room_1' });
    expect(await confirmOrder(flow.context, order, BY_TEST)).toMatchObject({
      status: 'completed',
      releasedBy: 'user:test',
      chatClosedAt: null,
    });
    expect(await stateOf(order)).toMatchObject({ money: 'released', chatOpen: true });
    await end(flow, order);
    expect(await endedAtMs(order)).toBeGreaterThanOrEqual(order.chatClosesAt?.getTime() ?? Infinity);
  });

  it('closing the chat does not release', async () => {
    const order = await paidOrder(flow, { chatId: 'room_1' });
    const closed = await closeOrderChat(flow.context, order, BY_TEST);
    expect(closed).toMatchObject({ status: 'paid', money: 'held' });
    expect(closed.chatClosedAt).not.toBeNull();
    expect(await stateOf(order)).toMatchObject({ money: 'held', chatOpen: false });
    expect(await end(flow, order)).toMatchObject({
      releasedBy: 'auto-confirm',
      chatClosedAt: closed.chatClosedAt,
    });
    expect(await endedAtMs(order)).toBeGreaterThanOrEqual(order.releaseDueAt?.getTime() ?? Infinity);
  });
});

describe('a payment that was found late', () => {
  it.each([
    ['a minute late', MINUTE_MS, DAY_MS],
    ['long before the release is due', 12 * HOUR_MS, DAY_MS],
    ['an hour before the release is due', 23 * HOUR_MS, DAY_MS],
    ['a moment less than an hour before', 23 * HOUR_MS + 1, DAY_MS + 1],
    ['as the release is due', DAY_MS, DAY_MS + HOUR_MS],
  ])('is released no earlier than an hour after: %s', async (_what, latenessMs, dueMs) => {
    const order = await unpaidOrder(flow, { expiresInMs: 2 * DAY_MS });
    const paidAtMs = await flow.readClock();
    // As if the notification had come only now; the workflow's own clock has passed the payment by that much.
    await flow.environment.sleep(latenessMs);
    await pay(flow, order, { paidAtMs, receivedAtMs: paidAtMs + latenessMs });
    const paid = await orderByNo(flow.context.db, order.orderNo);
    expect(paid.releaseDueAt?.getTime()).toBe(paidAtMs + dueMs);
    expect((await timers(order)).at(-1)?.dueMs).toBe(paidAtMs + dueMs);
    await end(flow, order);
    expect(await endedAtMs(order)).toBeGreaterThanOrEqual(paidAtMs + dueMs);
  });
});
