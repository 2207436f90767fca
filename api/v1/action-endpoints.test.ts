import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { type TestApp, startTestApp } from '../test-support.js';

const SECRET = `whsec_${'c2VjcmV0'.repeat(5)}`;
const url = 'https://shop.example.com/actions';

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

describe('an action endpoint', () => {
  it('is shown without its secret, replaced by a second PUT, and gone after DELETE', async () => {
    const put = await api.admin('PUT', '/v1/action-endpoints/0', { url, secret: SECRET });
    expect(put.json).toMatchObject({ type: 0, name: 'payShopOrder', url, timeoutMs: 10_000 });
    expect(put.text).not.toContain('whsec');
    const body = { url: `${url}/2`, secret: SECRET, timeoutMs: 500 };
    await api.admin('PUT', '/v1/action-endpoints/0', body);
    const get = await api.admin('GET', '/v1/action-endpoints/0');
    expect(get.json).toMatchObject({ url: `${url}/2`, timeoutMs: 500 });
    expect((await api.admin('DELETE', '/v1/action-endpoints/0')).status).toBe(204);
    expect((await api.admin('GET', '/v1/action-endpoints/0')).status).toBe(404);
    expect((await api.admin('DELETE', '/v1/action-endpoints/0')).status).toBe(404);
  });

  it.each([
    ['of a type that there is not', '24', { url, secret: SECRET }],
    ['of no number', '0x1', { url, secret: SECRET }],
    ['whose secret is too short', '0', { url, secret: 'whsec_c2VjcmV0' }],
    ['whose secret is no base64', '0', { url, secret: '?'.repeat(40) }],
    ['without a secret', '0', { url }],
    ['that waits too long', '0', { url, secret: SECRET, timeoutMs: 25_001 }],
    ['S6 at a private address', '0', { url: 'https://10.0.0.1/', secret: SECRET }],
    ['S6 in the clear', '0', { url: 'http://shop.example.com/', secret: SECRET }],
  ])('%s is refused', async (_what, type, body) => {
    const put = await api.admin('PUT', `/v1/action-endpoints/${type}`, body);
    expect([put.status, put.json['code']]).toEqual([400, 'invalid_request']);
    expect((await api.admin('GET', '/v1/action-endpoints/0')).status).toBe(404);
  });
});
