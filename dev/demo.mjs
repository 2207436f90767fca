import { textOf } from './errors.mjs';
import { apiUrl } from './settings.mjs';

/** 24 hexadecimal digits each, as the market dialect has them. */
export const DEMO_BUYER = '000000000000000000000b01';
export const DEMO_SELLER = '000000000000000000000501';
const DEMO_OPERATOR = '00000000000000000000000f';
const DEMO_PASSWORD = 'demo-pay-password';

const passwords = { loginPassword: DEMO_PASSWORD, payPassword: DEMO_PASSWORD };

/**
 * What a newcomer needs for a first order and for the first nextAction chain of the factory document
 * (shop order 129192, then SMS template 111).
 *
 * @type {[path: string, body: object][]}
 */
const DEMO = [
  [`/v1/users/${DEMO_BUYER}`, { name: 'Demo buyer', role: 'member', ...passwords }],
  [`/v1/users/${DEMO_SELLER}`, { name: 'Demo seller', role: 'member', ...passwords }],
  [`/v1/users/${DEMO_OPERATOR}`, { name: 'Demo operator', role: 'operator', ...passwords }],
  ['/v1/catalog/shop-orders/129192', { userId: DEMO_BUYER, amount: 1200, title: 'Demo shop order' }],
  [
    '/v1/catalog/sms-templates/111',
    {
      provider: 'outbox',
      sign: 'Holdfast',
      template: 'Your code is {code}, for {product}.',
      params: ['code', 'product'],
    },
  ],
];

/**
 * Puts the demo users and catalogue in, each only when it is absent: what a user changed stays changed. A
 * refusal is a warning and no failure, since everything else works without them.
 *
 * @param {{ settings: import('./settings.mjs').Settings, adminApiKey: string, report: import('./report.mjs').Report, signal: AbortSignal }} options
 */
export async function loadDemo({ settings, adminApiKey, report, signal }) {
  const base = apiUrl(settings);
  const headers = { authorization: `Bearer ${adminApiKey}`, 'content-type': 'application/json' };
  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  const call = (path, init) =>
    fetch(`${base}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
    });
  let added = 0;
  /** @param {[path: string, body: object]} entry */
  const put = async ([path, body]) => {
    try {
      const known = await call(path, { method: 'GET' });
      await known.body?.cancel();
      if (known.ok) return;
      const answer = await call(path, { method: 'PUT', body: JSON.stringify(body) });
      const text = await answer.text();
      if (answer.ok) added += 1;
      else report.warn(`Demo data ${path} was refused (${answer.status}): ${text.slice(0, 200)}`);
    } catch (error) {
      signal.throwIfAborted();
      report.warn(`Demo data ${path} could not be put in: ${textOf(error)}`);
    }
  };
  // Users first: the shop order belongs to one.
  await Promise.all(DEMO.filter(([path]) => path.startsWith('/v1/users/')).map(put));
  await Promise.all(DEMO.filter(([path]) => !path.startsWith('/v1/users/')).map(put));
  if (added > 0) report.line(`  ok Demo users and catalogue (password of the demo users: ${DEMO_PASSWORD})`);
}
