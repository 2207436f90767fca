/** Merchants' endpoints over the API. */
import { describe, expect, it } from 'vitest';
import { webhookEndpoints } from '../../db/schema.js';
import { allRows, startTestApp } from '../test-support.js';
import { SHOP, api, database, made, receiver } from './test-webhooks.js';

describe('S4 an endpoint’s secret', () => {
  it('is shown when it is made and when it is replaced, and never again', async () => {
    const { id, secret } = await made();
    expect(secret).toMatch(/^whsec_[0-9A-Za-z+/]{43}=$/);
    const path = `/v1/webhook-endpoints/${String(id)}`;
    const rotated = await api.admin('POST', `${path}/rotate-secret`);
    expect(rotated.status).toBe(200);
    const secrets = [String(secret), String(rotated.json['secret'])];
    expect(new Set(secrets).size).toBe(2);
    const [row] = await database.db.select().from(webhookEndpoints);
    const seen = [
      (await api.admin('GET', path)).text,
      (await api.admin('GET', '/v1/webhook-endpoints')).text,
      (await api.admin('PATCH', path, { description: 'x' })).text,
      (await api.admin('POST', `${path}/test`)).text,
      (await api.admin('PATCH', path, { url: `ftp://shop.example.com/${secrets[0] ?? ''}` })).text,
      api.logs(),
      JSON.stringify(row),
    ];
    for (const hidden of secrets) expect(seen.filter((text) => text.includes(hidden.slice(6)))).toEqual([]);
    expect(rotated.json['previousSecretUntil']).not.toBeNull();
  });

  it('is answered to a repeat with the same Idempotency-Key, and kept sealed meanwhile', async () => {
    const post = () =>
      api.admin('POST', '/v1/webhook-endpoints', { url: receiver.url }, { 'idempotency-key': 'once' });
    const [first, again] = [await post(), await post()];
    expect(again.json).toEqual(first.json);
    expect(await database.db.select().from(webhookEndpoints)).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  it('is made, read, changed, listed and deleted', async () => {
    const { secret: _, ...first } = await made({ url: SHOP, eventTypes: ['order.paid', 'order.paid'] });
    const second = await made({ url: SHOP, description: 'all of them' });
    expect(first).toMatchObject({ eventTypes: ['order.paid'], status: 'enabled', failingSince: null });
    expect(second).toMatchObject({ eventTypes: null, description: 'all of them' });
    const path = `/v1/webhook-endpoints/${String(first['id'])}`;
    expect((await api.admin('GET', path)).json).toEqual(first);
    const off = await api.admin('PATCH', path, { status: 'disabled', eventTypes: null });
    expect(off.json).toMatchObject({ status: 'disabled', eventTypes: null });
    expect(off.json['disabledReason']).toContain('disabled by backend:');
    expect((await api.admin('PATCH', path, {})).json).toEqual(off.json);
    const on = await api.admin('PATCH', path, { status: 'enabled' });
    expect(on.json).toMatchObject({ status: 'enabled', disabledReason: null, url: SHOP });
    const rows = await allRows(api, '/v1/webhook-endpoints?limit=1');
    expect(rows.map(({ id }) => id)).toEqual([second['id'], first['id']]);
    expect((await api.admin('DELETE', path)).status).toBe(204);
    for (const [method, at] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/rotate-secret'],
      ['POST', '/test'],
    ] as const)
      expect((await api.admin(method, `${path}${at}`)).status).toBe(404);
    expect(await allRows(api, '/v1/webhook-endpoints?limit=1')).toHaveLength(1);
  });

  it.each([
    [{ url: 'ftp://shop.example.com/' }, 'url'],
    [{ url: 'https://user:pass@shop.example.com/' }, 'url'],
    [{ url: SHOP, eventTypes: ['order.everything'] }, 'eventTypes'],
    [{ url: SHOP, eventTypes: [] }, 'eventTypes'],
    [{}, 'url'],
  ])('is refused with %j', async (body, field) => {
    const answer = await api.admin('POST', '/v1/webhook-endpoints', body);
    expect([answer.status, answer.json['code']]).toEqual([400, 'invalid_request']);
    expect(String(answer.json['field'])).toContain(field);
    expect(answer.text).not.toContain('pass@');
  });

  it('is one of fifty at most, since each costs every order', async () => {
    for (let nth = 0; nth < 50; nth++) await made();
    expect((await api.admin('POST', '/v1/webhook-endpoints', { url: SHOP })).json['code']).toBe('conflict');
    const [row] = await allRows(api, '/v1/webhook-endpoints?limit=1');
    await api.admin('DELETE', `/v1/webhook-endpoints/${String(row?.['id'])}`);
    await made();
  });

  it('S6 is not taken at a private address, unless the installation says so', async () => {
    const strict = await startTestApp(database.db);
    for (const url of [
      'https://127.0.0.1/',
      'https://169.254.169.254/',
      'https://[::1]/',
      'http://shop.example.com/',
    ]) {
      const answer = await strict.admin('POST', '/v1/webhook-endpoints', { url });
      expect([answer.status, answer.json['field']]).toEqual([400, 'url']);
    }
    const { id } = await made({ url: SHOP });
    const moved = await strict.admin('PATCH', `/v1/webhook-endpoints/${String(id)}`, {
      url: 'https://10.0.0.1/',
    });
    expect(moved.status).toBe(400);
    await strict.close();
  });
});
