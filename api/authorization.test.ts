/**
 * The authorization matrix (promises S1, S2): every route of the running app, called by every kind of caller. A route
 * without a row fails, and so does a row without a route. To add a route, add its row.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOrder } from '../commands/create-order.js';
import { SCOPES, type Scope } from '../commands/credentials.js';
import { fen } from '../domain/money.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { openAttempt } from '../test/support/world.js';
import { ADMIN_KEY, type TestApp, startTestApp } from './test-support.js';

/**
 * Callers, from left to right: nobody, an unknown token, a revoked key | users: the one it is about (the buyer), the
 * seller, another, an operator | keys: scope `operate`, every scope but the route's own, the route's own scope, admin.
 */
const CALLERS = [
  'nobody',
  'unknown',
  'revoked',
  'self',
  'seller',
  'other',
  'operator',
  'operate',
  'without',
  'with',
  'admin',
] as const;
type CallerName = (typeof CALLERS)[number];

/** `+`: the handler was reached, whatever it said. 404 is the answer about other people's orders. */
const EVERYBODY = '  +   +   + |   +   +   +   + |   +   +   +   +';
const BACKEND = '  401 401 401 | 403 403 403 403 | 403 403 + +';
const OPERATORS_TOO = '401 401 401 | 403 403 403   + |   + 403 + +';
const SELF_AND_OPERATORS = '401 401 401 | + 403 403 + | + 403 + +';
const SELF_TOO = '401 401 401 | + 403 403 403 | 403 403 + +';
const PARTIES = '  401 401 401 | + + 404 + | + 403 + +';
const NOT_THE_SELLER = '401 401 401 | + 403 404 + | + 403 + +';
const BUYER_ACTS = '401 401 401 | + 403 404 403 | 403 403 + +';
const OPERATOR_DECIDES = '401 401 401 | 403 403 404 + | + 403 + +';

interface Row {
  /** Whose key is "with", and missing in "without". */
  scope: Scope;
  cells: string;
  body?: object;
}

const everybody: Row = { scope: 'orders', cells: EVERYBODY };
const reason = { reason: 'because' };

const MATRIX: Record<string, Row> = {
  'GET /healthz': everybody,
  'GET /readyz': everybody,
  'GET /metrics': everybody,
  'GET /openapi.json': everybody,
  'GET /docs': everybody,
  'GET /docs/:file': everybody,
  'POST /webhooks/alipay': everybody,
  'POST /webhooks/wechat': everybody,
  'PUT /v1/users/:id': { scope: 'users', cells: BACKEND, body: { name: 'Alice' } },
  'GET /v1/users/:id': { scope: 'users', cells: SELF_AND_OPERATORS },
  'POST /v1/users/:id/tokens': { scope: 'users', cells: BACKEND },
  'DELETE /v1/users/:id/tokens': { scope: 'users', cells: SELF_TOO },
  'POST /v1/api-keys': { scope: 'admin', cells: BACKEND, body: { name: 'another', scopes: ['orders'] } },
  'GET /v1/api-keys': { scope: 'admin', cells: BACKEND },
  'DELETE /v1/api-keys/:id': { scope: 'admin', cells: BACKEND },
  'PUT /v1/catalog/shop-orders/:id': { scope: 'catalog', cells: BACKEND },
  'GET /v1/catalog/shop-orders/:id': { scope: 'catalog', cells: OPERATORS_TOO },
  'GET /v1/catalog/shop-orders': { scope: 'catalog', cells: OPERATORS_TOO },
  'PUT /v1/catalog/sms-templates/:id': { scope: 'catalog', cells: BACKEND },
  'GET /v1/catalog/sms-templates/:id': { scope: 'catalog', cells: OPERATORS_TOO },
  'GET /v1/catalog/sms-templates': { scope: 'catalog', cells: OPERATORS_TOO },
  'PUT /v1/settings/:key': { scope: 'settings', cells: BACKEND },
  'GET /v1/settings/:key': { scope: 'settings', cells: OPERATORS_TOO },
  'GET /v1/settings': { scope: 'settings', cells: OPERATORS_TOO },
  'GET /v1/sms': { scope: 'orders', cells: OPERATORS_TOO },
  'GET /v1/wallets/:userId': { scope: 'ledger:read', cells: SELF_AND_OPERATORS },
  'GET /v1/wallets/:userId/entries': { scope: 'ledger:read', cells: SELF_AND_OPERATORS },
  'GET /v1/ledger/proof': { scope: 'ledger:read', cells: OPERATORS_TOO },
  'GET /v1/operator-items': { scope: 'operate', cells: OPERATORS_TOO },
  'POST /v1/orders': {
    scope: 'orders',
    cells: SELF_TOO,
    body: { kind: 'deal', buyerId: 'alice', sellerId: 'sally', amount: 100, subject: 'a lesson' },
  },
  'GET /v1/orders': { scope: 'orders', cells: '401 401 401 | + + + + | + 403 + +' },
  'GET /v1/orders/:id': { scope: 'orders', cells: PARTIES },
  'GET /v1/orders/:id/timeline': { scope: 'orders', cells: PARTIES },
  'GET /v1/orders/:id/events': { scope: 'orders', cells: PARTIES },
  'GET /v1/orders/:id/actions': { scope: 'orders', cells: NOT_THE_SELLER },
  'GET /v1/payments/:id': { scope: 'orders', cells: NOT_THE_SELLER },
  'POST /v1/orders/:id/confirm': { scope: 'orders', cells: BUYER_ACTS },
  'POST /v1/orders/:id/cancel': { scope: 'orders', cells: BUYER_ACTS },
  'POST /v1/orders/:id/payments': { scope: 'orders', cells: BUYER_ACTS, body: { channel: 'alipay' } },
  'POST /v1/orders/:id/close-chat': { scope: 'orders', cells: '401 401 401 | + + 404 403 | 403 403 + +' },
  'POST /v1/orders/:id/actions/:path/retry': { scope: 'operate', cells: OPERATOR_DECIDES },
  'POST /v1/orders/:id/actions/:path/skip': { scope: 'operate', cells: OPERATOR_DECIDES, body: reason },
  'POST /v1/orders/:id/actions/:path/edit': {
    scope: 'operate',
    cells: OPERATOR_DECIDES,
    body: { parameters: { id: '77' }, ...reason },
  },
};

let database: TestDatabase;
let api: TestApp;
let orderId: string;
let paymentId: string;
let spareKeyId: string;
let revokedKey: string;
const keys = new Map<string, string>();

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  for (const [id, role] of [
    ['alice', 'member'],
    ['sally', 'member'],
    ['bob', 'member'],
    ['oscar', 'operator'],
  ]) {
    await api.admin('PUT', `/v1/users/${id}`, { name: id, role });
  }
  await api.admin('PUT', '/v1/catalog/shop-orders/77', { userId: 'alice', amount: 100, title: 'tea' });
  await api.admin('PUT', '/v1/catalog/sms-templates/1', { provider: 'outbox', sign: 's', template: 't' });
  await api.admin('PUT', '/v1/settings/greeting', { value: 'hello' });
  const spare = await api.admin('POST', '/v1/api-keys', { name: 'spare', scopes: [...SCOPES] });
  spareKeyId = String(spare.json['id']);
  revokedKey = String(spare.json['key']);
  await api.admin('DELETE', `/v1/api-keys/${spareKeyId}`);
  const order = await createOrder(
    api.services.commands,
    {
      kind: 'deal',
      buyerId: 'alice',
      sellerId: 'sally',
      amountFen: fen(100),
      currency: 'CNY',
      subject: 'a lesson',
      items: null,
      nextAction: { type: 0, id: '77' },
      chatId: 'room_1',
      skillId: null,
      expiresInMs: null,
      chatWindowMs: null,
      autoConfirmAfterMs: null,
      metadata: {},
    },
    'test',
  );
  orderId = order.id;
  paymentId = (await openAttempt(database.db, order)).id;
});

afterAll(async () => {
  await api.close();
  await database.close();
});

async function tokenOf(user: string): Promise<string> {
  const minted = await api.admin('POST', `/v1/users/${user}/tokens`);
  expect(minted.status).toBe(201);
  return String(minted.json['accessToken']);
}

async function keyWith(scopes: readonly Scope[]): Promise<string> {
  const name = scopes.join(' ');
  const known = keys.get(name);
  if (known !== undefined) return known;
  const made = await api.admin('POST', '/v1/api-keys', { name: 'matrix', scopes });
  expect(made.status).toBe(201);
  keys.set(name, String(made.json['key']));
  return String(made.json['key']);
}

/** Credentials are made anew for each row, since some routes revoke them. */
async function credentialOf(caller: CallerName, scope: Scope): Promise<string | undefined> {
  switch (caller) {
    case 'nobody':
      return undefined;
    case 'unknown':
      return `hf_tok_${'x'.repeat(43)}`;
    case 'revoked':
      return revokedKey;
    case 'self':
      return tokenOf('alice');
    case 'seller':
      return tokenOf('sally');
    case 'other':
      return tokenOf('bob');
    case 'operator':
      return tokenOf('oscar');
    case 'operate':
      return keyWith(['operate']);
    case 'without':
      return keyWith(SCOPES.filter((one) => one !== scope && one !== 'admin' && one !== 'operate'));
    case 'with':
      return keyWith([scope]);
    case 'admin':
    default:
      return ADMIN_KEY;
  }
}

function pathOf(route: string): string {
  const [, pattern = ''] = route.split(' ');
  const ids: Record<string, string> = {
    '/v1/users/:id': 'alice',
    '/v1/orders/:id': orderId,
    '/v1/payments/:id': paymentId,
    '/v1/api-keys/:id': spareKeyId,
    '/v1/catalog/shop-orders/:id': '77',
    '/v1/catalog/sms-templates/:id': '1',
  };
  const [prefix] = Object.keys(ids).filter((one) => pattern.startsWith(one));
  return pattern
    .replace(':id', prefix === undefined ? '' : (ids[prefix] ?? ''))
    .replace(':userId', 'alice')
    .replace(':key', 'greeting')
    .replace(':path', '0')
    .replace(':file', 'start.js');
}

/** The status alone: a live event stream never ends by itself. */
async function call(route: string, as: string | undefined, body: object | undefined): Promise<number> {
  const [method = 'GET'] = route.split(' ');
  const hangUp = new AbortController();
  const answer = await fetch(`${api.url}${pathOf(route)}`, {
    method,
    signal: hangUp.signal,
    headers: {
      ...(as !== undefined && { authorization: `Bearer ${as}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  hangUp.abort();
  return answer.status;
}

function cell(status: number): string {
  return [401, 403, 404, 500].includes(status) ? String(status) : '+';
}

function routesOfApp(): string[] {
  const listed = (
    api.app.router as unknown as { listRoutes(): { path: string; methods?: string[] }[] }
  ).listRoutes();
  return listed.flatMap(({ path, methods = [] }) =>
    // A route of every method is the one that answers 405.
    methods.includes('TRACE') ? [] : methods.filter((one) => one !== 'HEAD').map((one) => `${one} ${path}`),
  );
}

describe('S2: the authorization matrix', () => {
  it('has a row for every route of the app, and a route for every row', () => {
    expect(routesOfApp().sort()).toEqual(Object.keys(MATRIX).sort());
  });

  it.each(Object.entries(MATRIX))('%s answers each caller as written down', async (route, row) => {
    const found: Record<string, string> = {};
    for (const caller of CALLERS) {
      const credential = await credentialOf(caller, row.scope);
      found[caller] = cell(await call(route, credential, row.body));
    }
    const written = row.cells.split(/[\s|]+/).filter((one) => one !== '');
    expect(found).toEqual(Object.fromEntries(CALLERS.map((caller, at) => [caller, written[at]])));
  });

  it('takes the key in x-api-key too', async () => {
    const answer = await api.send('GET', '/v1/settings', { headers: { 'x-api-key': ADMIN_KEY } });
    expect(answer.status).toBe(200);
  });
});
