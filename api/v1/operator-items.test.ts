import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { noteDispute } from '../../db/chargebacks.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { orderEvents, refunds } from '../../db/schema.js';
import { fen } from '../../domain/money.js';
import { suspensePosting } from '../../domain/postings.js';
import { openItem } from '../../db/operator-items.js';
import { post } from '../../ledger/post.js';
import { failRefund } from '../../ledger/refund-ends.js';
import { failWithdrawal } from '../../ledger/withdrawal-ends.js';
import { approve as approveWithdrawal, ask as askForMoney, earner } from '../../test/support/withdrawals.js';
import { proveLedger } from '../../ledger/balances.js';
import { type TestAnswer, allRows } from '../test-support.js';
import { database, api, tokens, keys, completed, ask, decide } from './test-support.js';

describe('POST /v1/operator-items/{id}/resolve', () => {
  const resolve = (id: unknown, resolution: string, as = tokens['oscar']): Promise<TestAnswer> =>
    api.send('POST', `/v1/operator-items/${String(id)}/resolve`, {
      as,
      body: { resolution, reason: 'looked into' },
    });
  const itemAbout = async (ref: string): Promise<Record<string, unknown>> => {
    const found = (await allRows(api, '/v1/operator-items?limit=50')).find((item) => item['ref'] === ref);
    if (found === undefined) throw new Error(`no item about ${ref}`);
    return found;
  };
  const suspense = async (): Promise<number> =>
    (await proveLedger(database.db)).accounts.find(({ account }) => account === 'platform:suspense')
      ?.balance ?? 0;

  async function suspended(providerTradeNo: string): Promise<Record<string, unknown>> {
    const trade = { channel: 'alipay' as const, providerTradeNo };
    await post(database.db, suspensePosting({ ...trade, amountFen: fen(77) }));
    const ref = `alipay/${providerTradeNo}/out-${providerTradeNo}`;
    const details = { ...trade, outTradeNo: `out-${providerTradeNo}`, amount: 77, inSuspense: true };
    await openItem(database.db, { kind: 'suspense', ref, orderNo: null, details });
    return itemAbout(ref);
  }

  it('M4 suspense: refund sends the money back once, however often and by however many it is asked', async () => {
    const before = await suspense();
    const item = await suspended('t-refund');
    const answers = await Promise.all(Array.from({ length: 5 }, () => resolve(item['id'], 'refund')));
    for (const { status, json } of answers) {
      expect([status, json['status'], json['resolution'], json['resolvedBy']]).toEqual([
        200,
        'resolved',
        'refund',
        'user:oscar',
      ]);
    }
    const rows = await database.db.select().from(refunds).where(eq(refunds.outTradeNo, 'out-t-refund'));
    expect(rows).toMatchObject([{ amount: 77, status: 'processing', source: 'suspense', orderNo: null }]);
    expect(await suspense()).toBe(before);
    expect((await resolve(item['id'], 'keep')).json).toMatchObject({ code: 'conflict' });
    const shown = await api.send('GET', `/v1/refunds/${rows[0]?.id ?? ''}`, { as: tokens['oscar'] });
    expect(shown.json).toMatchObject({ orderId: null, amount: 77 });
    // Money of no order is nobody's but the operators'.
    const other = await api.send('GET', `/v1/refunds/${rows[0]?.id ?? ''}`, { as: tokens['alice'] });
    expect(other.json).toMatchObject({ code: 'refund_not_found' });
  });

  it('M4 suspense: keep makes it the platform’s, once', async () => {
    const before = await suspense();
    const item = await suspended('t-keep');
    expect((await resolve(item['id'], 'settled_by_hand')).json).toMatchObject({ code: 'conflict' });
    for (let time = 1; time <= 2; time++) {
      expect((await resolve(item['id'], 'keep')).json).toMatchObject({ resolution: 'keep' });
    }
    expect(await suspense()).toBe(before);
  });

  async function failed(): Promise<{ order: OrderRow; refundId: string; item: Record<string, unknown> }> {
    const order = await completed();
    const refundId = String((await ask(order)).json['id']);
    await decide(refundId, 'approve', {});
    const error = { code: 'channel_refused', message: 'no' };
    await failRefund(database.db, refundId, { error, nowMs: Date.now() });
    return { order, refundId, item: await itemAbout(refundId) };
  }

  it('failed_refund: retry asks again under a new number, approved at once, and is on the timeline', async () => {
    const { order, refundId, item } = await failed();
    await Promise.all(Array.from({ length: 4 }, () => resolve(item['id'], 'retry')));
    const rows = await database.db.select().from(refunds).where(eq(refunds.orderNo, order.orderNo));
    expect(rows.map(({ status }) => status).sort()).toEqual(['failed', 'processing']);
    expect(rows.find(({ id }) => id !== refundId)).toMatchObject({ amount: 500, decidedBy: 'user:oscar' });
    const events = await database.db.select().from(orderEvents).where(eq(orderEvents.orderNo, order.orderNo));
    expect(events.filter(({ type }) => type === 'operator_item.resolved')).toMatchObject([
      { actor: 'user:oscar', reason: 'looked into', data: { resolution: 'retry', kind: 'failed_refund' } },
    ]);
  });

  it('failed_refund: settled_by_hand closes the item and moves nothing', async () => {
    const { order, item } = await failed();
    const before = await proveLedger(database.db);
    expect((await resolve(item['id'], 'settled_by_hand')).json).toMatchObject({ status: 'resolved' });
    expect((await proveLedger(database.db)).accounts).toEqual(before.accounts);
    expect((await orderByNo(database.db, order.orderNo)).refunded).toBe(0);
  });

  it('failed_refund: a retry that is not possible any more leaves the item open', async () => {
    const { order, item } = await failed();
    await ask(order);
    expect((await resolve(item['id'], 'retry')).json).toMatchObject({ code: 'refund_not_possible' });
    expect((await itemAbout(String(item['ref'])))['status']).toBe('open');
  });

  it('M4 failed_payout: acknowledged closes the item of money that is its owner’s again, and moves nothing', async () => {
    const { db } = database;
    const { id } = await approveWithdrawal(db, await askForMoney(db, await earner(db), 400));
    const error = { code: 'channel_refused', message: 'no such account' };
    await failWithdrawal(db, id, { error, nowMs: Date.now() });
    const item = await itemAbout(id);
    expect(item).toMatchObject({
      kind: 'failed_payout',
      orderNo: null,
      details: { status: 'failed', amount: 400 },
    });
    expect(JSON.stringify(item)).not.toContain('@example.com');
    const before = await proveLedger(db);
    expect((await resolve(item['id'], 'retry')).json).toMatchObject({ code: 'invalid_request' });
    for (let time = 1; time <= 2; time++) {
      expect((await resolve(item['id'], 'acknowledged')).json).toMatchObject({ resolution: 'acknowledged' });
    }
    expect((await proveLedger(db)).accounts).toEqual(before.accounts);
  });

  it('M6 chargeback: a second one of a payment is refused with what is left, and closed by hand', async () => {
    const { orderNo } = await completed();
    const told = async (disputeNo: string, amount: number): Promise<unknown> => {
      const trade = { channel: 'alipay' as const, providerTradeNo: `trade-${orderNo}`, currency: 'CNY' };
      await noteDispute(database.db, { ...trade, disputeNo, amount, status: 'lost', reason: 'fraudulent' });
      return (await itemAbout(`alipay/${disputeNo}`))['id'];
    };
    const [first, second] = [await told('dp_1', 9_000), await told('dp_2', 9_000)];
    expect((await resolve(first, 'accept')).status).toBe(200);
    expect((await orderByNo(database.db, orderNo)).refunded).toBe(9_000);
    const refused = await resolve(second, 'accept');
    expect([refused.status, refused.json]).toMatchObject([
      409,
      { code: 'conflict', reason: 'too_much', left: 1_000 },
    ]);
    expect(refused.json['detail']).toContain('settled_by_hand');
    expect((await itemAbout('alipay/dp_2'))['status']).toBe('open');
    expect((await resolve(second, 'settled_by_hand')).json).toMatchObject({ status: 'resolved' });
    expect((await orderByNo(database.db, orderNo)).refunded).toBe(9_000);
  });

  it('parked_step: is refused, and the calls that decide are named', async () => {
    const details = { path: '0' };
    await openItem(database.db, { kind: 'parked_step', ref: 'o1:0', orderNo: null, details });
    const answer = await resolve((await itemAbout('o1:0'))['id'], 'retry');
    expect([answer.status, answer.json['code']]).toEqual([409, 'conflict']);
    expect(answer.json['detail']).toContain('/v1/orders/{id}/actions/{path}/retry');
  });

  it('refuses a resolution that the kind has not, an unknown item, and everybody but operators', async () => {
    const { item } = await failed();
    expect((await resolve(item['id'], 'keep')).json).toMatchObject({
      code: 'invalid_request',
      field: 'resolution',
    });
    expect((await resolve(item['id'], 'forget')).json).toMatchObject({ code: 'invalid_request' });
    expect((await resolve('f'.repeat(24), 'keep')).json).toMatchObject({ code: 'not_found' });
    for (const as of [tokens['alice'], keys['orders'], keys['refunds:decide']]) {
      expect((await resolve(item['id'], 'retry', as)).status).toBe(403);
    }
    expect((await resolve(item['id'], 'settled_by_hand', keys['operate'])).status).toBe(200);
  });
});
