import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { type OrderRow } from '../db/orders.js';
import { operatorItems } from '../db/schema.js';

import { account } from '../domain/postings.js';
import { sqlAs } from '../test/support/database.js';
import { refusalOf, sqlStateOf } from '../test/support/errors.js';
import { addUsers, insertOrder } from '../test/support/world.js';
import { refundById } from '../db/refunds.js';
import { standingOf } from './refund-rows.js';
import {
  WINDOW_MS,
  database,
  db,
  newId,
  paid,
  release,
  ask,
  approve,
  reject,
  settle,
  fail,
  refunded,
  now,
  balanceOf,
  eventsOf,
} from './test-support.js';

describe('asking for a refund', () => {
  it('M6 N calls at once open one refund, whether they are equal or not', async () => {
    const [same, different] = [await paid(), await paid()];
    const refundId = newId();
    const equal = await Promise.all(Array.from({ length: 12 }, () => ask(same, 100, { refundId })));
    expect(new Set(equal.map(({ id }) => id))).toEqual(new Set([refundId]));
    const others = await Promise.allSettled(Array.from({ length: 12 }, () => ask(different, 100)));
    expect(others.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const given of [same, different]) {
      expect((await eventsOf(given)).filter((type) => type === 'refund.requested')).toHaveLength(1);
      expect(await now(given)).toMatchObject({ status: 'refund_requested', refundOpen: true, money: 'held' });
    }
  });

  it.each<[string, number | null, Partial<OrderRow>, string]>([
    ['a fen more than was paid', 10_001, {}, 'too_much'],
    ['nothing', 0, {}, 'too_much'],
  ])('M6 for %s is refused', async (_what, amount, change, reason) => {
    const given = await paid(change);
    expect(await refusalOf(ask(given, amount))).toMatchObject({
      code: 'refund_not_possible',
      details: { reason },
    });
    expect((await now(given)).refundOpen).toBe(false);
  });

  it('M6 is refused above what is left, and when nothing is left', async () => {
    const given = await paid();
    await refunded(given, 4_000);
    expect(await refusalOf(ask(given, 6_001))).toMatchObject({ details: { reason: 'too_much' } });
    await refunded(given, 6_000);
    expect(await refusalOf(ask(given))).toMatchObject({ details: { reason: 'nothing_left' } });
    expect(await now(given)).toMatchObject({ status: 'refunded', refunded: 10_000, releasedBy: 'refund' });
  });

  it('is possible until the window ends, to the millisecond', async () => {
    const given = await paid();
    const endsAtMs = given.paidAtMs + WINDOW_MS;
    expect(await refusalOf(ask(given, 1, { nowMs: endsAtMs }))).toMatchObject({
      details: { reason: 'too_late' },
    });
    expect((await ask(given, 1, { nowMs: endsAtMs - 1 })).status).toBe('requested');
  });

  it('is refused for an order that nobody has paid', async () => {
    const order = await insertOrder(db, await addUsers(db).then(() => ({})));
    const given = { order, buyerId: '', sellerId: '', paidAtMs: Date.now() };
    expect(await refusalOf(ask(given))).toMatchObject({ details: { reason: 'not_paid' } });
  });

  it('M8 SQL itself refuses the release while a refund is open, and lets it go after a rejection', async () => {
    const given = await paid();
    const refund = await ask(given);
    expect(await refusalOf(release(given))).toMatchObject({
      code: 'state_conflict',
      details: { state: 'refund_open' },
    });
    expect(await standingOf(db, given.order.orderNo)).toMatchObject({
      openRefundId: refund.id,
      money: 'held',
    });
    await reject(refund);
    await release(given);
    expect((await now(given)).status).toBe('completed');
  });

  it('M8 of two at once, a release and a request, SQL lets one be first', async () => {
    for (let round = 0; round < 10; round++) {
      const given = await paid();
      const [released, asked] = await Promise.allSettled([release(given), ask(given)]);
      expect(asked.status).toBe('fulfilled');
      const first = (await eventsOf(given)).filter((type) => /^(money|refund)\./.test(type))[0];
      expect(first).toBe(released.status === 'fulfilled' ? 'money.released' : 'refund.requested');
      expect((await now(given)).money).toBe(released.status === 'fulfilled' ? 'released' : 'held');
    }
  });
});

describe('deciding about a refund', () => {
  it('M8 a rejection puts the release off by as long as the refund was open, to the millisecond', async () => {
    const given = await paid();
    const refund = await ask(given);
    const rejected = await reject(refund, refund.createdAt.getTime() + 123_457);
    expect(await reject(refund)).toEqual(rejected);
    expect(await now(given)).toMatchObject({
      status: 'paid',
      releaseDueAt: new Date((given.order.releaseDueAt?.getTime() ?? 0) + 123_457),
    });
    expect((await eventsOf(given)).slice(-2)).toEqual(['refund.rejected', 'order.resumed']);
    expect(await refusalOf(approve(refund))).toMatchObject({ code: 'refund_decided' });
  });

  it('M6 N approvals, settlements and rejections at once move money once', async () => {
    const given = await paid();
    const refund = await ask(given, 3_000);
    const approved = await Promise.all(Array.from({ length: 8 }, () => approve(refund)));
    expect(new Set(approved.map(({ status }) => status))).toEqual(new Set(['processing']));
    expect(await balanceOf(account.refunding(refund.id))).toBe(3_000);
    expect(await balanceOf(account.hold(given.order.orderNo))).toBe(7_000);
    expect(await refusalOf(reject(refund))).toMatchObject({ code: 'refund_decided' });
    await Promise.all(Array.from({ length: 8 }, () => settle(refund)));
    expect(await balanceOf(account.refunding(refund.id))).toBe(0);
    expect(await now(given)).toMatchObject({ refunded: 3_000, status: 'paid', money: 'held' });
    expect((await refundById(db, refund.id)).providerRefundNo).toBe(`p-${refund.id}`);
  });

  it('a definite failure puts it back once, with one operator item; it can be asked for again', async () => {
    const given = await paid();
    const refund = await approve(await ask(given));
    await Promise.all(Array.from({ length: 8 }, () => fail(refund)));
    expect(await balanceOf(account.hold(given.order.orderNo))).toBe(10_000);
    expect(await now(given)).toMatchObject({ refunded: 0, refundOpen: false, status: 'paid' });
    const items = await db.select().from(operatorItems).where(eq(operatorItems.ref, refund.id));
    expect(items).toMatchObject([{ kind: 'failed_refund', status: 'open', orderNo: given.order.orderNo }]);
    // M7 a late "success" of what has failed moves nothing.
    expect(await refusalOf(settle(refund))).toMatchObject({ code: 'state_conflict' });
    expect((await refunded(given)).status).toBe('succeeded');
  });
});

describe('M2 the application’s role', () => {
  it('cannot mark an order as refunded itself', async () => {
    const { order } = await paid();
    const state = await sqlAs(database.appUrl, (app) =>
      sqlStateOf(app`UPDATE orders SET refunded = 1, refund_open = true WHERE order_no = ${order.orderNo}`),
    );
    expect(state).toBe('42501');
  });
});
