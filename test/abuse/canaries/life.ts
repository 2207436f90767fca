/** Orders' lives in which everything that can go wrong with a secret does: right ones, wrong ones, errors around them. */
import { randomBytes } from 'node:crypto';
import bcrypt from 'bcryptjs';
import { type Client, type SendOptions, type TestAnswer, clientOf } from '../../../api/test-support.js';
import type { Receiver } from '../../../outgoing/test-support.js';
import { eventually } from '../../e2e/wait.js';
import type { Fleet, Proc } from '../../fleet/fleet.js';
import type { Secrets } from './forms.js';

/** A text that stands nowhere else; a password has 64 characters at most. */
export const canary = (what: string): string =>
  `canary-${what.slice(0, 32)}-${randomBytes(12).toString('base64url')}`;

/** What a run of the product is lived with. */
export interface Life {
  fleet: Fleet;
  api: Proc;
  /** Grows while it is lived: keys and tokens are secrets from when they are made. */
  secrets: Record<string, string>;
  /** Every answer, but for those that show a secret once. */
  answers: string[];
  /** As nobody, unless a call says otherwise. */
  send: Client['send'];
  /** As the admin, expecting success. */
  admin: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;
}

export function beginLife(fleet: Fleet, api: Proc, known: Secrets): Life {
  const secrets = { ...known };
  const answers: string[] = [];
  const client = clientOf(api.url);
  const send: Client['send'] = async (method, path, options) => {
    const answer = await client.send(method, path, options);
    const shown = ['key', 'accessToken', 'secret'].filter((field) => typeof answer.json[field] === 'string');
    for (const field of shown) {
      const text = String(answer.json[field]);
      // What stands behind the prefix is the key itself.
      secrets[`${field} ${text.slice(0, 12)}`] = text.replace(/^whsec_/, '');
    }
    const headers = JSON.stringify([...answer.headers]);
    answers.push(shown.length === 0 ? `${headers}\n${answer.text}` : headers);
    return answer;
  };
  const admin: Life['admin'] = async (method, path, body) => {
    const answer = await send(method, path, { as: fleet.adminKey, body });
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  return { fleet, api, secrets, answers, send, admin };
}

/** A new secret of the life. */
function secret({ secrets }: Life, what: string): string {
  const text = canary(what.replaceAll(/\W/g, '-'));
  secrets[what] = text;
  return text;
}

export interface Person {
  id: string;
  token: string;
  payPassword: string;
}

/** @param brought a password hash of another system, instead of a password */
export async function addPerson(life: Life, id: string, brought = false): Promise<Person> {
  const payPassword = secret(life, `pay password of ${id}`);
  const passwords = brought
    ? { payPasswordHash: await bcrypt.hash(payPassword, 4) }
    : { payPassword, loginPassword: secret(life, `login password of ${id}`) };
  await life.admin('PUT', `/v1/users/${id}`, { name: id, mobile: '13512345678', ...passwords });
  const { accessToken } = await life.admin('POST', `/v1/users/${id}/tokens`);
  return { id, token: String(accessToken), payPassword };
}

/** Passwords and credentials in every place where they do not belong. */
export async function misplace(life: Life, { id, token }: Person): Promise<void> {
  const { fleet, send } = life;
  const path = `/v1/users/${id}`;
  const put = (options: SendOptions): Promise<TestAnswer> =>
    send('PUT', path, { as: fleet.adminKey, ...options });
  const json = { 'content-type': 'application/json' };
  await put({ raw: `{"name":"x","payPassword":"${secret(life, 'password in broken JSON')}`, headers: json });
  await put({ raw: `{"payPassword":"${secret(life, 'password before rubbish')}"} x`, headers: json });
  await put({ raw: secret(life, 'password as the whole body'), headers: { 'content-type': 'text/plain' } });
  await put({ body: { name: 'x', payPassword: [secret(life, 'password in a list')] } });
  await put({ body: { name: 'x', payPassword: secret(life, 'password that is too long').repeat(3) } });
  await put({ body: { name: 'x', payPasswordHash: secret(life, 'password for a hash') } });
  await put({ body: { name: 'x', role: secret(life, 'password for a role') } });
  await put({ body: { name: 'x', pwd: secret(life, 'password in an unknown field') } });
  await put({ raw: `name=x&payPassword=${secret(life, 'password in a form')}&payPasswordHash=y` });
  await send('GET', `${path}?accessToken=${secret(life, 'token in a query')}`, { as: token });
  await send('GET', path, { as: secret(life, 'token that is unknown') });
  await send('GET', path, { headers: { 'x-api-key': secret(life, 'key that is unknown') } });
  await send('GET', path, { headers: { authorization: `Basic ${secret(life, 'token of another scheme')}` } });
  await send('GET', path, { as: token, headers: { cookie: `session=${secret(life, 'token in a cookie')}` } });
  await send('POST', '/v1/orders', { as: token, body: { accesstoken: secret(life, 'token in a body') } });
  await send('POST', '/v1/nothing', {
    headers: { authorization: `Bearer ${secret(life, 'token to nowhere')}` },
  });
}

/** A password on its way into a database that does not answer in time. */
export async function whileLocked(life: Life, { id }: Person): Promise<void> {
  const { fleet, send } = life;
  await fleet.sql.begin(async (sql) => {
    await sql`LOCK TABLE users, password_guesses IN ACCESS EXCLUSIVE MODE`;
    const body = { name: id, loginPassword: secret(life, 'password for a locked table') };
    const answer = await send('PUT', `/v1/users/${id}`, { as: fleet.adminKey, body });
    if (answer.status !== 503) throw new Error(`answered ${answer.status} ${answer.text}`);
  });
}

export async function newOrder(life: Life, body: Record<string, unknown>): Promise<string> {
  const { id } = await life.admin('POST', '/v1/orders', { subject: 'One hour of guitar', ...body });
  return String(id);
}

export async function untilStatus({ admin }: Life, id: string, ...wanted: readonly string[]): Promise<void> {
  await eventually(`order ${id} is ${wanted.join(' or ')}`, async () => {
    const { status } = await admin('GET', `/v1/orders/${id}`);
    if (!wanted.includes(String(status))) throw new Error(`it is ${String(status)}`);
  });
}

/** Opens an attempt, through whatever errors the provider has, and pays it. */
export async function payAtProvider(life: Life, id: string, channel: string): Promise<void> {
  const outTradeNo = await eventually(`an attempt at ${channel}`, async () => {
    const answer = await life.send('POST', `/v1/orders/${id}/payments`, {
      as: life.fleet.adminKey,
      body: { channel, scene: 'qr' },
    });
    if (answer.json['status'] !== 'pending') throw new Error(answer.text);
    return String(answer.json['outTradeNo']);
  });
  const paid = await life.fleet.sandbox.post(`/trades/${outTradeNo}/pay`, {});
  if (paid.status !== 200) throw new Error(`the sandbox answered ${paid.status}`);
  await untilStatus(life, id, 'paid', 'completed', 'action_required');
}

export async function fault({ fleet }: Life, wish: object): Promise<void> {
  const { status } = await fleet.sandbox.post('/faults', wish);
  if (status !== 201) throw new Error(`the sandbox answered ${status}`);
}

/** Wrong passwords first, then the right one, twice. */
export async function payFromWallet(life: Life, id: string, { token, payPassword }: Person): Promise<void> {
  const pay = (password: string, key: string): Promise<TestAnswer> =>
    life.send('POST', `/v1/orders/${id}/payments`, {
      as: token,
      body: { channel: 'wallet', payPassword: password },
      headers: { 'idempotency-key': key },
    });
  for (const nth of ['first', 'second', 'third']) {
    const answer = await pay(secret(life, `${nth} wrong password for ${id}`), `wrong-${nth}`);
    if (answer.status !== 403) throw new Error(`answered ${answer.status} ${answer.text}`);
  }
  for (const key of ['right', 'right', 'again']) {
    const answer = await pay(payPassword, `${key}-${id}`);
    if (answer.status !== 201) throw new Error(`answered ${answer.status} ${answer.text}`);
  }
}

/** A merchant is told of everything that follows, under a secret that is replaced; its server fails at times. */
export async function tellMerchant({ admin, send, fleet }: Life, { url }: Receiver): Promise<void> {
  const { id } = await admin('POST', '/v1/webhook-endpoints', { url });
  const path = `/v1/webhook-endpoints/${String(id)}`;
  await admin('POST', `${path}/rotate-secret`);
  await admin('POST', `${path}/test`);
  await admin('PATCH', path, { description: 'the shop' });
  const headers = { 'idempotency-key': 'rotated-once' };
  for (let nth = 0; nth < 2; nth++)
    await send('POST', `${path}/rotate-secret`, { as: fleet.adminKey, headers });
}

/** Asks for some of the money back, and approves it. */
export async function refund({ admin }: Life, id: string, reason: string): Promise<void> {
  const { id: refundId } = await admin('POST', `/v1/orders/${id}/refunds`, { amount: 100, reason });
  await admin('POST', `/v1/refunds/${String(refundId)}/approve`, { reason });
  await eventually(`refund ${String(refundId)} has succeeded`, async () => {
    const { status } = await admin('GET', `/v1/refunds/${String(refundId)}`);
    if (status !== 'succeeded') throw new Error(`it is ${String(status)}`);
  });
}

/** Releases the money, once the order's workflow has heard that no refund is open any more. */
export async function confirm(life: Life, id: string, reason: string): Promise<void> {
  await eventually(`order ${id} can be confirmed`, () =>
    life.admin('POST', `/v1/orders/${id}/confirm`, { reason }),
  );
  await untilStatus(life, id, 'partially_refunded');
}
