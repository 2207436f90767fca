/** W2: what is no notification, at the doors where money is told of. Answered in each provider's own words. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SendOptions, type TestApp, startTestApp } from '../../api/test-support.js';
import { type TestDatabase, freshDatabase } from '../support/database.js';
import { type Providers, startProviders } from '../support/providers.js';
import { changingNothing } from './snapshot.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

let database: TestDatabase;
let providers: Providers;
let api: TestApp;

beforeAll(async () => {
  [database, providers] = await Promise.all([freshDatabase(), startProviders()]);
  api = await startTestApp(database.db, { channels: providers.channels });
});
afterAll(async () => {
  await api.close();
  await providers.close();
  await database.close();
});

/** The words in which each provider hears that it should send again. */
const REFUSALS = {
  alipay: { text: 'fail', type: 'text/plain' },
  wechat: { text: /^\{"code":"FAIL"/, type: 'application/json' },
  pingpp: { text: 'fail', type: 'text/plain' },
} as const;

const SIGNED = {
  'wechatpay-timestamp': String(Math.floor(Date.now() / 1000)),
  'wechatpay-nonce': 'n',
  'wechatpay-serial': 's',
  'wechatpay-signature': 'c2lnbmF0dXJl',
  'x-pingplusplus-signature': 'c2lnbmF0dXJl',
};

const BODIES: readonly [what: string, options: SendOptions][] = [
  ['nothing', {}],
  ['NUL', { raw: 'a=\u0000&sign=\u0000', headers: FORM_TYPE }],
  ['bytes that are no UTF-8', { raw: new Uint8Array([0xff, 0xfe, 0x00, 0x80]), headers: FORM_TYPE }],
  ['half of an escape', { raw: 'sign=%E0%A4%A&sign_type=RSA2', headers: FORM_TYPE }],
  ['__proto__ in a form', { raw: '__proto__=1&constructor=1&sign=x&sign_type=RSA2', headers: FORM_TYPE }],
  ['a signature twice', { raw: 'sign=a&sign=b&sign_type=RSA2', headers: FORM_TYPE }],
  ['10,000 fields', { raw: `${'a=1&'.repeat(10_000)}sign=x&sign_type=RSA2`, headers: FORM_TYPE }],
  ['JSON that never ends', { raw: '['.repeat(200_000), headers: { ...JSON_TYPE, ...SIGNED } }],
  ['__proto__ in JSON', { raw: '{"__proto__":{"resource":{}}}', headers: { ...JSON_TYPE, ...SIGNED } }],
  ['an order that says it is paid', { raw: '{"result":"SUCCESS"}', headers: { ...JSON_TYPE, ...SIGNED } }],
  ['a signature of nothing', { raw: '{}', headers: { ...JSON_TYPE, ...SIGNED, 'wechatpay-signature': '' } }],
  [
    'a timestamp that is none',
    { raw: '{}', headers: { ...JSON_TYPE, ...SIGNED, 'wechatpay-timestamp': 'NaN' } },
  ],
  ['a page', { raw: '<html></html>', headers: { 'content-type': 'text/html' } }],
  ['a compressed body', { raw: 'x', headers: { ...FORM_TYPE, 'content-encoding': 'gzip' } }],
];

describe.each(Object.entries(REFUSALS))('W2 what is no notification of %s', (channel, words) => {
  const refused = (answer: { status: number; text: string; headers: Headers }, status: number): void => {
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(words.text);
    expect(answer.headers.get('content-type')).toContain(words.type);
  };

  it.each(BODIES)('%s: refused, and only a sample of it is kept', (_what, options) =>
    changingNothing(
      database.db,
      async () => {
        const answer = await api.send('POST', `/webhooks/${channel}`, options);
        expect([400, 401]).toContain(answer.status);
        refused(answer, answer.status);
      },
      'refused_notifications',
    ),
  );

  it('more than 256 KiB: refused, and not even a sample of it is kept', () =>
    changingNothing(database.db, async () => {
      const raw = `sign=${'x'.repeat(262_144)}`;
      refused(await api.send('POST', `/webhooks/${channel}`, { raw, headers: FORM_TYPE }), 413);
    }));

  it('a query, or another method, is no way in', () =>
    changingNothing(database.db, async () => {
      const query = '?trade_status=TRADE_SUCCESS&sign=x&sign_type=RSA2';
      expect((await api.send('GET', `/webhooks/${channel}${query}`)).status).toBe(405);
      expect((await api.send('PUT', `/webhooks/${channel}${query}`, { body: {} })).status).toBe(405);
      expect((await api.send('POST', `/webhooks/${channel}/`, { body: {} })).status).toBe(404);
      expect((await api.send('POST', '/webhooks/nobody', { body: {} })).status).toBe(404);
    }));
});
