import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { sqlStateOf } from '../test/support/errors.js';
import { type TcpProxy, startProxy } from '../test/support/tcp-proxy.js';
import { connections } from './connection.js';

const ANSWER_MS = 400;

let database: TestDatabase;
let proxy: TcpProxy;
const opened: postgres.Sql[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  database = await freshDatabase(2);
  proxy = await startProxy(new URL(database.superuserUrl).host);
});
afterAll(async () => {
  await proxy.close();
  await database.close();
});
afterEach(async () => {
  await proxy.set('none');
  await Promise.all(opened.splice(0).map((sql) => sql.end({ timeout: 1 })));
  for (const server of servers.splice(0)) server.close();
});

interface PoolWish {
  max?: number;
  address?: string;
  tls?: string;
  answerWithinMs?: number;
}

function pool({ max = 1, address = proxy.address, tls, answerWithinMs = ANSWER_MS }: PoolWish = {}) {
  const url = new URL(database.superuserUrl);
  url.host = address;
  const options = {
    max,
    socket: connections({ connectWithinMs: ANSWER_MS, answerWithinMs, tls }),
    ssl: false,
    fetch_types: false,
    backoff: () => 0.01,
  };
  const sql = postgres(url.href, options);
  opened.push(sql);
  return sql;
}

type Asker = postgres.Sql | postgres.TransactionSql;
const one = async (sql: Asker): Promise<unknown> => (await sql`SELECT 1 AS one`)[0]?.['one'];
const pidOf = async (sql: postgres.Sql): Promise<unknown> => (await sql`SELECT pg_backend_pid()`)[0];
const sleep = async (sql: postgres.Sql, seconds: number): Promise<unknown> =>
  sql`SELECT pg_sleep(${seconds})`;

/** How many sessions run this query, asked past the proxy: a server whose client was cut off goes on. */
async function running(query: string): Promise<number> {
  const sql = pool({ address: new URL(database.superuserUrl).host, answerWithinMs: 10_000 });
  const found = await sql`SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = ${query}`;
  return found.length;
}

/** A server of the test's own. @returns its address */
async function inFront(serve: (client: Socket) => void): Promise<string> {
  const server = createServer(serve);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function postgresItself(): Socket {
  const { hostname, port } = new URL(database.superuserUrl);
  return connect(Number(port), hostname);
}

function join(client: Socket, server: Socket): void {
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
  client.pipe(server).pipe(client);
}

const FIELDS = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up', '', ''].join('\0');
const STARTING = Buffer.from(`E0000${FIELDS}`);
STARTING.writeUInt32BE(STARTING.length - 1, 1);

describe('a connection that a network has lost', () => {
  it('W4: is ended in time, and the next query has another one, while the network stays as it is', async () => {
    const sql = pool();
    await one(sql);
    await proxy.set('stale');
    expect(await sqlStateOf(one(sql))).toBe('ETIMEDOUT');
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
    expect(await one(sql)).toBe(1);
  });

  it('takes with it those at rest that were lost at the same time', async () => {
    const sql = pool({ max: 3 });
    await Promise.all([sleep(sql, 0.05), sleep(sql, 0.05), sleep(sql, 0.05)]);
    await proxy.set('stale');
    expect(await sqlStateOf(one(sql))).toBe('ETIMEDOUT');
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
    expect(await Promise.all([one(sql), one(sql), one(sql)])).toEqual([1, 1, 1]);
  });

  it('fails every query that was sent on it', async () => {
    const sql = pool();
    await one(sql);
    await proxy.set('stale');
    const states = await Promise.all([one(sql), one(sql), one(sql)].map(sqlStateOf));
    expect(states).toEqual(['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT']);
  });

  it('is not waited for longer when it was not even made', async () => {
    await proxy.set('silent');
    expect(await sqlStateOf(one(pool()))).toBe('ETIMEDOUT');
  });

  it('may be silent at rest', async () => {
    const sql = pool();
    const pid = await pidOf(sql);
    await sleep(pool({ answerWithinMs: 10_000 }), (2 * ANSWER_MS) / 1_000);
    expect(await pidOf(sql)).toEqual(pid);
  });
});

describe('after a cut', () => {
  // postgres.js 3.4.9 alone keeps the ROLLBACK in the buffer of a connection that is gone: the next one on it hangs.
  it.each(['resets', 'refuses'] as const)(
    'by a network that %s, transactions are possible at once',
    async (fault) => {
      const sql = pool({ max: 5, answerWithinMs: 10_000 });
      for (let round = 0; round < 3; round++) {
        const query = `SELECT pg_sleep(5) AS ${fault}${round}`;
        const cut = Promise.allSettled(Array.from({ length: 15 }, () => sql.begin((tx) => tx.unsafe(query))));
        await vi.waitFor(async () => expect(await running(query)).toBe(5));
        await proxy.set(fault);
        expect((await cut).map(({ status }) => status)).not.toContain('fulfilled');
        await proxy.set('none');
        const next = Array.from({ length: 5 }, () => sql.begin((tx) => one(tx)));
        expect(await Promise.all(next)).toEqual([1, 1, 1, 1, 1]);
      }
    },
  );
});

describe('the last word of a server', () => {
  it('is what the queries on its connection fail with, and no query later', async () => {
    const sql = pool({ max: 3, answerWithinMs: 10_000 });
    const query = 'SELECT pg_sleep(5) AS ended';
    const cut = Promise.all(Array.from({ length: 3 }, () => sqlStateOf(sql.unsafe(query))));
    await vi.waitFor(async () => expect(await running(query)).toBe(3));
    const others = pool({ address: new URL(database.superuserUrl).host });
    await others`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = ${query}`;
    expect(await cut).toEqual(['57P01', '57P01', '57P01']);
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
    for (let round = 0; round < 2; round++) {
      expect(await Promise.all([one(sql), one(sql), one(sql)])).toEqual([1, 1, 1]);
    }
  });

  it('that it is starting fails nothing any more when it has started', async () => {
    let isStarting = false;
    const clients = new Set<Socket>();
    const address = await inFront((client) => {
      clients.add(client);
      if (isStarting) client.once('data', () => client.end(STARTING));
      else join(client, postgresItself());
    });
    const sql = pool({ max: 3, address, answerWithinMs: 10_000 });
    const query = 'SELECT pg_sleep(5) AS starting';
    const cut = Promise.all(Array.from({ length: 3 }, () => sqlStateOf(sql.unsafe(query))));
    await vi.waitFor(async () => expect(await running(query)).toBe(3));
    isStarting = true;
    for (const client of clients) client.destroy();
    expect(await cut).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
    await vi.waitFor(async () => expect(await sqlStateOf(one(sql))).toBe('57P03'));
    expect(await Promise.all([one(sql), one(sql)].map(sqlStateOf))).toEqual(['57P03', '57P03']);
    isStarting = false;
    await vi.waitFor(() => expect([...clients].every(({ destroyed }) => destroyed)).toBe(true));
    expect(await Promise.all([one(sql), one(sql), one(sql)])).toEqual([1, 1, 1]);
  });
});

// Of nobody, for nothing but this: the certificate says postgres.test, and is its own issuer.
const KEY =
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgr6l+pEiiieya50DKAQvSOAuDrzp6LoYbPS+ZLcSEec+hRANCAARrHOQYgf2TS5P7B' +
  'ty/ZNKOHdEg7l7GNnUX2uFULRk8ARd3YQG5NY5QguH7xZlSxwVr1MTLX1XsGOS+R+4PKo0p';
const CERTIFICATE =
  'MIIBhzCCAS2gAwIBAgIUSFDh4K/MuUxHXBtEV0rQJiYC8aAwCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNcG9zdGdyZXMudGVzdDAgFw0yNjExMjQxN' +
  'jU1MjBaGA8yMTAwMTAyNzE2NTUyMFowGDEWMBQGA1UEAwwNcG9zdGdyZXMudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGsc5BiB/ZNLk/' +
  'sG3L9k0o4d0SDuXsY2dRfa4VQtGTwBF3dhAbk1jlCC4fvFmVLHBWvUxMtfVewY5L5H7g8qjSmjUzBRMB0GA1UdDgQWBBRIkhmyR+9CUYYDzmro4YQ' +
  'Lv6gcijAfBgNVHSMEGDAWgBRIkhmyR+9CUYYDzmro4YQLv6gcijAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCICMZJz7VmM93fn5v' +
  'qR0LZZc8gQYWh6KBeYsMvpGMSiknAiEA+0Lq76f4r3XmH9HvxTw0/eOcemJ1HYhiKxf7E3Wh6BM=';
const pem = (what: string, text: string): string =>
  `-----BEGIN ${what}-----\n${text.replace(/.{64}/g, '$&\n')}\n-----END ${what}-----\n`;

/** What a PostgreSQL with TLS is: says yes to the request, then speaks TLS. */
const startTlsServer = (): Promise<string> =>
  inFront((client) => {
    client.once('data', () => {
      client.write('S');
      const [key, cert] = [pem('PRIVATE KEY', KEY), pem('CERTIFICATE', CERTIFICATE)];
      join(new TLSSocket(client, { isServer: true, key, cert }), postgresItself());
    });
  });

describe('TLS', () => {
  it('is used where the URL asks for it', async () => {
    const address = await startTlsServer();
    const sql = pool({ address, tls: 'require' });
    const long = 'x'.repeat(300_000);
    expect((await sql`SELECT ${long}::text AS back`)[0]?.['back']).toBe(long);
  });

  it('takes nobody for the server without a certificate that proves it, where the URL asks for that', async () => {
    const address = await startTlsServer();
    expect(await sqlStateOf(one(pool({ address, tls: 'verify-full' })))).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('is done without where it is only preferred, and missed where it is required', async () => {
    expect(await one(pool({ tls: 'prefer' }))).toBe(1);
    await expect(one(pool({ tls: 'require' }))).rejects.toThrow('offers no TLS');
  });
});
