/** HTTP that is odd, old, broken or too much: answered in the one shape, and without an effect. */
import { errorShapeAt } from '../../api/dialects/index.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { api, database, tokens } from '../../api/v1/test-support.js';
import { outcomeOf, refusalOf } from './problems.js';
import { ADMIN_KEY, makeThings } from './samples.js';
import { changingNothing } from './snapshot.js';
import { answerIn, cutOff, exchange, head } from './wire.js';

const AUTH = `Authorization: Bearer ${ADMIN_KEY}`;
const CANARY = 'canary-in-a-header';
let paths: Record<string, string[]>;

beforeAll(async () => {
  const { order, payment, refund, item } = await makeThings(api, database.db);
  const ids: Record<string, string> = { users: 'alice', orders: order, payments: payment, refunds: refund };
  const document = (await api.send('GET', '/openapi.json')).json['paths'] as Record<string, object>;
  // Dialects refuse in shapes of their own.
  const native = Object.entries(document).filter(([path]) => errorShapeAt(path) === undefined);
  paths = Object.fromEntries(
    native.map(([path, methods]) => {
      const collection = path.split('/')[2] ?? '';
      const filled = path
        .replace('{id}', ids[collection] ?? (collection === 'operator-items' ? item : '7'))
        .replace('{userId}', 'alice')
        .replace('{key}', 'greeting')
        .replace('{path}', '0');
      return [filled, Object.keys(methods).map((method) => method.toUpperCase())];
    }),
  );
});

async function outcome(sent: string | Uint8Array): Promise<string> {
  return outcomeOf(answerIn(await exchange(api.url, sent)));
}

describe('a method that a path does not have', () => {
  it.each([
    'TRACE',
    'PATCH',
    'PROPFIND',
    'MKCOL',
    'PURGE',
    'M-SEARCH',
    'SEARCH',
    'LINK',
    'DELETE',
    'PUT',
    'POST',
    'GET',
    'QUERY',
  ])('%s is 405 everywhere, says which there are, and repeats nothing of what was sent', (method) =>
    changingNothing(database.db, async () => {
      for (const [path, methods] of Object.entries(paths)) {
        if (methods.includes(method)) continue;
        const text = await exchange(
          api.url,
          head(`${method} ${path}`, AUTH, `X-Canary: ${CANARY}`, 'Content-Length: 0'),
        );
        const answer = answerIn(text);
        expect([path, refusalOf(answer)]).toEqual([path, '405 method_not_allowed']);
        const allowed = (answer.headers.get('allow') ?? '').split(', ');
        expect(allowed.filter((one) => one !== 'HEAD').sort()).toEqual([...methods].sort());
        expect(text).not.toContain(CANARY);
        expect(text).not.toContain(ADMIN_KEY);
      }
    }),
  );

  it('that nobody knows is 400', async () => {
    for (const method of ['BREW', 'get', 'G\u0000ET', 'GET\t']) {
      expect(await outcome(head(`${method} /healthz`))).toBe('400 invalid_request');
    }
  });

  it('cannot be put on by a header', () =>
    changingNothing(database.db, async () => {
      const headers = {
        'x-http-method-override': 'DELETE',
        'x-http-method': 'DELETE',
        'x-method-override': 'DELETE',
      };
      const answer = await api.send('GET', '/v1/users/alice', { as: ADMIN_KEY, headers });
      expect([answer.status, answer.json['id']]).toEqual([200, 'alice']);
      const refused = await api.send('POST', '/v1/users/alice?_method=DELETE', { as: ADMIN_KEY, headers });
      expect(refusalOf(refused)).toBe('405 method_not_allowed');
    }));
});

describe('HEAD and OPTIONS', () => {
  it('HEAD says what GET says, without its body', async () => {
    for (const [path, methods] of Object.entries(paths)) {
      if (path === '/v1/orders/{id}/events') continue;
      const answer = answerIn(await exchange(api.url, head(`HEAD ${path}`, AUTH)));
      expect([path, answer.text]).toEqual([path, '']);
      const expected = methods.includes('GET')
        ? answer.status < 500 && answer.status !== 405
        : answer.status === 405;
      expect([path, answer.status, expected]).toEqual([path, answer.status, true]);
      if (answer.status >= 400) expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('OPTIONS asks for nothing, and needs no credential', () =>
    changingNothing(database.db, async () => {
      for (const path of [...Object.keys(paths), '*', '/nothing']) {
        const answer = answerIn(await exchange(api.url, head(`OPTIONS ${path}`)));
        expect([path, answer.status, answer.text]).toEqual([path, 204, '']);
        expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      }
    }));
});

describe('a path', () => {
  it.each([
    ['in absolute form', `GET http://evil.example/v1/users/alice`, '200'],
    ['in absolute form, of a path that is none', `GET http://evil.example/v1/users/alice/`, '404 not_found'],
    ['in absolute form, without a path', `GET http://evil.example`, '404 not_found'],
    ['that climbs', 'GET /v1/catalog/../users/alice', '404 not_found'],
    ['that climbs in escapes', 'GET /v1/catalog/%2e%2e/users/alice', '404 not_found'],
    ['with an escaped slash', 'GET /v1/users/alice%2fwallets', '400 invalid_request'],
    ['with an escaped line break', 'GET /v1/users/a%0d%0aSet-Cookie:x=1', '400 invalid_request'],
    ['with a parameter', 'GET /v1/users/alice;admin=1', '400 invalid_request'],
    ['with a backslash', String.raw`GET \v1\users\alice`, '400 invalid_request'],
    ['with two slashes', 'GET //v1/users/alice', '404 not_found'],
    ['with a fragment', 'GET /v1/users/alice#admin', '200'],
    ['that is a star', 'GET *', '404 not_found'],
    ['with nothing but a query', 'GET ?a=1', '400 invalid_request'],
    ['of 12,000 letters', `GET /v1/users/${'a'.repeat(12_000)}`, '400 invalid_request'],
    ['with a query of 12,000 letters', `GET /v1/users/alice?q=${'a'.repeat(12_000)}`, '200'],
    ['with 3,000 fields in its query', `GET /v1/users/alice?${'a=1&'.repeat(3_000)}`, '200'],
    ['of 20,000 letters', `GET /v1/users/${'a'.repeat(20_000)}`, '431 invalid_request'],
  ])('%s', (_what, line, expected) =>
    changingNothing(database.db, async () => {
      expect(await outcome(head(line, AUTH))).toBe(expected);
    }),
  );
});

describe('headers', () => {
  const user = (): string => tokens['alice'] ?? '';
  it.each([
    ['400 of them', () => Array.from({ length: 400 }, (_, n) => `X-${n}: 1`), '200'],
    ['3,000 of them', () => Array.from({ length: 3_000 }, (_, n) => `X-${n}: 1`), '431 invalid_request'],
    ['one of 20,000 letters', () => [`X-Long: ${'x'.repeat(20_000)}`], '431 invalid_request'],
    ['one without a colon', () => ['nonsense'], '400 invalid_request'],
    ['one with NUL', () => ['X-Nul: a\u0000b'], '400 invalid_request'],
    ['one that is folded', () => ['X-Folded: a', ' b'], '400 invalid_request'],
    ['one with a space before its colon', () => ['X-Space : a'], '400 invalid_request'],
    ['two lengths', () => ['Content-Length: 1', 'Content-Length: 2'], '400 invalid_request'],
    ['a negative length', () => ['Content-Length: -1'], '400 invalid_request'],
    ['a length and chunks', () => ['Content-Length: 5', 'Transfer-Encoding: chunked'], '400 invalid_request'],
    ['chunks that are none', () => ['Transfer-Encoding: chunked, identity'], '400 invalid_request'],
    ['a second credential that is bad', () => ['Authorization: Bearer rubbish'], '401 unauthenticated'],
    ['a second credential that is good', () => [`Authorization: Bearer ${user()}`], '401 unauthenticated'],
    ['two API keys', () => [`x-api-key: ${ADMIN_KEY}`, `x-api-key: ${ADMIN_KEY}`], '401 unauthenticated'],
    ['another host', () => ['X-Forwarded-Host: evil.example', 'X-Original-URL: /v1/api-keys'], '200'],
  ])('%s', (_what, fields, expected) =>
    changingNothing(database.db, async () => {
      expect(await outcome(head('GET /v1/users/alice', AUTH, ...fields()))).toBe(expected);
    }),
  );

  it('that name one Idempotency-Key twice are refused', () =>
    changingNothing(database.db, async () => {
      const twice = ['Idempotency-Key: a', 'Idempotency-Key: a', 'Content-Length: 0'];
      expect(await outcome(head('POST /v1/users/alice/tokens', AUTH, ...twice))).toBe('400 invalid_request');
    }));
});

describe('bytes that are no HTTP', () => {
  it.each([
    ['a greeting', 'hello\r\n\r\n'],
    ['TLS', Buffer.from('16030100a5010000a1030300', 'hex')],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a version of its own', 'GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['two requests in one line', `GET /healthz HTTP/1.1 GET /v1/api-keys HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])('%s are a problem too', async (_what, sent) => {
    expect(await outcome(sent)).toBe('400 invalid_request');
  });

  it.each([
    ['a request without a host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['an expectation that is not met', head('GET /healthz', 'Expect: a miracle'), 417],
    ['a proxy’s method', head('CONNECT evil.example:443'), 0],
  ])('%s gets no page', async (_what, sent, status) => {
    const answer = answerIn(await exchange(api.url, sent));
    expect(answer.status).toBe(status);
    // Nothing, or the one chunk that ends a body of nothing.
    expect(answer.text.replace('0\r\n\r\n', '')).toBe('');
  });

  it('a body that is cut off has no effect', () =>
    changingNothing(database.db, async () => {
      const body = '{"name":"Mallory","scopes":["admin"]}';
      const fields = [AUTH, 'Content-Type: application/json', `Content-Length: ${body.length + 1}`];
      await cutOff(api.url, `${head('POST /v1/api-keys', ...fields)}${body}`);
      // Whatever it led to was done before a request that came after it.
      expect(await outcome(head('GET /v1/users/alice', AUTH))).toBe('200');
    }));

  it('a second request behind a first one is answered by itself', async () => {
    const first = `GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`;
    const text = await exchange(api.url, `${first}${head('GET /v1/api-keys')}`);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '401']);
  });
});
