/**
 * S4: every secret of a run is a canary, and afterwards none of them is anywhere but where it belongs: not in a log, a
 * history, a table or an answer, in no form in which it could be read.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiver, answering, startReceiver } from '../../outgoing/test-support.js';
import { type Fleet, startFleet } from '../fleet/fleet.js';
import { type Secrets, leaksIn, linesOfPem } from './canaries/forms.js';
import {
  type Life,
  type Person,
  addPerson,
  beginLife,
  canary,
  confirm,
  fault,
  misplace,
  newOrder,
  payAtProvider,
  payFromWallet,
  refund,
  tellMerchant,
  untilStatus,
  whileLocked,
} from './canaries/life.js';
import { type Places, dumpOf, historiesOf, logsOf, temporalFilesOf } from './canaries/places.js';
import { until } from '../support/world.js';

const payloadKey = randomBytes(32).toString('hex');
/** Stands where a secret must not: in a path, a subject and a reason. The search has to find it. */
const planted = canary('planted');

let fleet: Fleet;
let receiver: Receiver;
let life: Life;
let places: Places;

/** What the run's processes are configured with. */
function configured({ home, adminKey, postgres }: Fleet): Secrets {
  const merchant = JSON.parse(readFileSync(path.join(home, 'sandbox', 'merchant.json'), 'utf8')) as Record<
    string,
    string
  >;
  const pem = (name: string): string => readFileSync(merchant[name] ?? '', 'utf8');
  const password = (url: string): string => decodeURIComponent(new URL(url).password);
  return {
    'the admin key': adminKey,
    'the payload key': payloadKey,
    'the application’s database password': password(postgres.appUrl),
    'the owner’s database password': password(postgres.ownerUrl),
    'the superuser’s database password': password(postgres.superuserUrl),
    'the APIv3 key': merchant['WECHAT_API_V3_KEY'] ?? '',
    'the secret for SMS by Alibaba': merchant['ALIYUN_SMS_ACCESS_KEY_SECRET'] ?? '',
    'the secret for SMS by Tencent': merchant['TENCENT_SMS_SECRET_KEY'] ?? '',
    ...linesOfPem('the key for Alipay', pem('ALIPAY_PRIVATE_KEY')),
    ...linesOfPem('the key for WeChat Pay', pem('WECHAT_PRIVATE_KEY')),
  };
}

/** Topped up at a provider that fails at first; paid from the wallet; a step fails, is corrected, and money goes back. */
async function liveThrough(buyer: Person, seller: Person): Promise<void> {
  const { admin, send } = life;
  await fault(life, { channel: 'wechat', errorRate: 1, operation: 'create', times: 2 });
  await payAtProvider(
    life,
    await newOrder(life, { kind: 'topup', buyerId: buyer.id, amount: 9_000 }),
    'wechat',
  );
  await admin('PUT', '/v1/catalog/shop-orders/77', { userId: seller.id, amount: 100, title: 'tea' });
  await admin('PUT', '/v1/catalog/shop-orders/78', { userId: buyer.id, amount: 100, title: 'tea' });
  const parties = { buyerId: buyer.id, sellerId: seller.id, amount: 1_000 };
  const deal = await newOrder(life, { ...parties, subject: planted, nextAction: { type: 0, id: 77 } });
  await payFromWallet(life, deal, buyer);
  await untilStatus(life, deal, 'action_required');
  const step = `/v1/orders/${deal}/actions/0`;
  await send('POST', `${step}/retry`, { as: buyer.token });
  await admin('POST', `${step}/edit`, { parameters: { id: '78' }, reason: planted });
  await untilStatus(life, deal, 'paid');
  await refund(life, deal, planted);
  await confirm(life, deal, planted);
  const other = await newOrder(life, parties);
  await fault(life, { channel: 'alipay', errorRate: 1, times: 3 });
  await payAtProvider(life, other, 'alipay');
  await fault(life, { channel: 'alipay', errorRate: 1, operation: 'refund', times: 2 });
  await refund(life, other, 'half of it was rain');
  await confirm(life, other, 'it was a good lesson');
}

/** A message by each provider, which is busy at first and then does not answer; another one is refused. */
async function sendMessages(buyer: Person): Promise<void> {
  const providers = { aliyun: '121', tencent: '122' };
  const sent = Object.entries(providers).map(async ([provider, smsId]) => {
    const template = { provider, sign: 'Holdfast', template: 'T_1' };
    await life.admin('PUT', `/v1/catalog/sms-templates/${smsId}`, template);
    await fault(life, { channel: provider, errorRate: 1, operation: 'send', times: 1 });
    await fault(life, { channel: provider, requestTimeout: true, operation: 'send', times: 2 });
    const refused = { type: 2, smsId, mobile: '19900000001' };
    const nextAction = { type: 2, smsId, mobile: '13512345678', nextAction: refused };
    const order = await newOrder(life, { kind: 'topup', buyerId: buyer.id, amount: 100, nextAction });
    await payAtProvider(life, order, 'alipay');
    await untilStatus(life, order, 'action_required');
  });
  await Promise.all(sent);
}

async function lookAround(): Promise<void> {
  const { send, admin } = life;
  for (const at of ['/metrics', '/readyz', '/openapi.json', `/v1/users/${planted}`]) await send('GET', at);
  for (const list of [
    'orders',
    'api-keys',
    'operator-items',
    'refunds',
    'settings',
    'sms',
    'webhook-endpoints',
    'webhook-deliveries',
  ])
    await admin('GET', `/v1/${list}`);
  await send('POST', '/webhooks/alipay', { raw: 'sign=x&sign_type=RSA2' });
}

/** A log is written a moment after its answer went out. */
async function untilLogged(word: string): Promise<void> {
  await life.send('GET', `/v1/users/${word}`);
  const isLogged = ([name, text]: [string, string]): boolean =>
    name.startsWith('log api') && text.includes(word);
  await until(() => Promise.resolve(Object.entries(logsOf(fleet)).some(isLogged)));
}

async function everyPlace(): Promise<Places> {
  const rows = await fleet.sql<{ id: string }[]>`
    SELECT 'order/' || order_no AS id FROM orders UNION ALL
    SELECT 'refund/' || id FROM refunds WHERE channel <> 'wallet'`;
  return {
    ...logsOf(fleet),
    ...temporalFilesOf(fleet),
    ...(await historiesOf(
      fleet,
      rows.map(({ id }) => id),
      payloadKey,
    )),
    ...(await dumpOf(fleet.sql)),
    'all answers': life.answers.join('\n'),
  };
}

beforeAll(async () => {
  fleet = await startFleet({
    environment: { LOG_LEVEL: 'trace', PAYLOAD_KEY: payloadKey, ALLOW_PRIVATE_URLS: 'true' },
  });
  const [api] = await Promise.all([fleet.startApi(), fleet.startWorker()]);
  life = beginLife(fleet, api, configured(fleet));
  await life.admin('POST', '/v1/api-keys', { name: 'shop', scopes: ['orders', 'admin'] });
  const buyer = await addPerson(life, 'alice');
  await misplace(life, buyer);
  receiver = await startReceiver();
  receiver.answer = (response) =>
    answering(receiver.received.length % 3 === 0 ? 500 : 200, planted)(response);
  await tellMerchant(life, receiver);
  await liveThrough(buyer, await addPerson(life, 'sally'));
  await sendMessages(buyer);
  const newcomer = await addPerson(life, 'newcomer', true);
  const free = { kind: 'deal', buyerId: newcomer.id, sellerId: buyer.id, amount: 1 };
  await life.send('POST', `/v1/orders/${await newOrder(life, free)}/payments`, {
    as: newcomer.token,
    body: { channel: 'wallet', payPassword: newcomer.payPassword },
  });
  await whileLocked(life, buyer);
  await lookAround();
  await untilLogged('the-last-word');
  places = await everyPlace();
}, 240_000);
afterAll(async () => {
  await receiver.close();
  await fleet.close();
});

const named = (wanted: RegExp): Places =>
  Object.fromEntries(Object.entries(places).filter(([name]) => wanted.test(name)));

/** @returns `place: secret` for everything that was found */
function found(where: Places, secrets: Secrets): string[] {
  return Object.entries(where).flatMap(([name, text]) =>
    leaksIn(text, secrets).map((what) => `${name}: ${what}`),
  );
}

const KINDS = [
  ['the logs of every process', /^log /, 5],
  ['what Temporal stores', /^Temporal /, 1],
  ['the histories as Temporal shows them, memo and search attributes too', /^history /, 5],
  ['the histories once their payloads are opened', /^opened history /, 5],
  ['the database, but for its hashes', /^(?:table |pg_stat)/, 18],
  ['what callers were answered', /^all answers$/, 1],
] as const;

describe('S4: no secret is in', () => {
  it.each(KINDS)('%s', (_what, kind, atLeast) => {
    const where = named(kind);
    expect(Object.keys(where).length).toBeGreaterThanOrEqual(atLeast);
    expect(Object.values(where).join('').length).toBeGreaterThan(1_000);
    expect(Object.keys(life.secrets).length).toBeGreaterThan(60);
    expect(found(where, life.secrets)).toEqual([]);
  });

  it('no log and no history holds even the hash of a password, or a phone number', () => {
    const where = named(/^(?:log |history |opened history |Temporal |all answers)/);
    const hashes = Object.entries(where).filter(([, text]) => /\$argon2|\$2[aby]\$/.test(text));
    expect(hashes.map(([name]) => name)).toEqual([]);
    expect(found(named(/^(?:log |history |Temporal )/), { 'a phone number': '13512345678' })).toEqual([]);
  });
});

describe('the merchant', () => {
  it('was told, and its secrets were looked for', () => {
    const types = receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
    expect(types).toEqual(expect.arrayContaining(['webhook.test', 'order.paid', 'order.completed']));
    expect(Object.keys(life.secrets).filter((name) => name.startsWith('secret whsec_'))).toHaveLength(3);
    expect(found(named(/^table public\.webhook_deliveries/), { planted })).not.toEqual([]);
  });
});

describe('the search', () => {
  it.each([
    ['logs', /^log api/],
    ['opened histories', /^opened history /],
    ['tables', /^table public\.orders/],
    ['answers', /^all answers$/],
  ])('finds what is planted in %s', (_what, kind) => {
    expect(found(named(kind), { planted })).not.toEqual([]);
  });

  it('finds in Temporal’s own files what is no secret there: the numbers of orders', async () => {
    const [order] = await fleet.sql<{ no: string }[]>`SELECT order_no AS no FROM orders LIMIT 1`;
    expect(found(named(/^Temporal /), { number: order?.no ?? '' })).not.toEqual([]);
    // And what is planted is sealed there.
    expect(found(named(/^(?:history |Temporal )/), { planted })).toEqual([]);
  });

  it.each([
    ['as it is', (text: string) => text],
    ['in a URL', (text: string) => encodeURIComponent(text)],
    ['in JSON', (text: string) => JSON.stringify({ text })],
    ['in hex', (text: string) => Buffer.from(text).toString('hex')],
    ['in Base64', (text: string) => Buffer.from(text).toString('base64')],
    ['in Base64, one byte further', (text: string) => Buffer.from(`x${text}y`).toString('base64')],
    [
      'in Base64 for URLs, two bytes further',
      (text: string) => Buffer.from(`xx${text}`).toString('base64url'),
    ],
  ])('finds a secret %s', (_what, written) => {
    const secret = `pass/wörd+"${randomBytes(9).toString('base64')}`;
    expect(leaksIn(`before ${written(secret)} after`, { secret })).toEqual(['secret']);
    expect(leaksIn(`before ${written(secret.slice(1))} after`, { secret })).toEqual([]);
  });
});
