/** Chargebacks beside the release and refunds: what a bank took is nobody else's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderByNo } from '../db/orders.js';
import { type ErrorCode, HoldfastError } from '../domain/errors.js';
import { chargebackPosting } from '../domain/chargeback-postings.js';
import { fen } from '../domain/money.js';
import { account, releasePosting } from '../domain/postings.js';
import { refusalOf, sqlStateOf } from '../test/support/errors.js';
import { bucketsOf } from '../test/support/withdrawals.js';
import { returnChargeback, takeChargeback } from './chargebacks.js';
import { post } from './post.js';
import { lockOrder } from './refund-rows.js';
import {
  type Case,
  approve,
  ask,
  balanceOf,
  db,
  eventsOf,
  fail,
  newId,
  now,
  paid,
  platform,
  reject,
  release,
  settle,
} from './test-support.js';

interface Dispute {
  orderNo: string;
  channel: 'alipay';
  disputeNo: string;
  amount: number;
}

const disputeOf = ({ order: { orderNo } }: Case, amount: number): Dispute => ({
  orderNo,
  channel: 'alipay',
  disputeNo: newId(),
  amount,
});

/** As an operator's word does it: the order's row is locked first. */
const take = ({ orderNo, amount, ...dispute }: Dispute): Promise<void> =>
  db.transaction(async (tx) => {
    const order = await lockOrder(tx, orderNo);
    await takeChargeback(tx, { ...dispute, amountFen: fen(amount), order }, Date.now());
  });
const giveBack = ({ orderNo, amount, ...dispute }: Dispute): Promise<void> =>
  db.transaction(async (tx) => {
    const order = await lockOrder(tx, orderNo);
    await returnChargeback(tx, { ...dispute, amountFen: fen(amount), order });
  });

async function taken(one: Case, amount: number): Promise<Dispute> {
  const dispute = disputeOf(one, amount);
  await take(dispute);
  return dispute;
}

const heldFor = ({ order: { orderNo } }: Case): Promise<number> => balanceOf(account.hold(orderNo));

/** As its workflow does it: it knows of so much that went back. */
function releaseKnowing({ order, sellerId }: Case, refunded: number): Promise<unknown> {
  const { orderNo, feeBps, captured } = order;
  const amountFen = fen(captured - refunded);
  return post(db, releasePosting({ orderNo, sellerId, amountFen, feeBps, by: 'test', atMs: Date.now() }));
}

describe('M6: a chargeback of held money', () => {
  it('is never released: the seller gets what is left, and the fee is of that', async () => {
    const one = await paid({ feeBps: 333 });
    const fees = await platform(account.fees);
    await taken(one, 4_000);
    expect(await now(one)).toMatchObject({ status: 'paid', money: 'held', refunded: 4_000 });
    expect(await heldFor(one)).toBe(6_000);
    expect(await refusalOf(releaseKnowing(one, 0))).toMatchObject({ code: 'insufficient_funds' });
    await releaseKnowing(one, 4_000);
    expect(await bucketsOf(db, one.sellerId)).toMatchObject({ withdrawable: 6_000 - 199, debt: 0 });
    expect((await platform(account.fees)) - fees).toBe(199);
    expect(await now(one)).toMatchObject({ status: 'partially_refunded', refunded: 4_000 });
  });

  it('that the bank gives back is held again, and nothing is released that would leave it there', async () => {
    const one = await paid();
    const dispute = await taken(one, 4_000);
    await giveBack(dispute);
    await giveBack(dispute);
    expect(await now(one)).toMatchObject({ status: 'paid', money: 'held', refunded: 0 });
    expect(await heldFor(one)).toBe(10_000);
    expect(await refusalOf(releaseKnowing(one, 4_000))).toMatchObject({
      code: 'state_conflict',
      details: { state: 'hold_not_empty' },
    });
    expect(await now(one)).toMatchObject({ money: 'held' });
    await releaseKnowing(one, 0);
    expect(await bucketsOf(db, one.sellerId)).toMatchObject({ withdrawable: 10_000 });
  });

  it('M7: that the bank gives back after its order ended is the seller’s, less the fee of that part', async () => {
    const [whole, part] = [await paid({ feeBps: 333 }), await paid({ feeBps: 333 })];
    const disputes = [await taken(whole, 10_000), await taken(part, 4_000)];
    await releaseKnowing(part, 4_000);
    const fees = await platform(account.fees);
    await Promise.all(disputes.map(giveBack));
    expect(await bucketsOf(db, whole.sellerId)).toMatchObject({ withdrawable: 10_000 - 333, debt: 0 });
    expect(await bucketsOf(db, part.sellerId)).toMatchObject({ withdrawable: 10_000 - 199 - 133, debt: 0 });
    expect((await platform(account.fees)) - fees).toBe(333 + 133);
    expect(await now(whole)).toMatchObject({ status: 'refunded', refunded: 10_000 });
    expect(await now(part)).toMatchObject({ status: 'partially_refunded', refunded: 4_000 });
  });

  it('leaves a refund no more than the rest, and the last of both ends the hold', async () => {
    const one = await paid();
    await taken(one, 4_000);
    expect(await refusalOf(ask(one, 6_001))).toMatchObject({ code: 'refund_not_possible' });
    const refund = await approve(await ask(one));
    expect(refund.amount).toBe(6_000);
    await settle(refund);
    expect(await now(one)).toMatchObject({ status: 'refunded', money: 'released', releasedBy: 'refund' });
    expect(await refusalOf(take(disputeOf(one, 1)))).toMatchObject({
      code: 'conflict',
      details: { left: 0 },
    });
    expect(await heldFor(one)).toBe(0);
  });

  it('that is taken twice is taken once', async () => {
    const one = await paid();
    const dispute = disputeOf(one, 3_000);
    await Promise.all([take(dispute), take(dispute), take(dispute)]);
    await release(one, 3_000);
    await take(dispute);
    expect(await now(one)).toMatchObject({ refunded: 3_000 });
    expect((await eventsOf(one)).filter((type) => type === 'payment.charged_back')).toHaveLength(1);
    expect(await bucketsOf(db, one.sellerId)).toMatchObject({ withdrawable: 7_000, debt: 0 });
  });
});

describe('M6: the posting itself', () => {
  it.each([
    ['held', false, 'insufficient_funds'],
    ['released', true, '23514'],
  ])('refuses what is %s no more, whatever its caller has read', async (_what, isReleased, code) => {
    const one = await paid();
    if (isReleased) await release(one);
    const order = await now(one);
    await taken(one, 6_000);
    const stale = { channel: 'alipay' as const, disputeNo: newId(), amountFen: fen(6_000), order };
    expect(await sqlStateOf(post(db, chargebackPosting(stale, Date.now())))).toBe(code);
    expect((await now(one)).refunded).toBe(6_000);
  });

  it('refuses what an open refund asks for', async () => {
    const one = await paid();
    const order = await now(one);
    await ask(one);
    const stale = { channel: 'alipay' as const, disputeNo: newId(), amountFen: fen(1), order };
    expect(await refusalOf(post(db, chargebackPosting(stale, Date.now())))).toMatchObject({
      code: 'state_conflict',
      details: { state: 'refund_open' },
    });
  });
});

describe('M8: a chargeback and a release at once', () => {
  it('never give the same money twice, whichever is faster', async () => {
    for (let round = 0; round < 12; round++) {
      const one = await paid();
      const [charged, released] = await Promise.allSettled([
        take(disputeOf(one, 4_000)),
        releaseKnowing(one, 0),
      ]);
      expect(charged.status).toBe('fulfilled');
      const { withdrawable, debt } = await bucketsOf(db, one.sellerId);
      expect(debt).toBe(0);
      expect(withdrawable + (await heldFor(one))).toBe(6_000);
      expect((await now(one)).money).toBe(released.status === 'fulfilled' ? 'released' : 'held');
    }
  });
});

/** What the ledger may say to one of these at a moment that does not suit it. */
const REFUSALS: readonly ErrorCode[] = [
  'conflict',
  'state_conflict',
  'posting_conflict',
  'insufficient_funds',
  'refund_not_possible',
  'refund_decided',
];

async function unlessRefused<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HoldfastError && REFUSALS.includes(error.code)) return null;
    throw error;
  }
}

const ACTS = ['charge', 'giveBack', 'ask', 'approve', 'reject', 'settle', 'fail', 'release'] as const;

describe('M4 M6 any life of an order with chargebacks and refunds', () => {
  async function liveOut(acts: { act: (typeof ACTS)[number]; amount: number }[]): Promise<void> {
    const one = await paid({ amount: 100 });
    const disputes: Dispute[] = [];
    let refund: Awaited<ReturnType<typeof ask>> | null = null;
    for (const { act, amount } of acts) {
      if (act === 'charge') {
        const dispute = disputeOf(one, amount);
        const isTaken = await unlessRefused(take(dispute).then(() => true));
        if (isTaken) disputes.push(dispute);
      } else if (act === 'giveBack') {
        const dispute = disputes.shift();
        if (dispute !== undefined) await giveBack(dispute);
      } else if (act === 'ask') refund = (await unlessRefused(ask(one, amount))) ?? refund;
      else if (act === 'release') await unlessRefused(release(one, (await now(one)).refunded));
      else if (refund !== null) await unlessRefused({ approve, reject, settle, fail }[act](refund));
    }
    await assertRight(one, disputes);
  }

  async function assertRight(one: Case, disputes: Dispute[]): Promise<void> {
    const order = await orderByNo(db, one.order.orderNo);
    const refunds = await db.query.refunds.findMany({
      where: (row, { eq }) => eq(row.orderNo, order.orderNo),
    });
    const sumOf = (rows: { amount: number }[]): number => rows.reduce((sum, { amount }) => sum + amount, 0);
    const back = sumOf(refunds.filter(({ status }) => status === 'succeeded'));
    const going = sumOf(refunds.filter(({ status }) => status === 'processing'));
    const charged = sumOf(disputes);
    const { withdrawable, debt } = await bucketsOf(db, one.sellerId);
    const held = await heldFor(one);
    // What was paid is in one place or another, and together the ways back never take more.
    expect(held + withdrawable - debt + back + going + charged).toBe(100);
    expect(back + going + charged).toBeLessThanOrEqual(100);
    expect(order.refunded).toBeGreaterThanOrEqual(back + charged);
    if (order.money === 'held') expect(order.refunded).toBe(back + charged);
    else expect(held).toBe(0);
  }

  it('has every fen in one place, and nothing goes back twice', async () => {
    const act = fc.record({ act: fc.constantFrom(...ACTS), amount: fc.integer({ min: 1, max: 100 }) });
    await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 12 }), liveOut), {
      numRuns: 60,
    });
  });
});
