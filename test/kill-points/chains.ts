/** Chains of actions for kills inside each of their steps: what they are, and what must have come of them in the end. */
import { randomInt } from 'node:crypto';
import { expect } from 'vitest';
import type { Db } from '../../db/client.js';
import { ACTION_NAMES, type ActionName } from '../../domain/next-actions.js';
import { CASES, type Staged } from '../actions/cases.js';
import { type Fields, type Shop as Catalog, openShop as openCatalog } from '../actions/shop.js';
import { type Order, type Payment, type Person, type Shop, newMobile } from '../e2e/shop.js';
import { SELLER, addUsers } from '../support/world.js';

/** A chain that waits for its payment. */
export interface Chain {
  order: Order;
  payment: Payment;
  /** Of each step, in their order. */
  paths: string[];
  /** Waits until it has run, and proves that each step had its effect once. */
  end: () => Promise<void>;
}

export interface ChainShop {
  shop: Shop;
  catalog: Catalog;
}

/** Types by tens, which is as deep as a chain may be. */
const TENS: ActionName[][] = [ACTION_NAMES.slice(0, 10), ACTION_NAMES.slice(10, 20), ACTION_NAMES.slice(20)];
const PRODUCT = 'tea of the day';

export async function openChainShop(shop: Shop, db: Db): Promise<ChainShop> {
  await addUsers(db, SELLER);
  // Numbers that no list of these runs has yet.
  const catalog = openCatalog(db, randomInt(1, 2 ** 40));
  await catalog.set('PRODUCT', PRODUCT);
  return { shop, catalog };
}

/** A list of three: three steps, each with its own charge. */
async function listOf(catalog: Catalog, payer: string): Promise<Staged> {
  const { payShopOrder } = CASES;
  const three: Staged[] = [];
  for (let n = 0; n < 3; n += 1) three.push(await payShopOrder.stage(catalog, payer));
  const ids = three.map(({ action }) => String(action['id']));
  return {
    action: { type: 0, id: ids.join(',') },
    price: three.reduce((sum, { price }) => sum + price, 0),
    seen: () => Promise.all(three.map(({ seen }) => seen())),
    wanted: three.map(({ wanted }) => wanted),
  };
}

/** A message with a system parameter in it. */
async function messageOf(catalog: Catalog): Promise<Staged> {
  const smsId = await catalog.put('sms-templates', {
    provider: 'outbox',
    sign: 'Holdfast',
    template: 'code {code}, for {product}',
    params: ['code', 'product'],
  });
  const mobile = newMobile();
  const postJsonString = { code: 9988, product: { from: 'config', key: 'PRODUCT' } };
  return {
    action: { type: 2, smsId, mobile, postJsonString },
    price: 0,
    seen: async () => (await catalog.messages(mobile)).map(({ status, params }) => ({ status, params })),
    wanted: [{ status: 'sent', params: { code: '9988', product: PRODUCT } }],
  };
}

const nested = (actions: readonly Fields[]): Fields =>
  actions.reduceRight<Fields>(
    (inner, action) => ({ ...action, ...(Object.keys(inner).length > 0 && { nextAction: inner }) }),
    {},
  );

async function placed({ shop }: ChainShop, buyer: Person, staged: readonly Staged[]): Promise<Chain> {
  const cost = staged.reduce((sum, { price }) => sum + price, 0);
  const nextAction = nested(staged.map(({ action }) => action));
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: cost + 1, nextAction });
  const payment = await shop.openAttempt(order, 'alipay');
  const paths = (await shop.stepsOf(order)).map(({ path }) => path);
  return { order, payment, paths, end: () => ranOnce(shop, { buyer, order, paths, staged, cost }) };
}

async function ranOnce(
  shop: Shop,
  ran: { buyer: Person; order: Order; paths: string[]; staged: readonly Staged[]; cost: number },
): Promise<void> {
  const { buyer, order, paths, staged, cost } = ran;
  await shop.orderIs(order, 'completed');
  const steps = await shop.stepsOf(order);
  expect(steps.map(({ path, status }) => `${path} ${status}`)).toEqual(
    paths.map((path) => `${path} succeeded`),
  );
  for (const { action, seen, wanted } of staged) expect([action, await seen()]).toEqual([action, wanted]);
  expect(await shop.walletOf(buyer)).toMatchObject({ cash: 1, withdrawable: 0 });
  const charges = (await shop.walletEntries(buyer)).filter(
    ({ bucket, amount }) => bucket === 'cash' && amount < 0,
  );
  expect(charges.reduce((sum, { amount }) => sum - amount, 0)).toBe(cost);
  const told = (await shop.timelineOf(order)).filter(({ type }) => type === 'action.succeeded');
  expect(told.map(({ data }) => data['path'])).toEqual(paths);
}

/** The nested example of the source document: a shop order is paid, then a message is sent. */
export async function documentsExample(to: ChainShop): Promise<Chain> {
  const buyer = await to.shop.addPerson();
  const { payShopOrder } = CASES;
  return placed(to, buyer, [await payShopOrder.stage(to.catalog, buyer.id), await messageOf(to.catalog)]);
}

/** Every type once, in chains as deep as they may be; with a list, and with a variable. */
export const DEEP_CHAINS = TENS.map((names) => ({
  name: `${names[0]} to ${names.at(-1)}`,
  make: async (to: ChainShop): Promise<Chain> => {
    const buyer = await to.shop.addPerson();
    const staged: Staged[] = [];
    for (const name of names) {
      if (name === 'payShopOrder') staged.push(await listOf(to.catalog, buyer.id));
      else if (name === 'sendSms') staged.push(await messageOf(to.catalog));
      else staged.push(await CASES[name].stage(to.catalog, buyer.id));
    }
    return placed(to, buyer, staged);
  },
}));
