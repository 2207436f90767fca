/** W7: an order's whole life, told to a merchant whose server fails in every way there is. */
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { type Received, type Receiver, answering, startReceiver } from '../../outgoing/test-support.js';
import { type Flow, startFlow } from '../support/flow.js';
import { BY_TEST } from '../support/journeys.js';
import { paidAt, settleAt } from '../support/refunds.js';
import { addEndpoint, deliveriesOf, letPass, sendDue } from '../support/webhooks.js';
import { addUsers, orderWhen } from '../support/world.js';

let flow: Flow;
let db: Db;
let receiver: Receiver;
beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addUsers(db);
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await flow.close();
});

interface Told {
  type: string;
  timestamp: string;
  data: { id: string; status: string; refundedAmount: number };
}

/** What a merchant's server does: verifies, and counts an event once, by its id. */
function merchant(secret: string) {
  const events = new Map<string, Told>();
  return {
    events,
    take: ({ headers, body }: Received): void => {
      const told = new Webhook(secret).verify(body, headers as Record<string, string>) as Told;
      events.set(String(headers['webhook-id']), told);
    },
  };
}

async function paidCompletedAndRefunded(): Promise<OrderRow> {
  const order = await paidAt(flow, 'alipay');
  await confirmOrder(flow.context, order, BY_TEST);
  await orderWhen(db, order.orderNo, ({ status }) => status === 'completed');
  await flow.readClock();
  const completed = await orderByNo(db, order.orderNo);
  const refund = await requestRefund(
    flow.context,
    completed,
    { amountFen: null, reason: 'no lesson' },
    BY_TEST,
  );
  await decideRefund(flow.context, refund, { approve: true, reason: 'so be it' }, BY_TEST);
  await settleAt(flow, refund.id);
  return orderWhen(db, order.orderNo, ({ status }) => status === 'refunded');
}

/** The relay's rounds, with the pauses between them left out, until everything has ended. */
async function sendUntilEnded(endpointId: string): Promise<number> {
  for (let rounds = 1; ; rounds++) {
    await sendDue(db, { timeoutMs: 1_000 });
    const open = (await deliveriesOf(db, endpointId)).filter(({ status }) => status === 'pending');
    if (open.length === 0) return rounds;
    for (const { id, dueAt } of open) await letPass(db, id, dueAt.getTime() - Date.now() + 1);
  }
}

describe('W7 a merchant', () => {
  it('is told of each event once, in spite of a 500, a hang and a lost answer', async () => {
    const { endpoint, secret } = await addEndpoint(db, receiver.url);
    const other = await addEndpoint(db, receiver.url, { eventTypes: ['order.closed'] });
    const { events, take } = merchant(secret);
    let requests = 0;
    receiver.answer = (response, request) => {
      const nth = ++requests;
      if (nth === 1) answering(500)(response);
      // The second waits for an answer that never comes.
      if (nth <= 2) return;
      take(request);
      if (nth === 3) response.destroy();
      else answering(200)(response);
    };
    const order = await paidCompletedAndRefunded();
    const rounds = await sendUntilEnded(endpoint.id);
    expect(rounds).toBeGreaterThan(1);
    const types = ['order.paid', 'order.completed', 'order.refund_requested', 'order.refunded'];
    const told = [...events.values()].sort((a, b) => types.indexOf(a.type) - types.indexOf(b.type));
    expect(told.map(({ type, data }) => [type, data.id, data.status])).toEqual([
      ['order.paid', order.id, 'paid'],
      ['order.completed', order.id, 'completed'],
      ['order.refund_requested', order.id, 'refund_requested'],
      ['order.refunded', order.id, 'refunded'],
    ]);
    expect(told.at(-1)?.data.refundedAmount).toBe(order.amount);
    expect(receiver.received).toHaveLength(types.length + 3);
    expect((await deliveriesOf(db, endpoint.id)).map(({ status }) => status)).toEqual(
      types.map(() => 'succeeded'),
    );
    expect(await deliveriesOf(db, other.endpoint.id)).toEqual([]);
  });
});
