import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { orderByNo } from '../../db/orders.js';
import { refunds } from '../../db/schema.js';
import { settleRefund } from '../../ledger/refund-ends.js';
import { type TestAnswer, allRows } from '../test-support.js';
import { database, api, tokens, keys, completed, reason, ask, decide } from './test-support.js';

describe('POST /v1/orders/{id}/refunds', () => {
  it('answers 201 with the refund, and the order is frozen', async () => {
    const order = await completed();
    const asked = await ask(order);
    expect(asked.status).toBe(201);
    expect(asked.json).toMatchObject({
      orderId: order.id,
      amount: 500,
      status: 'requested',
      reason,
      channel: 'alipay',
      outTradeNo: order.orderNo,
      requestedBy: 'user:alice',
      decidedBy: null,
      settledAt: null,
    });
    const shown = await api.send('GET', `/v1/orders/${order.id}`, { as: tokens['alice'] });
    expect(shown.json['status']).toBe('refund_requested');
  });

  it('M6 the same Idempotency-Key twice, or many times at once, is one refund', async () => {
    const order = await completed();
    const first = await ask(order, { reason }, tokens['alice'], 'key-1');
    const again = await ask(order, { reason }, tokens['alice'], 'key-1');
    expect([again.status, again.json['id']]).toEqual([201, first.json['id']]);
    expect((await ask(order, { reason: 'x' }, tokens['alice'], 'key-1')).json['code']).toBe(
      'idempotency_conflict',
    );
    const many = await completed();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask(many, { reason }, tokens['alice'], 'key-2')),
    );
    for (const answer of answers) expect([201, 409]).toContain(answer.status);
    const rows = await database.db.select().from(refunds).where(eq(refunds.orderNo, many.orderNo));
    expect(rows).toHaveLength(1);
  });

  it.each<[string, unknown, string]>([
    ['no reason', { amount: 1 }, 'reason'],
    ['an empty reason', { amount: 1, reason: '' }, 'reason'],
    ['an endless reason', { amount: 1, reason: 'x'.repeat(257) }, 'reason'],
    ['nothing', { amount: 0, reason }, 'amount'],
    ['a negative amount', { amount: -1, reason }, 'amount'],
    ['a fraction', { amount: 1.5, reason }, 'amount'],
    ['text', { amount: '500', reason }, 'amount'],
    ['too large a number', { amount: 10_000_000_001, reason }, 'amount'],
  ])('refuses %s', async (_what, body, field) => {
    const answer = await ask(await completed(), body);
    expect([answer.status, answer.json['code'], answer.json['field']]).toEqual([
      400,
      'invalid_request',
      field,
    ]);
  });

  it.each<[string, () => string | undefined, number, string | undefined]>([
    ['the buyer', () => tokens['alice'], 201, undefined],
    ['a back end for orders', () => keys['orders'], 201, undefined],
    ['the seller', () => tokens['sally'], 403, 'forbidden'],
    ['a stranger', () => tokens['bob'], 404, 'order_not_found'],
    ['an operator who is no party', () => tokens['oscar'], 403, 'forbidden'],
    ['a back end that only decides', () => keys['refunds:decide'], 403, 'forbidden'],
  ])('S1 of %s', async (_who, as, status, code) => {
    const answer = await ask(await completed(), { reason }, as());
    expect([answer.status, answer.json['code']]).toEqual([status, code]);
  });

  it('M6 is refused above what was paid, and while another one is open', async () => {
    const order = await completed();
    expect((await ask(order, { amount: 10_001, reason })).json).toMatchObject({
      code: 'refund_not_possible',
      reason: 'too_much',
    });
    await ask(order);
    expect((await ask(order)).json).toMatchObject({ status: 409, reason: 'already_open' });
  });
});

describe('POST /v1/refunds/{id}/approve and /reject', () => {
  it('approve answers the refund on its way, repeats answer the same, and a rejection is refused', async () => {
    const { json } = await ask(await completed());
    const approved = await decide(json['id'], 'approve', {});
    expect(approved.status).toBe(200);
    expect(approved.json).toMatchObject({ status: 'processing', decision: 'approved' });
    expect((await decide(json['id'], 'approve', {})).json).toEqual(approved.json);
    expect((await decide(json['id'], 'reject', { reason })).json).toMatchObject({
      status: 409,
      code: 'refund_decided',
    });
    const done = { providerRefundNo: 'p1', settledAtMs: Date.now(), nowMs: Date.now() };
    await settleRefund(database.db, String(json['id']), done);
    const read = await api.send('GET', `/v1/refunds/${String(json['id'])}`, { as: tokens['alice'] });
    expect(read.json).toMatchObject({ status: 'succeeded' });
  });

  it('reject takes a reason, by an operator too, and repeats answer the same', async () => {
    const order = await completed();
    const { json } = await ask(order);
    expect((await decide(json['id'], 'reject', {})).json).toMatchObject({ code: 'invalid_request' });
    const rejected = await decide(json['id'], 'reject', { reason: 'it was held' }, tokens['oscar']);
    expect(rejected.json).toMatchObject({
      status: 'rejected',
      decidedBy: 'user:oscar',
      decision: 'it was held',
    });
    expect((await decide(json['id'], 'reject', { reason })).json).toEqual(rejected.json);
    expect((await decide(json['id'], 'approve', {})).json).toMatchObject({ code: 'refund_decided' });
    expect((await orderByNo(database.db, order.orderNo)).status).toBe('completed');
  });

  it('is for nobody else', async () => {
    const { json } = await ask(await completed());
    for (const as of [tokens['alice'], tokens['sally'], keys['orders']]) {
      expect((await decide(json['id'], 'approve', {}, as)).status).toBe(403);
    }
    expect((await decide('f'.repeat(24), 'approve', {})).json).toMatchObject({ code: 'refund_not_found' });
    expect((await decide('nonsense', 'approve', {})).status).toBe(400);
  });
});

describe('GET /v1/refunds', () => {
  it('shows a refund to its parties and to who decides, and to nobody else', async () => {
    const { json } = await ask(await completed());
    const read = (as: string | undefined): Promise<TestAnswer> =>
      api.send('GET', `/v1/refunds/${String(json['id'])}`, { as });
    for (const as of [tokens['alice'], tokens['sally'], tokens['oscar'], ...Object.values(keys)]) {
      expect((await read(as)).json['id']).toBe(json['id']);
    }
    expect((await read(tokens['bob'])).json).toMatchObject({ status: 404, code: 'refund_not_found' });
  });

  it('lists page by page, newest first, by status', async () => {
    for (let made = 0; made < 3; made++) await ask(await completed());
    const rows = await allRows(api, '/v1/refunds?status=requested&limit=2');
    expect(rows.length).toBeGreaterThanOrEqual(3);
    expect(rows.every(({ status }) => status === 'requested')).toBe(true);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    const times = rows.map(({ createdAt }) => Date.parse(String(createdAt)));
    expect(times).toEqual([...times].sort((left, right) => right - left));
  });
});
