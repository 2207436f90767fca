import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogItems } from '../../db/schema.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { type TestApp, allRows, startTestApp } from '../test-support.js';

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
});

afterAll(async () => {
  await api.close();
  await database.close();
});

const TEA = { userId: 'alice', amount: 1230, title: 'tea' };

describe('the catalogue', () => {
  it('shows a payable thing as pending, with its own fields beside it', async () => {
    const put = await api.admin('PUT', '/v1/catalog/shop-orders/77', TEA);
    expect(put.status).toBe(200);
    expect(put.json).toMatchObject({ id: '77', ...TEA, status: 'pending', paidByOrderId: null });
    const get = await api.admin('GET', '/v1/catalog/shop-orders/77');
    expect(get.json).toEqual(put.json);
  });

  it('replaces what is not paid for', async () => {
    await api.admin('PUT', '/v1/catalog/shop-orders/78', TEA);
    const put = await api.admin('PUT', '/v1/catalog/shop-orders/78', { ...TEA, amount: 1 });
    expect(put.json).toMatchObject({ amount: 1, status: 'pending' });
  });

  it('never turns back what is paid for: the same fields are answered as they are, others are a conflict', async () => {
    await api.admin('PUT', '/v1/catalog/shop-orders/79', TEA);
    await database.db
      .update(catalogItems)
      .set({ status: 'paid', paidByOrderId: 'abc' })
      .where(and(eq(catalogItems.collection, 'shop-orders'), eq(catalogItems.id, '79')));
    const same = await api.admin('PUT', '/v1/catalog/shop-orders/79', {
      title: 'tea',
      amount: 1230,
      userId: 'alice',
    });
    expect(same.status).toBe(200);
    expect(same.json).toMatchObject({ status: 'paid', paidByOrderId: 'abc' });
    const other = await api.admin('PUT', '/v1/catalog/shop-orders/79', { ...TEA, amount: 1 });
    expect(other.status).toBe(409);
    expect(other.json['code']).toBe('conflict');
    expect((await api.admin('GET', '/v1/catalog/shop-orders/79')).json).toMatchObject({
      amount: 1230,
      status: 'paid',
    });
  });

  it('gives what is not paid for no status', async () => {
    const put = await api.admin('PUT', '/v1/catalog/sms-templates/1', {
      provider: 'outbox',
      sign: 'H',
      template: 'hi ${name}',
    });
    expect(put.json).toMatchObject({ id: '1', template: 'hi ${name}', params: [] });
    expect(put.json).not.toHaveProperty('status');
  });

  it('lists a collection page by page, each thing once', async () => {
    for (const id of ['201', '202', '203', '204', '205'])
      await api.admin('PUT', `/v1/catalog/sms-templates/${id}`, {
        provider: 'outbox',
        sign: 'H',
        template: id,
      });
    const seen = (await allRows(api, '/v1/catalog/sms-templates?limit=2')).map(({ id }) => id);
    expect(seen).toEqual(['1', '201', '202', '203', '204', '205']);
  });

  it('answers 404 for what is not there', async () => {
    expect((await api.admin('GET', '/v1/catalog/shop-orders/999')).status).toBe(404);
  });
});

describe('settings', () => {
  it.each([
    ['text', 'hello'],
    ['text-of-a-number', '1.10'],
    ['text-of-a-flag', 'true'],
    ['text-of-json', '{"a":1}'],
    ['number', 1.5],
    ['null', null],
    ['list', [1, { a: null }]],
    ['object', { b: 1, a: '你' }],
    ['flag', false],
  ])('hold any JSON: %s', async (key, value) => {
    const put = await api.admin('PUT', `/v1/settings/${key}`, { value });
    expect(put.status).toBe(200);
    expect(put.json).toMatchObject({ key, value, updatedBy: 'backend:admin#admin' });
    expect((await api.admin('GET', `/v1/settings/${key}`)).json).toEqual(put.json);
  });

  it.each([
    ['price.blindBoxPull', 0, 200],
    ['price.blindBoxPull', 10_000_000_000, 200],
    ['price.blindBoxPull', 10_000_000_001, 400],
    ['price.blindBoxPull', -1, 400],
    ['price.blindBoxPull', 1.5, 400],
    ['price.blindBoxPull', '100', 400],
    ['limit.autoApprove', null, 400],
    ['fee.other', 10_001, 200],
    ['fee.platformBps', 0, 200],
    ['fee.platformBps', 10_000, 200],
    ['fee.platformBps', 10_001, 400],
    ['campus.payee', 'School', 200],
    ['priceless', 'x', 200],
  ])('%s = %j answers %i', async (key, value, status) => {
    const answer = await api.admin('PUT', `/v1/settings/${key}`, { value });
    expect(answer.status).toBe(status);
    if (status === 400) expect(answer.json).toMatchObject({ code: 'invalid_request', field: 'value' });
  });

  it.each(['a%2Fb', 'a b', '%E4%BD%A0', 'x'.repeat(65)])('refuse the key %s', async (key) => {
    expect((await api.admin('PUT', `/v1/settings/${key}`, { value: 1 })).status).toBe(400);
  });

  it('need a value', async () => {
    const answer = await api.admin('PUT', '/v1/settings/empty', {});
    expect(answer.json).toMatchObject({ status: 400, field: 'value' });
    expect((await api.admin('GET', '/v1/settings/empty')).status).toBe(404);
  });

  it('are listed in the order of their keys', async () => {
    const page = await api.admin('GET', '/v1/settings?limit=100');
    const keys = (page.json['data'] as { key: string }[]).map(({ key }) => key);
    expect(keys).toEqual([...keys].sort());
    expect(keys).toContain('fee.platformBps');
  });
});
