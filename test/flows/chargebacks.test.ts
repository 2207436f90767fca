/** Chargebacks in the life of an order: what a payer's bank has taken is not released, whatever its workflow knows. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import { resolveOperatorItem } from '../../commands/resolve-item.js';
import { type ToldDispute, chargebackRef, noteDispute } from '../../db/chargebacks.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { payments } from '../../db/schema.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { refusalOf } from '../support/errors.js';
import { type Flow, startFlow } from '../support/flow.js';
import { BY_TEST, addRichBuyer, end, paidOrder, timelineOf } from '../support/journeys.js';
import { itemFor } from '../support/refunds.js';
import { SELLER } from '../support/world.js';

let flow: Flow;
let db: Db;
beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addRichBuyer(db);
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await flow.close();
  expect(proof).toMatchObject({ balanced: true });
});

const now = ({ orderNo }: OrderRow): Promise<OrderRow> => orderByNo(db, orderNo);
const earned = async (): Promise<number> => (await walletOf(db, SELLER)).withdrawable;

async function resolve(dispute: ToldDispute, resolution: 'accept' | 'reject'): Promise<void> {
  const { id } = await itemFor(db, chargebackRef(dispute));
  await resolveOperatorItem(flow.context, id, { resolution, reason: 'looked into' }, 'user:operator');
}

/** The payer's bank takes it back, and an operator has accepted that. */
async function chargedBack({ orderNo }: OrderRow, amount: number): Promise<ToldDispute> {
  const [paid] = await db.select().from(payments).where(eq(payments.orderNo, orderNo));
  if (paid?.channel !== 'alipay' || paid.providerTradeNo === null) throw new Error('the order is paid');
  const dispute: ToldDispute = {
    channel: paid.channel,
    providerTradeNo: paid.providerTradeNo,
    disputeNo: `dp_${orderNo}`,
    amount,
    currency: 'CNY',
    status: 'opened',
    reason: 'fraudulent',
  };
  await noteDispute(db, dispute);
  await resolve(dispute, 'accept');
  return dispute;
}

describe('a chargeback of held money', () => {
  it('M6 of a part leaves the rest to be released by itself', async () => {
    const order = await paidOrder(flow);
    const before = await earned();
    await chargedBack(order, 4_000);
    expect(await now(order)).toMatchObject({ status: 'paid', refunded: 4_000 });
    expect(await end(flow, order)).toMatchObject({
      status: 'partially_refunded',
      money: 'released',
      releasedBy: 'auto-confirm',
    });
    expect((await earned()) - before).toBe(6_000);
  });

  it('M8 of a part leaves the rest to a buyer who confirms', async () => {
    const order = await paidOrder(flow);
    const before = await earned();
    await chargedBack(order, 4_000);
    expect(await confirmOrder(flow.context, order, BY_TEST)).toMatchObject({
      status: 'partially_refunded',
      releasedBy: 'user:test',
    });
    expect((await earned()) - before).toBe(6_000);
    await end(flow, order);
  });

  it('M6 of all of it ends the order, and the seller gets nothing', async () => {
    const order = await paidOrder(flow);
    const before = await earned();
    await chargedBack(order, 10_000);
    const ended = { status: 'refunded', money: 'released', releasedBy: 'chargeback', refunded: 10_000 };
    expect(await now(order)).toMatchObject(ended);
    expect(await refusalOf(confirmOrder(flow.context, await now(order), BY_TEST))).toMatchObject({
      code: 'order_not_confirmable',
    });
    expect(await end(flow, order)).toMatchObject(ended);
    expect(await earned()).toBe(before);
    expect(await timelineOf(db, order)).toEqual(
      expect.arrayContaining(['payment.disputed', 'payment.charged_back', 'order.refunded']),
    );
  });

  it('M6 that its workflow knows of, and that the bank gives back, is released with the rest', async () => {
    const order = await paidOrder(flow);
    const before = await earned();
    const dispute = await chargedBack(order, 4_000);
    const wish = { amountFen: null, reason: 'no lesson' };
    await flow.readClock();
    const refund = await requestRefund(flow.context, order, wish, BY_TEST);
    expect(refund.amount).toBe(6_000);
    await flow.readClock();
    await decideRefund(flow.context, refund, { approve: false, reason: 'it was given' }, BY_TEST);
    await noteDispute(db, { ...dispute, status: 'won' });
    await resolve(dispute, 'reject');
    expect(await now(order)).toMatchObject({ status: 'paid', money: 'held', refunded: 0 });
    expect(await end(flow, order)).toMatchObject({ status: 'completed', releasedBy: 'auto-confirm' });
    expect((await earned()) - before).toBe(10_000);
  });
});
