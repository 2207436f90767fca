/** Every way that an order can take through its workflow: run live by the flow tests, and recorded for replay. */
import { cancelOrder, closeOrderChat, confirmOrder, decideStep } from '../../commands/decide-order.js';
import { orderByNo } from '../../db/orders.js';
import { fen } from '../../domain/money.js';
import type { OrderStatus } from '../../domain/order-status.js';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import { paymentReceived } from '../../workflows/contract.js';
import type { Flow } from './flow.js';
import {
  BY_TEST,
  HOUR_MS,
  PAY_PASSWORD,
  decide,
  end,
  newShopOrderId,
  paidOrder,
  pay,
  setPayPassword,
  shopOrder,
  unpaidOrder,
} from './journeys.js';
import { BUYER, addShopOrder, addSmsTemplate, addUsers, giveCash, newOrder } from './world.js';

export interface Path {
  name: string;
  /** How the order ends. */
  status: OrderStatus;
  /** Its history, to the event. */
  events: number;
  /** How often search attributes are written after the start. */
  upserts: number;
  /** @returns the order's number, once its workflow has ended */
  run: (flow: Flow) => Promise<string>;
}

const CHAT = { chatId: 'room_1' };
const TEMPLATE = '111';

/** What the paths need in the database. */
export async function prepareWorld({ context: { db } }: Flow): Promise<void> {
  await addUsers(db);
  await addSmsTemplate(db, TEMPLATE, ['code']);
  await setPayPassword(db);
  await giveCash(db, BUYER, 1_000_000);
}

const message = { type: 2, smsId: TEMPLATE, mobile: '13500000000', postJsonString: { code: 1 } };

async function parkedOrder(flow: Flow) {
  // There is no such shop order yet.
  const id = newShopOrderId();
  return { id, order: await paidOrder(flow, { ...CHAT, nextAction: { type: 0, id } }) };
}

export const PATHS: Path[] = [
  // First, while the server's clock is still the database's: a free order is paid as it is created.
  {
    name: 'free',
    status: 'completed',
    events: 14,
    upserts: 2,
    run: async (flow) => {
      await flow.readClock();
      const order = await newOrder(flow.context, { amountFen: fen(0) });
      await flow.settled(order.orderNo);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'paid-and-released-by-time',
    status: 'completed',
    events: 20,
    upserts: 2,
    run: async (flow) => (await end(flow, await paidOrder(flow, CHAT))).orderNo,
  },
  {
    name: 'one-action',
    status: 'completed',
    events: 26,
    upserts: 2,
    run: async (flow) =>
      (
        await end(
          flow,
          await paidOrder(flow, { ...CHAT, nextAction: { type: 0, id: await shopOrder(flow) } }),
        )
      ).orderNo,
  },
  {
    name: 'two-nested-actions',
    status: 'completed',
    events: 32,
    upserts: 2,
    run: async (flow) => {
      const nextAction = { type: 0, id: await shopOrder(flow), nextAction: message };
      return (await end(flow, await paidOrder(flow, { ...CHAT, nextAction }))).orderNo;
    },
  },
  {
    name: 'expired-unpaid',
    status: 'closed',
    events: 18,
    upserts: 1,
    run: async (flow) => {
      await flow.readClock();
      const order = await newOrder(flow.context, CHAT);
      await flow.settled(order.orderNo);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'cancelled-unpaid',
    status: 'closed',
    events: 20,
    upserts: 1,
    run: async (flow) => {
      await flow.readClock();
      const order = await newOrder(flow.context, CHAT);
      await flow.settled(order.orderNo);
      await cancelOrder(flow.context, order, 'changed my mind', BY_TEST);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'confirmed-by-the-buyer',
    status: 'completed',
    events: 29,
    upserts: 3,
    run: async (flow) => {
      const order = await paidOrder(flow);
      await confirmOrder(flow.context, order, BY_TEST);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'confirmed-with-the-chat-still-open',
    status: 'completed',
    events: 34,
    upserts: 3,
    run: async (flow) => {
      const order = await paidOrder(flow, CHAT);
      await confirmOrder(flow.context, order, BY_TEST);
      await flow.settled(order.orderNo);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'chat-closed-by-hand',
    status: 'completed',
    events: 35,
    upserts: 3,
    run: async (flow) => {
      const order = await paidOrder(flow, CHAT);
      await closeOrderChat(flow.context, order, BY_TEST);
      await flow.settled(order.orderNo);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'chat-ends-before-the-release',
    status: 'completed',
    events: 25,
    upserts: 2,
    run: async (flow) => {
      const windows = { chatWindowMs: HOUR_MS, autoConfirmAfterMs: 2 * HOUR_MS };
      return (await end(flow, await paidOrder(flow, { ...CHAT, ...windows }))).orderNo;
    },
  },
  {
    name: 'release-before-the-chat-ends',
    status: 'completed',
    events: 25,
    upserts: 2,
    run: async (flow) => {
      const windows = { chatWindowMs: 2 * HOUR_MS, autoConfirmAfterMs: HOUR_MS };
      return (await end(flow, await paidOrder(flow, { ...CHAT, ...windows }))).orderNo;
    },
  },
  {
    name: 'topup',
    status: 'completed',
    events: 13,
    upserts: 1,
    run: async (flow) => (await end(flow, await paidOrder(flow, { kind: 'topup' }))).orderNo,
  },
  {
    name: 'package-with-an-action',
    status: 'completed',
    events: 20,
    upserts: 2,
    run: async (flow) =>
      (await end(flow, await paidOrder(flow, { kind: 'package', nextAction: message }))).orderNo,
  },
  {
    name: 'paid-from-the-wallet',
    status: 'completed',
    events: 20,
    upserts: 2,
    run: async (flow) => {
      await flow.readClock();
      const order = await newOrder(flow.context);
      await flow.settled(order.orderNo);
      await payFromWallet(flow.context, order, PAY_PASSWORD);
      await flow.context.inline.drain();
      await flow.settled(order.orderNo);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'parked-then-retried',
    status: 'completed',
    events: 48,
    upserts: 5,
    run: async (flow) => {
      const { id, order } = await parkedOrder(flow);
      await addShopOrder(flow.context.db, id, BUYER, 10);
      await decide(flow, order, '0', { verdict: 'retry' });
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'parked-then-skipped',
    status: 'completed',
    events: 42,
    upserts: 5,
    run: async (flow) => {
      const { order } = await parkedOrder(flow);
      await decide(flow, order, '0', { verdict: 'skip', reason: 'paid by hand' });
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'parked-then-edited',
    status: 'completed',
    events: 48,
    upserts: 5,
    run: async (flow) => {
      const { order } = await parkedOrder(flow);
      const wish = { verdict: 'edit', reason: 'a typo', parameters: { id: await shopOrder(flow) } } as const;
      await decide(flow, order, '0', wish);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'released-while-parked',
    status: 'completed',
    events: 54,
    upserts: 5,
    run: async (flow) => {
      const { order } = await parkedOrder(flow);
      await confirmOrder(flow.context, order, BY_TEST);
      await flow.settled(order.orderNo);
      await decideStep(flow.context, order, '0', { verdict: 'skip', reason: 'paid by hand' }, BY_TEST);
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'another-amount-then-the-right-one',
    status: 'completed',
    events: 27,
    upserts: 2,
    run: async (flow) => {
      const order = await unpaidOrder(flow);
      await pay(flow, order, { amount: order.amount - 1 });
      await pay(flow, order, { providerTradeNo: `right-${order.orderNo}` });
      return (await end(flow, order)).orderNo;
    },
  },
  {
    name: 'hint-and-strange-signals-by-hand',
    status: 'completed',
    events: 39,
    upserts: 2,
    run: async (flow) => {
      const order = await unpaidOrder(flow);
      const handle = flow.workflow(order.orderNo);
      await handle.signal(paymentReceived, { channel: 'alipay', outTradeNo: 'no-such-number' });
      await flow.settled(order.orderNo);
      await handle.signal(paymentReceived, { inboxId: 987_654_321 });
      await flow.settled(order.orderNo);
      await pay(flow, order);
      return (await end(flow, order)).orderNo;
    },
  },
];

/** The order of a path as it stands in SQL. */
export const orderOf = ({ context }: Flow, orderNo: string) => orderByNo(context.db, orderNo);
