/** Every type of action: its effect, its price, and what parks it, in PostgreSQL alone. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../db/client.js';
import { type OrderRow } from '../../db/orders.js';
import { entries, orders } from '../../db/schema.js';
import { ACTION_NAMES, type ActionName, NEXT_ACTIONS } from '../../domain/next-actions.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { CASES, type Staged } from '../../test/actions/cases.js';
import { actionOrder } from '../../test/actions/orders.js';
import { type Fields, type Shop, openShop } from '../../test/actions/shop.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { failureOfTry } from '../../test/support/errors.js';
import { stepStatuses } from '../../test/support/journeys.js';
import { BUYER, SELLER, addUsers, giveCash } from '../../test/support/world.js';
import { createNextActions } from './index.js';

let database: TestDatabase;
let db: Db;
let shop: Shop;
let activities: ReturnType<typeof createNextActions>;
/** Of one test: what one has bought does not stand in another's way. */
let payer = BUYER;
let people = 0;

beforeAll(async () => {
  database = await freshDatabase(8);
  db = database.db;
  shop = openShop(db);
  activities = createNextActions(db);
  await addUsers(db);
});
afterAll(() => database.close());
beforeEach(async () => {
  people += 1;
  payer = `payer-${people}`;
  await addUsers(db, payer);
});

const orderOf = (action: Fields): Promise<OrderRow> => actionOrder(db, payer, action);
const act = (name: ActionName, { orderNo }: OrderRow, path = '0'): Promise<void> =>
  activities[name]({ key: `${orderNo}:${path}`, orderNo, path });
const cash = async (): Promise<number> => (await walletOf(db, payer)).cash;

/** @returns why the step does not go on, which a person is shown */
async function parks(
  name: ActionName,
  order: OrderRow,
  path = '0',
): Promise<{ code: string; message: string }> {
  const { nonRetryable, type, message } = await failureOfTry(name, act(name, order, path));
  expect([message, nonRetryable]).toEqual([message, true]);
  return { code: String(type), message };
}

const staged = async (name: ActionName): Promise<Staged> => {
  const stage = await CASES[name].stage(shop, payer);
  await giveCash(db, payer, stage.price + 1_000);
  return stage;
};

describe.each(ACTION_NAMES.map((name) => [NEXT_ACTIONS[name].type, name] as const))(
  'type %d, %s',
  (_type, name) => {
    it('T1 has its effect once, for its price, however often it is tried', async () => {
      const { action, seen, wanted } = await staged(name);
      const order = await orderOf(action);
      await Promise.allSettled(Array.from({ length: 4 }, () => act(name, order)));
      await act(name, order);
      expect(await seen()).toEqual(wanted);
      expect(await cash()).toBe(1_000);
      expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    });

    it.runIf(name !== 'sendSms')('parks with too little money, and changes nothing', async () => {
      const { action, price, seen } = await CASES[name].stage(shop, payer);
      await giveCash(db, payer, price - 1);
      const [before, order] = [await seen(), await orderOf(action)];
      expect(await parks(name, order)).toMatchObject({ code: 'insufficient_funds' });
      expect([await seen(), await cash()]).toEqual([before, price - 1]);
    });

    it.runIf(CASES[name].missing !== undefined)(
      'parks where the thing is missing, and names it',
      async () => {
        const { missing } = CASES[name];
        await giveCash(db, payer, 1_000);
        const order = await orderOf(missing ?? {});
        const { code, message } = await parks(name, order);
        expect([code, message]).toEqual(['missing_thing', expect.stringContaining('999999999')]);
        expect(await cash()).toBe(1_000);
      },
    );
  },
);

const THINGS = ACTION_NAMES.filter((name) =>
  [0, 1, 3, 8, 9, 11, 15, 19, 20, 22].includes(NEXT_ACTIONS[name].type),
);

describe.each(THINGS)('%s of a thing', (name) => {
  it('parks where it is somebody else’s, whoever made the order', async () => {
    const { action } = await CASES[name].stage(shop, SELLER === payer ? BUYER : 'somebody');
    await giveCash(db, payer, 1_000);
    expect(await parks(name, await orderOf(action))).toMatchObject({ code: 'not_owner' });
    expect(await cash()).toBe(1_000);
  });

  it('parks where it is paid already, by another order', async () => {
    const { action, price, thing } = await staged(name);
    await act(name, await orderOf(action));
    await giveCash(db, payer, price);
    const { code, message } = await parks(name, await orderOf(action));
    expect([code, message]).toEqual([
      'not_pending',
      expect.stringContaining(`${thing?.collection}/${thing?.id}`),
    ]);
    expect(await cash()).toBe(1_000 + price);
  });
});

const ONCE: ActionName[] = [
  'becomeCommunityLeader',
  'becomeDistributor',
  'becomeTeamLeader',
  'buyVideoEpisode',
  'payCpActivity',
];

describe.each(ONCE)('%s, which one can have once', (name) => {
  it('parks the second time, and takes no money for it', async () => {
    const { action, price } = await staged(name);
    await act(name, await orderOf(action));
    await giveCash(db, payer, price);
    expect(await parks(name, await orderOf(action))).toMatchObject({ code: 'already_granted' });
    expect(await cash()).toBe(1_000 + price);
  });
});

it('M1 M4 the books balance after all of it', async () => {
  expect(await proveLedger(db)).toMatchObject({ balanced: true });
  const children = await db.select().from(orders).where(eq(orders.subject, 'picture picture-1'));
  for (const { orderNo, amount } of children) {
    const held = await db
      .select()
      .from(entries)
      .where(eq(entries.account, `hold:${orderNo}`));
    expect(held.map((entry) => entry.amount)).toEqual([amount]);
  }
});
