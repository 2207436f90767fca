/** Orders in many states, by the product's own functions alone: nothing in it is a violation. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { createOrderActivities } from '../../activities/payments.js';
import { createNextActions } from '../../activities/next-actions/index.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { actionSteps, orders, outbox, payments, reconciliations } from '../../db/schema.js';
import { fen } from '../../domain/money.js';
import { closePosting, releasePosting } from '../../domain/postings.js';
import { feesPosting } from '../../domain/reconciliation.js';
import { WITHDRAWAL_LIMITS } from '../../domain/withdrawals.js';
import { payFromWallet } from '../../commands/pay-from-wallet.js';
import { returnChargeback, takeChargeback } from '../../ledger/chargebacks.js';
import { post } from '../../ledger/post.js';
import { receiveFromInbox } from '../../ledger/receive.js';
import { failRefund, settleRefund } from '../../ledger/refund-ends.js';
import { approveRefund, rejectRefund, requestRefund } from '../../ledger/refunds.js';
import {
  acceptWithdrawal,
  bounceWithdrawal,
  failWithdrawal,
  settleWithdrawal,
  submitWithdrawal,
} from '../../ledger/withdrawal-ends.js';
import { PAY_PASSWORD, setPayPassword } from './journeys.js';
import { type Wish, approve, ask as askForMoney, earner, reject } from './withdrawals.js';
import {
  BUYER,
  SELLER,
  addShopOrder,
  addSmsTemplate,
  addUsers,
  giveCash,
  insertOrder,
  leave,
  offlineContext,
  openAttempt,
} from './world.js';

/** The numbers of what the plants change. */
export interface World {
  /** Over, each of them. */
  chargedBack: string[];
  released: string;
  held: string;
  walletPaid: string;
  topUp: string;
  closed: string;
  autoConfirmed: string;
  /** Succeeded, of the released order. */
  refund: string;
  /** Under way, of the held order. */
  underWay: string;
  /** Refused, of the order that was released by itself afterwards. */
  rejected: string;
  /** Unpaid: money of another amount came. */
  misfit: string;
  /** Withdrawals, by what became of them; two operators approved the first. */
  out: Record<'paid' | 'goingOut' | 'awaited' | 'failed' | 'refused' | 'bounced' | 'asked', string>;
}

const MINUTE_MS = 60_000;

async function startedOrder(db: Db, change: Partial<typeof orders.$inferInsert> = {}): Promise<OrderRow> {
  const isSold = change.kind === 'topup' || change.kind === 'package';
  const order = await insertOrder(db, { ...(isSold && { sellerId: null }), ...change });
  await db.insert(outbox).values({ orderNo: order.orderNo, doneAt: new Date() });
  return order;
}

async function attemptOf(db: Db, order: OrderRow): Promise<void> {
  const { id } = await openAttempt(db, order);
  await db.update(payments).set({ askAt: new Date() }).where(eq(payments.id, id));
}

async function paidOrder(db: Db, change: Partial<typeof orders.$inferInsert> = {}): Promise<OrderRow> {
  const order = await startedOrder(db, change);
  await attemptOf(db, order);
  await receiveFromInbox(
    db,
    await leave(db, { outTradeNo: order.orderNo, amount: order.amount, paidAtMs: Date.now() }),
  );
  return orderByNo(db, order.orderNo);
}

async function release(db: Db, order: OrderRow, by: string): Promise<void> {
  const { orderNo, feeBps, captured, refunded } = await orderByNo(db, order.orderNo);
  const amountFen = fen(captured - refunded);
  await post(db, releasePosting({ orderNo, sellerId: SELLER, amountFen, feeBps, by, atMs: Date.now() }));
}

async function ask(db: Db, orderNo: string, amount: number): Promise<string> {
  const refundId = randomBytes(12).toString('hex');
  const wish = { reason: 'late', by: 'user:test', windowMs: 60 * MINUTE_MS, nowMs: Date.now() };
  await requestRefund(db, { ...wish, refundId, orderNo, amountFen: fen(amount) });
  return refundId;
}

const verdict = () => ({ by: 'operator', reason: 'so be it', nowMs: Date.now() });
const done = () => ({
  providerRefundNo: randomBytes(6).toString('hex'),
  settledAtMs: Date.now(),
  nowMs: Date.now(),
});

/** Released with a fee, and a part of it back from its seller. */
async function releasedOrder(db: Db): Promise<{ released: string; refund: string }> {
  const order = await paidOrder(db, { feeBps: 333 });
  await release(db, order, `user:${BUYER}`);
  const refund = await ask(db, order.orderNo, 1_001);
  await approveRefund(db, refund, verdict());
  await settleRefund(db, refund, done());
  return { released: order.orderNo, refund };
}

/** Held, with one part gone back and another on its way. */
async function heldOrder(db: Db): Promise<{ held: string; underWay: string }> {
  const { orderNo } = await paidOrder(db);
  const first = await ask(db, orderNo, 500);
  await approveRefund(db, first, verdict());
  await settleRefund(db, first, done());
  const underWay = await ask(db, orderNo, 700);
  await approveRefund(db, underWay, verdict());
  return { held: orderNo, underWay };
}

/** Released by itself, after a refund that was refused. */
async function autoConfirmedOrder(db: Db): Promise<{ autoConfirmed: string; rejected: string }> {
  const order = await paidOrder(db, { autoConfirmAfterMs: 0 });
  const rejected = await ask(db, order.orderNo, 100);
  await rejectRefund(db, rejected, verdict());
  await release(db, order, 'auto-confirm');
  return { autoConfirmed: order.orderNo, rejected };
}

/** Taken back by a bank: a part and then the rest of a hold, a part that was given back, a part of released money. */
async function chargedBackOrders(db: Db): Promise<string[]> {
  const take = async ({ orderNo }: OrderRow, amount: number): Promise<void> => {
    const dispute = { channel: 'alipay' as const, disputeNo: `${orderNo}-${amount}`, amountFen: fen(amount) };
    await takeChargeback(db, { ...dispute, order: await orderByNo(db, orderNo) }, Date.now());
    if (amount !== 999) return;
    await returnChargeback(db, { ...dispute, order: await orderByNo(db, orderNo) });
  };
  const [whole, part, later] = [
    await paidOrder(db),
    await paidOrder(db, { feeBps: 333 }),
    await paidOrder(db),
  ];
  await take(whole, 4_000);
  await take(whole, 6_000);
  for (const amount of [999, 2_500]) await take(part, amount);
  for (const order of [part, later]) await release(db, order, `user:${BUYER}`);
  await take(later, 1_500);
  return [whole, part, later].map(({ orderNo }) => orderNo);
}

async function walletOrder(db: Db): Promise<string> {
  const order = await startedOrder(db, { amount: 3_000 });
  await payFromWallet(offlineContext(db), order, PAY_PASSWORD);
  const refund = await ask(db, order.orderNo, 1_200);
  await approveRefund(db, refund, verdict());
  return order.orderNo;
}

/** A step that paid, one that told, and one that waits for an operator. */
async function topUpWithChain(db: Db): Promise<string> {
  await Promise.all([addShopOrder(db, '71', BUYER, 40), addSmsTemplate(db, '111', ['code'])]);
  const { orderNo } = await paidOrder(db, { kind: 'topup', amount: 900, chain: 'running' });
  const step = (path: string, position: number, type: 0 | 2, parameters: Record<string, unknown>) => ({
    orderNo,
    path,
    position,
    type,
    parameters,
    name: type === 0 ? ('payShopOrder' as const) : ('sendSms' as const),
  });
  const message = { smsId: '111', mobile: '13500000000', postJsonString: { code: 1 } };
  await db
    .insert(actionSteps)
    .values([
      step('0', 0, 0, { id: '71' }),
      step('0.0', 1, 2, message),
      step('0.0.0', 2, 0, { id: '404' }),
      step('0.0.0.0', 3, 2, message),
    ]);
  const acts = createNextActions(db);
  await acts.payShopOrder({ key: `${orderNo}:0`, orderNo, path: '0' });
  await acts.sendSms({ key: `${orderNo}:0.0`, orderNo, path: '0.0' });
  const path = '0.0.0';
  const error = await acts
    .payShopOrder({ key: `${orderNo}:${path}`, orderNo, path })
    .catch((e: unknown) => e);
  await createOrderActivities(db).parkStep({
    orderNo,
    path,
    error: { code: 'missing_thing', message: String(error) },
  });
  return orderNo;
}

/** Closed, and paid afterwards three times: one payment went back, one is going, one came back to suspense. */
async function closedOrder(db: Db): Promise<string> {
  const order = await startedOrder(db);
  await attemptOf(db, order);
  await post(db, closePosting(order.orderNo, 'expired', 'system', Date.now()));
  await db.update(payments).set({ status: 'closed', askAt: null }).where(eq(payments.orderNo, order.orderNo));
  for (const providerTradeNo of ['late1', 'late2', 'late3']) {
    const late = { outTradeNo: order.orderNo, amount: order.amount, paidAtMs: Date.now(), providerTradeNo };
    await receiveFromInbox(db, await leave(db, late));
  }
  const rows = await db.query.refunds.findMany({ where: (r) => eq(r.orderNo, order.orderNo) });
  const [first, second] = rows;
  if (first === undefined || second === undefined) throw new Error('a late payment goes back');
  await settleRefund(db, first.id, done());
  await failRefund(db, second.id, { error: { code: 'channel_refused', message: 'no' }, nowMs: Date.now() });
  return order.orderNo;
}

/** An unpaid order for which money of another amount came. */
async function misfit(db: Db): Promise<string> {
  const order = await startedOrder(db);
  await attemptOf(db, order);
  const told = { outTradeNo: order.orderNo, amount: order.amount - 1, paidAtMs: Date.now() };
  await receiveFromInbox(db, await leave(db, told));
  return order.orderNo;
}

const no = () => ({ error: { code: 'channel_refused', message: 'no' }, nowMs: Date.now() });

/** Of somebody who has earned enough, and of nobody's order. */
async function withdrawals(db: Db): Promise<World['out']> {
  const userId = await earner(db, 10_000);
  const asking = (change?: Wish) => askForMoney(db, userId, 500, change);
  const submitted = async (change?: Wish): Promise<string> => {
    const row = await asking(change);
    for (let by = 0; by < row.approvalsNeeded; by++) await approve(db, row, `user:op${by}`);
    await submitWithdrawal(db, row.id, Date.now());
    return row.id;
  };
  const twice = { limits: { ...WITHDRAWAL_LIMITS, twoOperators: 0 } };
  const paidOut = async (change?: Wish): Promise<string> => {
    const id = await submitted(change);
    await settleWithdrawal(db, id, { providerPayoutNo: id, paidAtMs: Date.now(), nowMs: Date.now() });
    return id;
  };
  const out = {
    paid: await paidOut(twice),
    goingOut: await submitted(),
    awaited: await submitted(),
    failed: await submitted(),
    refused: (await reject(db, await asking())).id,
    bounced: await paidOut(),
    asked: (await asking()).id,
  };
  await acceptWithdrawal(db, out.awaited, { packageInfo: 'package', nowMs: Date.now() });
  await failWithdrawal(db, out.failed, no());
  await bounceWithdrawal(db, out.bounced, no());
  return out;
}

/** What a provider kept of a day, by its bill. */
async function feesOfADay(db: Db): Promise<void> {
  const day = { channel: 'alipay', date: '2026-11-23' } as const;
  const id = `${day.channel}-${day.date}`;
  await db
    .insert(reconciliations)
    .values({ ...day, id, status: 'completed', fees: 32, requestedBy: 'test', endedAt: new Date() });
  await post(db, feesPosting(day.channel, day.date, 32));
}

export async function saneWorld(db: Db): Promise<World> {
  await addUsers(db);
  await setPayPassword(db);
  await giveCash(db, BUYER, 5_000);
  await feesOfADay(db);
  const chargedBack = await chargedBackOrders(db);
  return {
    chargedBack,
    ...(await releasedOrder(db)),
    ...(await heldOrder(db)),
    ...(await autoConfirmedOrder(db)),
    walletPaid: await walletOrder(db),
    topUp: await topUpWithChain(db),
    closed: await closedOrder(db),
    misfit: await misfit(db),
    out: await withdrawals(db),
  };
}
