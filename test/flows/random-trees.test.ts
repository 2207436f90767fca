/**
 * Random chains of every type, through a network that loses tries and answers: each effect comes exactly once, or its
 * step is parked with a reason, and nobody pays for what they did not get.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES } from '../actions/cases.js';
import { type Shop, openShop } from '../actions/shop.js';
import { type Tree, growTree } from '../actions/trees.js';
import { decideStep } from '../../commands/decide-order.js';
import type { Db } from '../../db/client.js';
import type { OrderRow, StepRow } from '../../db/orders.js';
import { ACTION_NAMES } from '../../domain/next-actions.js';
import { fen } from '../../domain/money.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { type Random, randomOf } from '../notifications/random.js';
import { type Activity, type Flow, startFlow } from '../support/flow.js';
import { FULL } from '../support/full.js';
import { BY_TEST, stepsOf } from '../support/journeys.js';
import { SELLER, addUsers, arrive, newOrder, openAttempt, orderWhen } from '../support/world.js';

const TREES = FULL ? 1_000 : 20;
const AT_ONCE = 8;
const LOST_SHARE = 0.15;
const REASONS: Record<string, string> = {
  foreign: 'not_owner',
  missing: 'missing_thing',
  'paid before': 'not_pending',
  'too dear': 'insufficient_funds',
};

let flow: Flow;
let db: Db;
let shop: Shop;
const chance = randomOf(7);

/** Before the try, and after it: Temporal cannot tell which. */
function lossy(name: string, activity: Activity): Activity {
  if (!ACTION_NAMES.some((action) => action === name)) return activity;
  return async (...args) => {
    if (chance.chance(LOST_SHARE)) throw new Error('the try was lost');
    // A try that was thought dead beside the next one.
    const both = chance.chance(LOST_SHARE) ? [activity(...args), activity(...args)] : [activity(...args)];
    const [first] = await Promise.allSettled(both);
    if (chance.chance(LOST_SHARE)) throw new Error('the answer was lost');
    if (first?.status === 'rejected') throw first.reason;
    return undefined;
  };
}

beforeAll(async () => {
  flow = await startFlow({ realServer: true, pool: 16, between: lossy });
  db = flow.context.db;
  shop = openShop(db);
  await addUsers(db, SELLER);
});
afterAll(() => flow.close());

async function paidTopup(payer: string, amount: number, nextAction: object): Promise<OrderRow> {
  const order = await newOrder(flow.context, {
    kind: 'topup',
    buyerId: payer,
    sellerId: null,
    amountFen: fen(amount),
    nextAction,
  });
  await openAttempt(db, order);
  await arrive(flow.context, { outTradeNo: order.orderNo, amount, paidAtMs: Date.now() });
  return order;
}

/** Skips what is parked until the chain is done. @returns the steps that were parked, as they were then */
async function skippedUntilDone(order: OrderRow): Promise<StepRow[]> {
  const parked: StepRow[] = [];
  for (;;) {
    const { chain } = await orderWhen(db, order.orderNo, (row) => row.chain !== 'running');
    if (chain !== 'parked') return parked;
    const step = (await stepsOf(db, order)).find(({ status }) => status === 'parked');
    if (step === undefined) throw new Error(`no step of ${order.orderNo} is parked`);
    parked.push(step);
    await decideStep(flow.context, order, step.path, { verdict: 'skip', reason: 'random' }, BY_TEST);
  }
}

async function expectAsPlanned(order: OrderRow, tree: Tree, parked: StepRow[]): Promise<void> {
  const wrong = tree.actions.filter((action) => action.wrong !== null);
  expect(parked.map(({ name, error }) => `${name} ${error?.code}`)).toEqual(
    wrong.map(({ name, wrong: why }) => `${name} ${REASONS[why ?? '']}`),
  );
  for (const step of await stepsOf(db, order)) {
    const skipped = parked.some(({ path }) => path === step.path);
    expect([step.path, step.status]).toEqual([step.path, skipped ? 'skipped' : 'succeeded']);
  }
  for (const { name, seen, wanted } of tree.actions) {
    if (seen !== null) expect([name, await seen()]).toEqual([name, wanted]);
  }
}

async function walk(index: number, random: Random): Promise<void> {
  const people = { payer: `payer-${index}`, stranger: `stranger-${index}` };
  await addUsers(db, people.payer, people.stranger);
  const tree = await growTree(shop, random, people);
  for (const action of tree.before) {
    // Topped up by more than anything costs; what is left is taken into account below.
    const earlier = await paidTopup(people.payer, 50_000, action);
    expect(await skippedUntilDone(earlier)).toEqual([]);
  }
  const { cash: before } = await walletOf(db, people.payer);
  const order = await paidTopup(people.payer, tree.cost + tree.left, tree.nextAction);
  await expectAsPlanned(order, tree, await skippedUntilDone(order));
  expect((await walletOf(db, people.payer)).cash).toBe(before + tree.left);
}

describe(`${TREES} random trees`, () => {
  it(
    'T1 T2 M1 end with each effect exactly once or parked, and the books balance',
    async () => {
      const random = randomOf(20_261_130);
      const turns = Array.from({ length: TREES }, (_, index) => ({
        index,
        random: randomOf(random.below(2 ** 32)),
      }));
      const walker = async (): Promise<void> => {
        for (let turn = turns.pop(); turn !== undefined; turn = turns.pop())
          await walk(turn.index, turn.random);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, walker));
      expect(await proveLedger(db)).toMatchObject({ balanced: true });
    },
    FULL ? 1_200_000 : 120_000,
  );

  it('are of every type', () => {
    expect(Object.keys(CASES).toSorted()).toEqual([...ACTION_NAMES].toSorted());
  });
});
