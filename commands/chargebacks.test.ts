/** What payers' banks take back: one item per dispute, and a person's word about who pays. */
import { and, eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { type ToldDispute, chargebackRef, noteDispute } from '../db/chargebacks.js';
import { entries, operatorItems, orderEvents } from '../db/schema.js';
import type { OrderRow } from '../db/orders.js';
import { fen } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { walletOf } from '../ledger/balances.js';
import { post } from '../ledger/post.js';
import {
  type Case,
  approve,
  ask,
  db,
  eventsOf,
  newId,
  now,
  paid,
  release,
  settle,
} from '../ledger/test-support.js';
import { refusalOf } from '../test/support/errors.js';
import { bucketsOf } from '../test/support/withdrawals.js';
import { giveCash, offlineContext } from '../test/support/world.js';
import { type ItemRow, type Resolution, resolveOperatorItem } from './resolve-item.js';

let disputes = 0;

function told({ orderNo, amount }: OrderRow, change: Partial<ToldDispute> = {}): ToldDispute {
  disputes += 1;
  return {
    channel: 'alipay',
    disputeNo: `dp_${disputes}`,
    providerTradeNo: `trade-${orderNo}`,
    amount,
    currency: 'CNY',
    status: 'opened',
    reason: 'fraudulent',
    ...change,
  };
}

async function itemOf(dispute: ToldDispute): Promise<ItemRow> {
  const items = await db
    .select()
    .from(operatorItems)
    .where(and(eq(operatorItems.kind, 'chargeback'), eq(operatorItems.ref, chargebackRef(dispute))));
  expect(items).toHaveLength(1);
  return items[0] as ItemRow;
}

async function decide(dispute: ToldDispute, resolution: Resolution): Promise<ItemRow> {
  const { id } = await itemOf(dispute);
  return resolveOperatorItem(offlineContext(db), id, { resolution, reason: 'looked into' }, 'user:oscar');
}

async function disputed(one: Case, change: Partial<ToldDispute> = {}): Promise<ToldDispute> {
  const dispute = told(one.order, change);
  await noteDispute(db, dispute);
  return dispute;
}

/** What has moved at the channel since the payment. */
async function takenBack({ order }: Case): Promise<number> {
  const rows = await db
    .select({ amount: entries.amount })
    .from(entries)
    .where(eq(entries.account, 'channel:alipay'));
  expect(order.captured).toBeGreaterThan(0);
  return rows.reduce((sum, { amount }) => sum + amount, 0);
}

const timelineOf = async ({ order: { orderNo } }: Case): Promise<string[]> =>
  (await db.select().from(orderEvents).where(eq(orderEvents.orderNo, orderNo)))
    .map(({ type }) => type)
    .filter((type) => type.includes('disput') || type.includes('charge'));

describe('a dispute', () => {
  it('opens one item with its facts, however often and in whatever order it is told', async () => {
    const one = await paid();
    const opened = told(one.order);
    const lost = { ...opened, status: 'lost' as const };
    await Promise.all([opened, opened, lost].map((dispute) => noteDispute(db, dispute)));
    await noteDispute(db, opened);
    await noteDispute(db, lost);
    expect(await itemOf(opened)).toMatchObject({
      orderNo: one.order.orderNo,
      status: 'open',
      details: {
        disputeNo: opened.disputeNo,
        amount: 10_000,
        currency: 'CNY',
        status: 'lost',
        reason: 'fraudulent',
      },
    });
    expect(await timelineOf(one)).toEqual(['payment.disputed']);
  });

  it('of a payment that paid no order is shown too, and moves nothing', async () => {
    const dispute = told({ orderNo: 'none', amount: 5 } as OrderRow);
    await noteDispute(db, dispute);
    expect((await itemOf(dispute)).orderNo).toBeNull();
    expect(await refusalOf(decide(dispute, 'accept'))).toMatchObject({ code: 'conflict' });
    expect((await decide(dispute, 'reject')).status).toBe('resolved');
    // Its end opens it again, and then only a hand can close it.
    await noteDispute(db, { ...dispute, status: 'lost' });
    for (const word of ['accept', 'reject'] as const) {
      expect(await refusalOf(decide(dispute, word))).toMatchObject({ code: 'conflict' });
    }
    expect((await decide(dispute, 'settled_by_hand')).status).toBe('resolved');
  });

  it.each([
    ['in another currency', { currency: 'USD' }],
    ['of more than was paid', { amount: 10_001 }],
    ['of nothing', { amount: 0 }],
  ])('M6: %s takes nothing', async (_title, change) => {
    const dispute = await disputed(await paid(), change);
    expect(await refusalOf(decide(dispute, 'accept'))).toMatchObject({ code: 'conflict' });
    expect((await itemOf(dispute)).status).toBe('open');
    await noteDispute(db, { ...dispute, status: 'won' });
    expect((await decide(dispute, 'reject')).status).toBe('resolved');
  });
});

describe('M6: what went back is not taken again', () => {
  it('by a second dispute of the payment: its item stays open and says why', async () => {
    const one = await paid();
    await decide(await disputed(one, { amount: 6_000 }), 'accept');
    const second = await disputed(one, { amount: 6_000 });
    expect(await refusalOf(decide(second, 'accept'))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('of 10000 fen that were paid 4000 are left'),
      details: { reason: 'too_much', left: 4_000 },
    });
    expect(await itemOf(second)).toMatchObject({ status: 'open', resolution: null });
    await decide(await disputed(one, { amount: 4_000 }), 'accept');
    expect((await now(one)).refunded).toBe(10_000);
  });

  it('of two disputes at once one is taken', async () => {
    const one = await paid();
    const both = [await disputed(one, { amount: 6_000 }), await disputed(one, { amount: 6_000 })];
    const outcomes = await Promise.allSettled(both.map((dispute) => decide(dispute, 'accept')));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await now(one)).refunded).toBe(6_000);
  });

  it('beside a refund: not while it is open, and afterwards no more than it has left', async () => {
    const one = await paid();
    const dispute = await disputed(one, { amount: 6_000 });
    const refund = await ask(one, 5_000);
    const refusal = { code: 'conflict', details: { reason: 'refund_open' } };
    expect(await refusalOf(decide(dispute, 'accept'))).toMatchObject(refusal);
    await approve(refund);
    expect(await refusalOf(decide(dispute, 'accept'))).toMatchObject(refusal);
    await settle(refund);
    expect(await refusalOf(decide(dispute, 'accept'))).toMatchObject({ details: { left: 5_000 } });
    expect((await now(one)).refunded).toBe(5_000);
  });

  it('is closed by hand, and only where it cannot be taken', async () => {
    const one = await paid();
    const covered = await disputed(one);
    expect(await refusalOf(decide(covered, 'settled_by_hand'))).toMatchObject({ code: 'conflict' });
    const second = await disputed(one, { amount: 1, status: 'lost' });
    await decide(covered, 'accept');
    expect((await decide(second, 'settled_by_hand')).status).toBe('resolved');
    expect((await now(one)).refunded).toBe(10_000);
    await noteDispute(db, { ...covered, status: 'won' });
    expect(await refusalOf(decide(covered, 'settled_by_hand'))).toMatchObject({ code: 'conflict' });
  });
});

describe('M2: accept', () => {
  it('takes what the seller can withdraw first, and the rest is debt; once, by however many', async () => {
    const one = await paid({ feeBps: 0 });
    await release(one);
    const { sellerId } = one;
    const second = await paid({ feeBps: 0 });
    expect(await bucketsOf(db, sellerId)).toMatchObject({ withdrawable: 10_000, debt: 0 });
    const part = await disputed(one, { amount: 4_000 });
    await post(db, chargePosting(newId(), sellerId, fen(1_000), one.order.orderNo));
    const before = await takenBack(second);
    const answers = await Promise.all(Array.from({ length: 5 }, () => decide(part, 'accept')));
    expect(answers.map(({ resolution }) => resolution)).toEqual(Array.from({ length: 5 }, () => 'accept'));
    expect(await bucketsOf(db, sellerId)).toMatchObject({ withdrawable: 5_000, debt: 0 });
    expect(await now(one)).toMatchObject({ status: 'partially_refunded', refunded: 4_000 });
    await decide(await disputed(one, { amount: 6_000 }), 'accept');
    expect(await bucketsOf(db, sellerId)).toMatchObject({ withdrawable: 0, debt: 1_000 });
    expect(await now(one)).toMatchObject({ status: 'refunded', refunded: 10_000, releasedBy: 'test' });
    expect((await takenBack(second)) - before).toBe(10_000);
    expect(await refusalOf(decide(part, 'reject'))).toMatchObject({ code: 'conflict' });
    expect(await timelineOf(one)).toContain('payment.charged_back');
  });

  it('of all that is held leaves nothing to release, and no debt', async () => {
    const one = await paid();
    await decide(await disputed(one), 'accept');
    expect(await now(one)).toMatchObject({
      status: 'refunded',
      refunded: 10_000,
      money: 'released',
      releasedBy: 'chargeback',
    });
    expect(await bucketsOf(db, one.sellerId)).toMatchObject({ withdrawable: 0, debt: 0 });
    expect(await refusalOf(release(one))).toMatchObject({ code: 'state_conflict' });
    expect(await eventsOf(one)).toContain('order.refunded');
  });

  it('of a top-up takes it from its payer, and what is spent is owed', async () => {
    const rich = await paid({ kind: 'topup' });
    await decide(await disputed(rich), 'accept');
    expect(await walletOf(db, rich.buyerId)).toMatchObject({ cash: 0 });
    expect((await now(rich)).status).toBe('refunded');
    const poor = await paid({ kind: 'topup' });
    await giveCash(db, poor.buyerId, -4_000);
    await decide(await disputed(poor), 'accept');
    expect(await bucketsOf(db, poor.buyerId)).toMatchObject({ debt: 10_000 });
    expect((await now(poor)).status).toBe('refunded');
  });
});

describe('M2: what the bank decides', () => {
  it('for the payer opens a rejected one again, which can only be accepted', async () => {
    const one = await paid();
    await release(one);
    const dispute = await disputed(one);
    await decide(dispute, 'reject');
    await noteDispute(db, { ...dispute, status: 'lost' });
    expect(await itemOf(dispute)).toMatchObject({ status: 'open', resolution: null });
    expect(await refusalOf(decide(dispute, 'reject'))).toMatchObject({ code: 'conflict' });
    await decide(dispute, 'accept');
    await noteDispute(db, { ...dispute, status: 'lost' });
    expect(await itemOf(dispute)).toMatchObject({ status: 'resolved', resolution: 'accept' });
    expect(await bucketsOf(db, one.sellerId)).toMatchObject({ withdrawable: 0, debt: 0 });
  });

  it('for us opens an accepted one again, whose money is given back, once', async () => {
    const one = await paid({ feeBps: 0 });
    await release(one);
    const dispute = await disputed(one);
    await decide(dispute, 'accept');
    await noteDispute(db, { ...dispute, status: 'won' });
    expect(await refusalOf(decide(dispute, 'accept'))).toMatchObject({ code: 'conflict' });
    await Promise.all([decide(dispute, 'reject'), decide(dispute, 'reject')]);
    await noteDispute(db, { ...dispute, status: 'won' });
    expect(await itemOf(dispute)).toMatchObject({ status: 'resolved', resolution: 'reject' });
    expect(await bucketsOf(db, one.sellerId)).toMatchObject({ withdrawable: 10_000, debt: 0 });
  });

  it('as we did changes nothing', async () => {
    const [kept, gone] = [await disputed(await paid()), await disputed(await paid())];
    await decide(kept, 'reject');
    await decide(gone, 'accept');
    await noteDispute(db, { ...kept, status: 'won' });
    await noteDispute(db, { ...gone, status: 'lost' });
    expect([await itemOf(kept), await itemOf(gone)]).toMatchObject([
      { status: 'resolved', resolution: 'reject', details: { status: 'won' } },
      { status: 'resolved', resolution: 'accept', details: { status: 'lost' } },
    ]);
  });
});
