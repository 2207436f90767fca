import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, readConfig } from '../config.js';
import { payments } from '../db/schema.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { type Providers, startProviders } from '../test/support/providers.js';
import { type TestApp, startTestApp, testServices } from './test-support.js';

const LIMIT = 3;
const ONE = '203.0.113.7';
const OTHER = '198.51.100.9';

function trustProxyOf(text: string): Config['trustProxy'] {
  return readConfig({ DATABASE_URL: 'postgres://unused/unused', TRUST_PROXY: text }).trustProxy;
}

describe('TRUST_PROXY', () => {
  it.each([
    ['', false],
    ['0', 0],
    ['1', 1],
    ['2', 2],
    ['loopback', ['loopback']],
    ['loopback, uniquelocal,linklocal', ['loopback', 'uniquelocal', 'linklocal']],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8,2001:db8::/32', ['10.0.0.0/8', '2001:db8::/32']],
  ])('%j is %j', (text, trusted) => {
    expect(trustProxyOf(text)).toEqual(trusted);
  });

  it.each(['true', 'TRUE'])('%s is refused, and the message says why', (text) => {
    expect(() => trustProxyOf(text)).toThrow(/^TRUST_PROXY: must not be true, .*forge/);
  });

  it.each([
    'false',
    'yes',
    '-1',
    '1.5',
    '1e1',
    '100',
    'proxy.example',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.256',
    'loopback,',
    'loopback loopback',
    '*',
  ])('%j is refused, and the message says what it may be', (text) => {
    expect(() => trustProxyOf(text)).toThrow(/^TRUST_PROXY: must be the number of proxies/);
  });
});

describe('a call', () => {
  let database: TestDatabase;
  let providers: Providers;

  beforeAll(async () => {
    [database, providers] = await Promise.all([freshDatabase(), startProviders()]);
  });
  afterAll(async () => {
    await providers.close();
    await database.close();
  });

  async function behind(trusted: string, work: (api: TestApp) => Promise<void>): Promise<void> {
    const { services } = testServices(database.db);
    const { channels } = providers;
    const api = await startTestApp(database.db, {
      config: { ...services.config, rateLimitPerMinute: LIMIT, trustProxy: trustProxyOf(trusted) },
      channels,
      commands: { ...services.commands, channels },
    });
    try {
      await work(api);
    } finally {
      await api.close();
    }
  }

  /** One call without a credential. @returns whether it was refused for there being too many */
  async function limited(api: TestApp, forwardedFor: string): Promise<boolean> {
    const headers = { 'x-forwarded-for': forwardedFor, forwarded: `for=${forwardedFor}` };
    const { status } = await api.send('GET', '/v1/users/alice', { headers });
    expect([401, 429]).toContain(status);
    return status === 429;
  }

  async function exhaust(api: TestApp, forwardedFor: string): Promise<void> {
    for (let n = 0; n < LIMIT; n++) expect(await limited(api, forwardedFor)).toBe(false);
    expect(await limited(api, forwardedFor)).toBe(true);
  }

  it.each(['', '0', '192.0.2.1'])(
    'cannot get a limit of its own by a forged X-Forwarded-For (%j)',
    (trusted) =>
      behind(trusted, async (api) => {
        await exhaust(api, ONE);
        expect(await limited(api, OTHER)).toBe(true);
      }),
  );

  it.each(['1', 'loopback', '127.0.0.0/8', 'uniquelocal,loopback'])(
    'through a proxy that is trusted (%s) has a limit for its own address',
    (trusted) =>
      behind(trusted, async (api) => {
        await exhaust(api, ONE);
        expect(await limited(api, OTHER)).toBe(false);
        // What the caller wrote stands before what the proxy adds, and counts for nothing.
        expect(await limited(api, `${OTHER}, ${ONE}`)).toBe(true);
        expect(await limited(api, `127.0.0.1, ${ONE}`)).toBe(true);
        expect(await limited(api, `<script>, ${ONE}`)).toBe(true);
        // Neither does the port that some proxies add.
        expect(await limited(api, `${ONE}:4711`)).toBe(true);
      }),
  );

  it('whose proxy names no address has the limit of the proxy', () =>
    behind('loopback', async (api) => {
      await exhaust(api, 'unknown');
      expect(await limited(api, 'secret-hostname')).toBe(true);
    }));

  it('of an IPv6 address counts for its network, from which a caller has billions', () =>
    behind('loopback', async (api) => {
      await exhaust(api, '2001:db8:1::1');
      expect(await limited(api, '2001:db8:1::2')).toBe(true);
      expect(await limited(api, '2001:db8:1234::1')).toBe(false);
    }));

  it('stands in the log with its address, forged or not', () =>
    behind('', async (api) => {
      await limited(api, ONE);
      expect(api.logs()).toContain('"address":"127.0.0.1"');
      expect(api.logs()).not.toContain(ONE);
    }));

  it('stands in the log with what a trusted proxy says', () =>
    behind('1', async (api) => {
      await limited(api, ONE);
      expect(api.logs()).toContain(`"address":"${ONE}"`);
    }));

  it('by a user names the payer’s address to the provider, and by a back end does not', () =>
    behind('1', async (api) => {
      for (const id of ['alice', 'sally']) await api.admin('PUT', `/v1/users/${id}`, { name: id });
      const minted = await api.admin('POST', '/v1/users/alice/tokens');
      const token = String(minted.json['accessToken']);
      const wish = { kind: 'deal', buyerId: 'alice', sellerId: 'sally', amount: 100, subject: 'tea' };
      const order = await api.admin('POST', '/v1/orders', wish);
      const path = `/v1/orders/${String(order.json['id'])}/payments`;
      const body = { channel: 'wechat', scene: 'h5' };
      const headers = { 'x-forwarded-for': ONE };
      const byBackend = await api.admin('POST', path, body, headers);
      expect(byBackend.json).toMatchObject({ code: 'invalid_request', field: 'clientIp' });
      expect((await api.send('POST', path, { as: token, body, headers })).status).toBe(201);
      const rows = await database.db.select({ request: payments.request }).from(payments);
      expect(rows).toEqual([{ request: { clientIp: ONE } }]);
    }));
});
