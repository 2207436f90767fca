/** One good call of every route that takes a body: what the attacks start from. A route without one fails a test. */
import { expect } from 'vitest';
import { completed, tokens } from '../../api/v1/test-support.js';
import { CATALOG_SAMPLES, RENEWAL_ID, addThingsOfActions } from '../../api/test-catalog.js';
import { type TestApp, ADMIN_KEY } from '../../api/test-support.js';
import type { Db } from '../../db/client.js';
import { openItem } from '../../db/operator-items.js';
import { operatorItems, users } from '../../db/schema.js';
import { hashPassword } from '../../commands/passwords.js';
import { ask as askForMoney } from '../support/withdrawals.js';
import { giveCash, openAttempt } from '../support/world.js';

export const PAY_PASSWORD = 'open-sesame';
/** Nothing is sent there: no relay runs. */
const MERCHANT_URL = 'https://shop.example.com/holdfast';

/** Ids of one thing of each kind. */
export interface Things {
  order: string;
  orderNo: string;
  payment: string;
  refund: string;
  item: string;
  endpoint: string;
  delivery: string;
  withdrawal: string;
  deposit: string;
}

/** A completed deal of alice and sally, with an open refund, a second attempt, a withdrawal and an operator's item. */
export async function makeThings(api: TestApp, db: Db): Promise<Things> {
  await db.update(users).set({ payPasswordHash: await hashPassword(PAY_PASSWORD) });
  await giveCash(db, 'alice', 100_000);
  const order = await completed();
  const payment = await openAttempt(db, order, `${order.orderNo}a2`);
  const path = `/v1/orders/${order.id}/refunds`;
  const asked = await api.send('POST', path, { as: tokens['alice'], body: { amount: 1, reason: 'late' } });
  expect(asked.status).toBe(201);
  await openItem(db, { kind: 'suspense', ref: order.id, orderNo: null, details: { channel: 'alipay' } });
  const [item] = await db.select({ id: operatorItems.id }).from(operatorItems);
  const endpoint = await api.admin('POST', '/v1/webhook-endpoints', { url: MERCHANT_URL });
  const delivery = await api.admin('POST', `/v1/webhook-endpoints/${String(endpoint.json['id'])}/test`);
  return {
    order: order.id,
    orderNo: order.orderNo,
    payment: payment.id,
    refund: String(asked.json['id']),
    item: item?.id ?? '',
    endpoint: String(endpoint.json['id']),
    delivery: String(delivery.json['id']),
    deposit: await addThingsOfActions(db),
    withdrawal: (await askForMoney(db, 'sally', 100)).id,
  };
}

export interface Sample {
  method: 'POST' | 'PUT' | 'PATCH';
  path: string;
  /** Undefined: the route takes none, and ignores what is sent. */
  body: Readonly<Record<string, unknown>> | undefined;
}

const reason = 'because';

const DEAL = {
  kind: 'deal',
  buyerId: 'alice',
  sellerId: 'sally',
  amount: 100,
  currency: 'CNY',
  subject: 'One hour of guitar',
  nextAction: { type: 2, smsId: '78', mobile: '13500000000', postJsonString: { code: '42' } },
  chatId: 'room_1',
  skillId: 'guitar',
  expiresIn: '24h',
  chatWindow: 'PT24H',
  autoConfirmAfter: '1d',
  metadata: { colour: 'red' },
};

function catalogSamples(): Record<string, Sample> {
  return Object.fromEntries(
    Object.entries(CATALOG_SAMPLES).map(([name, body]) => [
      `PUT /v1/catalog/${name}/{id}`,
      { method: 'PUT', path: `/v1/catalog/${name}/78`, body },
    ]),
  );
}

const ACCOUNT = { channel: 'alipay', no: 'someone@example.com', name: 'Someone' };

/** By route, as the OpenAPI document writes it. */
export function samplesFor({
  order,
  refund,
  item,
  endpoint,
  delivery,
  withdrawal,
  deposit,
}: Things): Readonly<Record<string, Sample>> {
  const post = (path: string, body?: Sample['body']): Sample => ({ method: 'POST', path, body });
  const put = (path: string, body?: Sample['body']): Sample => ({ method: 'PUT', path, body });
  const at = `/v1/orders/${order}`;
  const hook = `/v1/webhook-endpoints/${endpoint}`;
  return {
    'PUT /v1/users/{id}': put('/v1/users/zoe', {
      name: 'Zoe',
      role: 'member',
      avatar: 'https://images.example/zoe.png',
      skills: ['guitar'],
      careers: [{ at: 'school' }],
      mobile: '13500000000',
      openid: 'o-zoe',
      profile: { city: 'Wuhan' },
      loginPassword: 'login-of-zoe',
      payPassword: 'pay-of-zoe',
    }),
    'POST /v1/users/{id}/tokens': post('/v1/users/bob/tokens'),
    'POST /v1/api-keys': post('/v1/api-keys', { name: 'shop', scopes: ['orders'] }),
    ...catalogSamples(),
    'POST /v1/bulk-retries': post('/v1/bulk-retries', {
      filter: { code: 'sold_out', type: 7, buyerId: 'alice', triedBefore: '2026-11-30T10:00:00Z' },
    }),
    'PUT /v1/action-endpoints/{type}': put('/v1/action-endpoints/23', {
      url: MERCHANT_URL,
      secret: `whsec_${'a'.repeat(32)}`,
      timeoutMs: 1_000,
    }),
    'POST /v1/deposits/{id}/return': post(`/v1/deposits/${deposit}/return`),
    'POST /v1/users/{id}/membership-renewals/{renewalId}/cancel': post(
      `/v1/users/alice/membership-renewals/${RENEWAL_ID}/cancel`,
    ),
    'PUT /v1/settings/{key}': put('/v1/settings/greeting', { value: { text: 'hello' } }),
    'POST /v1/orders': post('/v1/orders', DEAL),
    'POST /v1/orders/{id}/payments': post(`${at}/payments`, {
      channel: 'wallet',
      scene: 'qr',
      payPassword: PAY_PASSWORD,
      openid: 'o-alice',
      clientIp: '203.0.113.7',
      returnUrl: 'https://shop.example/paid',
    }),
    'POST /v1/orders/{id}/confirm': post(`${at}/confirm`, { reason }),
    'POST /v1/orders/{id}/cancel': post(`${at}/cancel`, { reason }),
    'POST /v1/orders/{id}/close-chat': post(`${at}/close-chat`, { reason }),
    'POST /v1/orders/{id}/refunds': post(`${at}/refunds`, { amount: 1, reason }),
    'POST /v1/orders/{id}/actions/{path}/retry': post(`${at}/actions/0/retry`, {}),
    'POST /v1/orders/{id}/actions/{path}/skip': post(`${at}/actions/0/skip`, { reason }),
    'POST /v1/orders/{id}/actions/{path}/edit': post(`${at}/actions/0/edit`, {
      parameters: { id: '77' },
      reason,
    }),
    'POST /v1/refunds/{id}/approve': post(`/v1/refunds/${refund}/approve`, { reason }),
    'POST /v1/refunds/{id}/reject': post(`/v1/refunds/${refund}/reject`, { reason }),
    'POST /v1/reconciliations': post('/v1/reconciliations', { channel: 'alipay', date: '2026-11-20' }),
    'PUT /v1/users/{id}/payout-account': put('/v1/users/bob/payout-account', ACCOUNT),
    'POST /v1/withdrawals': post('/v1/withdrawals', {
      userId: 'sally',
      amount: 100,
      payPassword: PAY_PASSWORD,
      account: ACCOUNT,
    }),
    'POST /v1/withdrawals/{id}/approve': post(`/v1/withdrawals/${withdrawal}/approve`, { reason }),
    'POST /v1/withdrawals/{id}/reject': post(`/v1/withdrawals/${withdrawal}/reject`, { reason }),
    'POST /v1/operator-items/{id}/resolve': post(`/v1/operator-items/${item}/resolve`, {
      resolution: 'keep',
      reason,
    }),
    'POST /v1/webhook-endpoints': post('/v1/webhook-endpoints', {
      url: MERCHANT_URL,
      description: 'the shop',
      eventTypes: ['order.paid', 'order.completed'],
    }),
    'PATCH /v1/webhook-endpoints/{id}': {
      method: 'PATCH',
      path: hook,
      body: { url: MERCHANT_URL, description: 'the shop', eventTypes: ['order.paid'], status: 'enabled' },
    },
    'POST /v1/webhook-endpoints/{id}/rotate-secret': post(`${hook}/rotate-secret`),
    'POST /v1/webhook-endpoints/{id}/test': post(`${hook}/test`),
    'POST /v1/webhook-deliveries/{id}/redeliver': post(`/v1/webhook-deliveries/${delivery}/redeliver`),
  };
}

/** The routes of `/v1` that read a body, as the running app documents them. */
async function routesWithBody(api: TestApp): Promise<string[]> {
  const document = (await api.send('GET', '/openapi.json')).json;
  return Object.entries(document['paths'] as Record<string, object>)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
    .filter((route) => /^(?:POST|PUT|PATCH) /.test(route));
}

/** The same value with one of its texts replaced, once for each text in it. */
export function eachTextReplaced(value: unknown, by: string, at = ''): { at: string; value: unknown }[] {
  if (typeof value === 'string') return [{ at, value: by }];
  if (typeof value !== 'object' || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([name, inner]) =>
    eachTextReplaced(inner, by, at === '' ? name : `${at}.${name}`).map((one) => ({
      at: one.at,
      value: isList
        ? value.map((old: unknown, index) => (String(index) === name ? one.value : old))
        : { ...value, [name]: one.value },
    })),
  );
}

export { ADMIN_KEY };

export interface Samples {
  /** Every route that reads a body, as `POST /v1/orders`. */
  routes: string[];
  /** @throws Error that says what to add */
  of(route: string): Sample;
}

/** Makes one thing of each kind, and says how each route is called about it. */
export async function loadSamples(api: TestApp, db: Db): Promise<Samples> {
  const samples = samplesFor(await makeThings(api, db));
  return {
    routes: await routesWithBody(api),
    of: (route) => {
      const sample = samples[route];
      if (sample === undefined) throw new Error(`no sample for ${route}: add one to test/abuse/samples.ts`);
      return sample;
    },
  };
}
