/**
 * The authorization matrix (promises S1, S2): every route of the running app, called by every kind of caller. A route
 * without a row fails, and so does a row without a route. To add a route, add its row.
 */
import { errorShapeAt } from './dialects/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLAIN_ORDER, createOrder } from '../commands/create-order.js';
import { SCOPES, type Scope } from '../commands/credentials.js';
import { openItem } from '../db/operator-items.js';
import { claimRun } from '../db/reconciliations.js';
import { CATALOG_SAMPLES, RENEWAL_ID, addThingsOfActions } from './test-catalog.js';
import { operatorItems, refunds, withdrawals } from '../db/schema.js';
import { fen } from '../domain/money.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { openAttempt } from '../test/support/world.js';
import { ADMIN_KEY, type TestApp, addPeople, startTestApp, testServices } from './test-support.js';
import { CALLERS, type CallerName, MATRIX } from './authorization-matrix.js';

const refundId = 'f'.repeat(24);
let database: TestDatabase;
let api: TestApp;
let orderId: string;
let paymentId: string;
let itemId: string;
let endpointId: string;
let deliveryId: string;
let depositId: string;
let bulkRetryId: string;
let spareKeyId: string;
let revokedKey: string;
const keys = new Map<string, string>();

beforeAll(async () => {
  database = await freshDatabase();
  const { config } = testServices(database.db).services;
  const temporal = { ...config.temporal, payloadKey: 'a'.repeat(64) };
  api = await startTestApp(database.db, { config: { ...config, temporal } });
  await addPeople(api);
  for (const [name, body] of Object.entries(CATALOG_SAMPLES)) {
    expect((await api.admin('PUT', `/v1/catalog/${name}/77`, body)).status).toBe(200);
  }
  depositId = await addThingsOfActions(database.db);
  bulkRetryId = String((await api.admin('POST', '/v1/bulk-retries', { filter: {} })).json['id']);
  await api.admin('PUT', '/v1/settings/greeting', { value: 'hello' });
  const spare = await api.admin('POST', '/v1/api-keys', { name: 'spare', scopes: [...SCOPES] });
  spareKeyId = String(spare.json['id']);
  revokedKey = String(spare.json['key']);
  await api.admin('DELETE', `/v1/api-keys/${spareKeyId}`);
  const order = await createOrder(
    api.services.commands,
    {
      ...PLAIN_ORDER,
      kind: 'deal',
      buyerId: 'alice',
      sellerId: 'sally',
      amountFen: fen(100),
      subject: 'a lesson',
      nextAction: { type: 0, id: '77' },
      chatId: 'room_1',
    },
    { by: 'test', idempotencyKey: null },
  );
  orderId = order.id;
  paymentId = (await openAttempt(database.db, order)).id;
  await insertRefund(database.db, order.orderNo);
  await insertWebhooks();
  await insertWithdrawal(database.db);
  await openItem(database.db, { kind: 'failed_refund', ref: refundId, orderNo: order.orderNo, details: {} });
  await claimRun(database.db, { channel: 'alipay', date: '2026-11-23' }, 'test');
  const [item] = await database.db.select().from(operatorItems);
  itemId = item?.id ?? '';
});

/** Of two endpoints: deleting one must not hide the other's delivery. */
async function insertWebhooks(): Promise<void> {
  const made = await api.admin('POST', '/v1/webhook-endpoints', { url: 'https://shop.example.com/' });
  endpointId = String(made.json['id']);
  const other = await api.admin('POST', '/v1/webhook-endpoints', { url: 'https://shop.example.com/' });
  const sent = await api.admin('POST', `/v1/webhook-endpoints/${String(other.json['id'])}/test`);
  deliveryId = String(sent.json['id']);
}

/** One that was refused: whoever may decide about it is told so. */
async function insertRefund(db: TestDatabase['db'], orderNo: string): Promise<void> {
  await db.insert(refunds).values({
    id: refundId,
    orderNo,
    channel: 'alipay',
    outTradeNo: orderNo,
    captured: 100,
    amount: 100,
    reason: 'because',
    status: 'rejected',
    requestedBy: 'user:alice',
  });
}

/** Likewise. */
async function insertWithdrawal(db: TestDatabase['db']): Promise<void> {
  await db.insert(withdrawals).values({
    id: refundId,
    userId: 'alice',
    amount: 100,
    channel: 'alipay',
    accountNo: 'alice@example.com',
    accountName: 'Alice',
    status: 'rejected',
    requestedBy: 'user:alice',
    approvalsNeeded: 1,
  });
}

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
    '/v1/refunds/:id': refundId,
    '/v1/withdrawals/:id': refundId,
    '/v1/operator-items/:id': itemId,
    '/v1/reconciliations/:id': 'alipay-2026-11-23',
    '/v1/webhook-endpoints/:id': endpointId,
    '/v1/webhook-deliveries/:id': deliveryId,
    '/v1/api-keys/:id': spareKeyId,
    '/v1/catalog/': '77',
    '/v1/deposits/:id': depositId,
    '/v1/bulk-retries/:id': bulkRetryId,
  };
  const [prefix] = Object.keys(ids).filter((one) => pattern.startsWith(one));
  return pattern
    .replace(':id', prefix === undefined ? '' : (ids[prefix] ?? ''))
    .replace(':userId', 'alice')
    .replace(':renewalId', RENEWAL_ID)
    .replace(':key', 'greeting')
    .replace(':path', '0')
    .replace(':type', '3')
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

/** Each dialect has a matrix of its own, beside it. */
const isOfADialect = (path: string): boolean => errorShapeAt(path) !== undefined;

function routesOfApp(): string[] {
  const listed = (
    api.app.router as unknown as { listRoutes(): { path: string; methods?: string[] }[] }
  ).listRoutes();
  return listed.flatMap(({ path, methods = [] }) =>
    // A route of every method is the one that answers 405.
    methods.includes('TRACE') || isOfADialect(path)
      ? []
      : methods.filter((one) => one !== 'HEAD').map((one) => `${one} ${path}`),
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
