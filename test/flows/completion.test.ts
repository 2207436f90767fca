/** What comes just as an order's workflow ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eq } from 'drizzle-orm';
import { closeOrderChat, confirmOrder } from '../../commands/decide-order.js';
import { requestRefund } from '../../commands/refunds.js';
import type { Db } from '../../db/client.js';
import { orderByNo } from '../../db/orders.js';
import { inbox } from '../../db/schema.js';
import { type ErrorCode, HoldfastError } from '../../domain/errors.js';
import { proveLedger } from '../../ledger/balances.js';
import { deliverPayment } from '../../relay/payments.js';
import { type Flow, startFlow } from '../support/flow.js';
import { paidOrder } from '../support/journeys.js';
import { addUsers, arrive } from '../support/world.js';

const ROUNDS = Array.from({ length: 6 }, (_, round) => [round]);
/** Reasons that a caller can act on. `unavailable` is one only where it says that a repeat will be answered. */
const REASONS: ErrorCode[] = ['refund_not_possible', 'state_conflict', 'order_not_confirmable'];

const isAnswer = ({ code, message }: HoldfastError): boolean =>
  REASONS.includes(code) || message === 'the order is being moved on; repeat the call';

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow({ realServer: true });
  db = flow.context.db;
  await addUsers(db);
});
afterAll(() => flow.close());

const asked = (idempotencyKey: string) => ({ by: 'user:test', idempotencyKey });

describe('T4 as an order’s workflow completes', () => {
  it.each(ROUNDS)('every wish is answered and every payment finds its place (round %d)', async (round) => {
    const { context } = flow;
    const order = await paidOrder(flow, { chatId: 'room' });
    const key = `${order.orderNo}/${round}`;
    const again = (providerTradeNo: string): Promise<unknown> =>
      arrive(context, {
        outTradeNo: order.orderNo,
        amount: order.amount,
        paidAtMs: Date.now(),
        providerTradeNo,
      });
    const outcomes = await Promise.allSettled([
      closeOrderChat(context, order, asked(`${key}/chat`)),
      confirmOrder(context, order, asked(`${key}/1`)),
      again('second'),
      confirmOrder(context, order, asked(`${key}/2`)),
      requestRefund(context, order, { amountFen: null, reason: 'x' }, asked(`${key}/3`)),
      again('third'),
      confirmOrder(context, order, asked(`${key}/4`)),
      again('second'),
    ]);
    const unanswered = outcomes.filter(
      (outcome) =>
        outcome.status === 'rejected' &&
        !(outcome.reason instanceof HoldfastError && isAnswer(outcome.reason)),
    );
    expect(unanswered).toEqual([]);
    const rows = await db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo));
    // What the workflow did not take before it ended, the relay brings again.
    for (const { id } of rows) await deliverPayment(db, context.temporal, id);
    const states = await db
      .select({ state: inbox.state })
      .from(inbox)
      .where(eq(inbox.outTradeNo, order.orderNo));
    expect(states.filter(({ state }) => state === 'pending')).toEqual([]);
    const types = (await flow.events(order.orderNo)).map(({ type }) => type);
    const count = (wanted: string): number => types.filter((type) => type === wanted).length;
    expect(count('WORKFLOW_EXECUTION_UPDATE_COMPLETED')).toBe(count('WORKFLOW_EXECUTION_UPDATE_ACCEPTED'));
    expect(['completed', 'refund_requested']).toContain((await orderByNo(db, order.orderNo)).status);
  });

  it('M4 the books balance after all', async () => {
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
