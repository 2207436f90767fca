/** What merchants are told, and what operators see of it. */
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { addEvent } from '../../db/orders.js';
import { withdrawals } from '../../db/schema.js';
import { addAccountEvent } from '../../db/withdrawals.js';
import { answering } from '../../outgoing/test-support.js';
import { deliveriesOf, letPass } from '../../test/support/webhooks.js';
import { insertOrder } from '../../test/support/world.js';
import { allRows } from '../test-support.js';
import { SHOP, api, database, made, receiver, send } from './test-webhooks.js';

describe('W7 an event', () => {
  it('of an order holds it as GET shows it, without its nextAction', async () => {
    const { id: endpointId } = await made();
    const { db } = database;
    const bare = await insertOrder(db, { buyerId: 'alice', sellerId: 'sally' });
    const full = await insertOrder(db, {
      buyerId: 'alice',
      sellerId: null,
      kind: 'package',
      items: [{ collection: 'packages', id: '7' }],
      nextAction: { type: 2, mobile: '13512345678' },
      chatId: 'room',
      skillId: 'guitar',
      metadata: { cart: '一' },
      money: 'released',
      captured: 10_000,
      refunded: 300,
      paidChannel: 'alipay',
      paidAt: new Date(Date.now() - 5_001),
      chatClosesAt: new Date(Date.now() + 60_000),
      releaseDueAt: new Date(),
      releasedAt: new Date(1_795_490_015_120),
      releasedBy: 'user:alice',
      closedAt: new Date(),
      closedReason: 'why not',
    });
    for (const { orderNo } of [bare, full])
      await addEvent(db, { orderNo, type: 'order.paid', actor: 'test' });
    const rows = await deliveriesOf(db, String(endpointId));
    for (const [index, { id }] of [bare, full].entries()) {
      const { nextAction: _, ...shown } = (await api.admin('GET', `/v1/orders/${id}`)).json;
      const { type, timestamp, data } = JSON.parse(rows[index]?.payload ?? '') as Record<string, unknown>;
      expect([type, data]).toEqual(['order.paid', shown]);
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  it('of a withdrawal holds it without the account that it goes to', async () => {
    const { id: endpointId } = await made({ url: SHOP, eventTypes: ['withdrawal.paid'] });
    const { db } = database;
    const [row] = await db
      .insert(withdrawals)
      .values({
        id: 'e'.repeat(24),
        userId: 'alice',
        amount: 500,
        channel: 'alipay',
        accountNo: 'alice@example.com',
        accountName: '爱丽丝',
        status: 'paid',
        requestedBy: 'user:alice',
        approvalsNeeded: 0,
        paidAt: new Date(),
      })
      .returning();
    if (row === undefined) throw new Error('an insert answered no row');
    await addAccountEvent(db, 'withdrawal.approved', row, { by: 'system' });
    await addAccountEvent(db, 'withdrawal.paid', row, { by: 'system' });
    const [told, ...more] = await deliveriesOf(db, String(endpointId));
    expect(more).toEqual([]);
    expect(JSON.parse(told?.payload ?? '')).toMatchObject({
      type: 'withdrawal.paid',
      data: { id: row.id, userId: 'alice', amount: 500, status: 'paid', paidAt: row.paidAt?.toISOString() },
    });
    expect(told?.payload).not.toMatch(/example\.com|爱丽丝/);
  });

  it('for a test takes the way of all others, to one endpoint, whatever it wants', async () => {
    const { id, secret } = await made({ url: receiver.url, eventTypes: ['order.closed'] });
    await made();
    const sent = await api.admin('POST', `/v1/webhook-endpoints/${String(id)}/test`);
    expect(sent.json).toMatchObject({
      endpointId: id,
      type: 'webhook.test',
      status: 'pending',
      attempts: [],
    });
    expect(await send()).toBe(1);
    const [got] = receiver.received;
    const headers = got?.headers as Record<string, string>;
    expect(new Webhook(String(secret)).verify(got?.body ?? '', headers)).toMatchObject({
      type: 'webhook.test',
      data: { endpointId: id },
    });
    const read = await api.admin('GET', `/v1/webhook-deliveries/${String(sent.json['id'])}`);
    expect(read.json).toMatchObject({
      status: 'succeeded',
      messageId: got?.headers['webhook-id'],
      attempts: [{ status: 204, error: null }],
      nextTryAt: null,
      payload: { type: 'webhook.test' },
    });
    await api.admin('PATCH', `/v1/webhook-endpoints/${String(id)}`, { status: 'disabled' });
    expect((await api.admin('POST', `/v1/webhook-endpoints/${String(id)}/test`)).json['code']).toBe(
      'conflict',
    );
  });
});

describe('W7 deliveries', () => {
  it('are listed by endpoint, status and type, and sent again', async () => {
    const { id } = await made();
    const path = `/v1/webhook-endpoints/${String(id)}`;
    for (let nth = 0; nth < 3; nth++) await api.admin('POST', `${path}/test`);
    const { orderNo } = await insertOrder(database.db, { buyerId: 'alice', sellerId: 'sally' });
    await addEvent(database.db, { orderNo, type: 'order.closed', actor: 'test' });
    receiver.answer = (response, { body }) => answering(body.includes('order.closed') ? 500 : 200)(response);
    await send();
    const count = async (query: string): Promise<number> =>
      (await allRows(api, `/v1/webhook-deliveries?limit=2${query}`)).length;
    expect(await count('')).toBe(4);
    expect(await count(`&endpointId=${String(id)}&status=succeeded`)).toBe(3);
    expect(await count('&type=webhook.test')).toBe(3);
    expect(await count('&status=failed')).toBe(0);
    expect(await count(`&endpointId=${'0'.repeat(24)}`)).toBe(0);
    const [closed] = await allRows(api, '/v1/webhook-deliveries?limit=9&type=order.closed');
    expect(closed).toMatchObject({ status: 'pending', orderNo });
    const again = `/v1/webhook-deliveries/${String(closed?.['id'])}/redeliver`;
    receiver.answer = answering(200);
    expect((await api.admin('POST', again)).json).toMatchObject({ status: 'pending' });
    expect(await send()).toBe(1);
    expect(await count('&status=succeeded')).toBe(4);
    await api.admin('DELETE', path);
    expect((await api.admin('POST', again)).status).toBe(404);
    expect(await count('')).toBe(4);
    expect((await api.admin('GET', `/v1/webhook-deliveries/${'0'.repeat(24)}`)).status).toBe(404);
    expect((await api.admin('GET', '/v1/webhook-deliveries?status=lost')).status).toBe(400);
  });

  it('that have failed are one item of their endpoint, whose retry sends all of them again', async () => {
    const { id } = await made();
    for (let nth = 0; nth < 3; nth++) await api.admin('POST', `/v1/webhook-endpoints/${String(id)}/test`);
    receiver.answer = answering(500);
    await send();
    for (const row of await deliveriesOf(database.db, String(id)))
      await letPass(database.db, row.id, 86_400_000);
    expect(await send()).toBe(3);
    const [item, ...more] = await allRows(api, '/v1/operator-items?limit=9&status=open&kind=failed_delivery');
    expect(more).toEqual([]);
    expect(item).toMatchObject({ ref: id, details: { endpointId: id, error: 'answered 500' } });
    const resolve = (resolution: string) =>
      api.admin('POST', `/v1/operator-items/${String(item?.['id'])}/resolve`, {
        resolution,
        reason: 'repaired',
      });
    expect((await resolve('refund')).json['code']).toBe('invalid_request');
    expect((await resolve('settled_by_hand')).json['code']).toBe('invalid_request');
    receiver.answer = answering(200);
    expect((await resolve('retry')).json).toMatchObject({ status: 'resolved', resolution: 'retry' });
    expect(await send()).toBe(3);
    const rows = await deliveriesOf(database.db, String(id));
    expect(rows.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  it('of an endpoint that is deleted need nobody any more', async () => {
    const { id } = await made();
    const path = `/v1/webhook-endpoints/${String(id)}`;
    await api.admin('POST', `${path}/test`);
    receiver.answer = answering(410);
    await send();
    const items = (status: string) =>
      allRows(api, `/v1/operator-items?limit=50&status=${status}&kind=failed_delivery`);
    const mine = async (status: string) => (await items(status)).filter(({ ref }) => ref === id);
    expect(await mine('open')).toHaveLength(1);
    expect((await api.admin('DELETE', path)).status).toBe(204);
    expect(await mine('open')).toEqual([]);
    expect(await mine('resolved')).toMatchObject([{ reason: 'the endpoint was deleted' }]);
  });

  it('past their turn are a metric', async () => {
    const { id } = await made();
    await api.admin('POST', `/v1/webhook-endpoints/${String(id)}/test`);
    const [row] = await deliveriesOf(database.db, String(id));
    await letPass(database.db, row?.id ?? '', 700_000);
    const { text } = await api.send('GET', '/metrics');
    expect(text).toContain('holdfast_webhook_deliveries_due{kind=""} 1');
    expect(
      Number(/holdfast_webhook_deliveries_due_oldest_seconds\{kind=""\} (\d+)/.exec(text)?.[1]),
    ).toBeGreaterThan(600);
  });
});
