/** T1 a step's effect and its record, run as often and as late as Temporal may run them. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createChannels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { actionSteps, catalogItems, operatorItems, smsOutbox } from '../db/schema.js';
import { flattenNextAction } from '../domain/chain.js';
import { proveLedger, walletOf } from '../ledger/balances.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { stepStatuses, stepsOf, timelineOf } from '../test/support/journeys.js';
import {
  BUYER,
  addShopOrder,
  addSmsTemplate,
  addUsers,
  giveCash,
  insertOrder,
} from '../test/support/world.js';
import { createActivities } from './index.js';
import { finishStep, stepActivity } from './next-actions/step.js';

let database: TestDatabase;
let db: Db;
let activities: ReturnType<typeof createActivities>;
let id = 0;

beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
  activities = createActivities(db, createChannels({}), 'http://127.0.0.1:9');
  await addUsers(db);
  await addSmsTemplate(db, '111');
});
afterAll(() => database.close());
beforeEach(async () => {
  id += 1;
  await addShopOrder(db, String(id), BUYER, 100);
  await giveCash(db, BUYER, 150);
});

async function orderWith(nextAction: object): Promise<OrderRow> {
  const order = await insertOrder(db, { chain: 'running' });
  const steps = flattenNextAction(nextAction).map((step, position) => ({
    ...step,
    position,
    orderNo: order.orderNo,
  }));
  await db.insert(actionSteps).values(steps);
  return order;
}

const input = ({ orderNo }: OrderRow, path = '0') => ({ key: `${orderNo}:${path}`, orderNo, path });
const cash = async (): Promise<number> => (await walletOf(db, BUYER)).cash;
const error = { code: 'insufficient_funds', message: 'too little' };

async function itemsOf({ orderNo }: OrderRow) {
  const mine = and(eq(operatorItems.kind, 'parked_step'), eq(operatorItems.orderNo, orderNo));
  return db.select().from(operatorItems).where(mine);
}

describe('T1 a step that is run again', () => {
  it('has its effect once, one after the other and eight at once', async () => {
    const [order, before] = [await orderWith({ type: 0, id }), await cash()];
    await activities.payShopOrder(input(order));
    await activities.payShopOrder(input(order));
    await Promise.all(Array.from({ length: 8 }, () => activities.payShopOrder(input(order))));
    expect(before - (await cash())).toBe(100);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    expect(await timelineOf(db, order)).toEqual(['action.succeeded']);
  });

  it('has its effect once when eight tries start together, and none of them parks it', async () => {
    const [order, before] = [await orderWith({ type: 0, id }), await cash()];
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => activities.payShopOrder(input(order))),
    );
    expect(before - (await cash())).toBe(100);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    expect(tries.filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  it('stays finished when a try comes late', async () => {
    const order = await orderWith({ type: 0, id });
    await activities.payShopOrder(input(order));
    // As a try that has read the step before another one finished it.
    const late = stepActivity(db, () => Promise.reject(new Error('it ran again')));
    await Promise.all(Array.from({ length: 8 }, () => late(input(order))));
    expect(await stepsOf(db, order)).toMatchObject([{ status: 'succeeded', attempts: 1 }]);
  });

  it('sends its message once when eight tries start together', async () => {
    const order = await orderWith({ type: 2, smsId: 111, mobile: '13500000000' });
    await Promise.allSettled(Array.from({ length: 8 }, () => activities.sendSms(input(order))));
    expect(await db.select().from(smsOutbox).where(eq(smsOutbox.orderNo, order.orderNo))).toHaveLength(1);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('does nothing once it was skipped', async () => {
    const [order, before] = [await orderWith({ type: 0, id }), await cash()];
    await db.update(actionSteps).set({ status: 'skipped' }).where(eq(actionSteps.orderNo, order.orderNo));
    await activities.payShopOrder(input(order));
    expect([await cash(), await stepStatuses(db, order)]).toEqual([before, ['0 skipped']]);
  });

  it('commits no effect when it was parked while the try was thought dead', async () => {
    const [order, before] = [await orderWith({ type: 0, id }), await cash()];
    const late = stepActivity(db, async (step) => {
      await activities.parkStep({ orderNo: order.orderNo, path: '0', error });
      await db.transaction(async (tx) => {
        await tx
          .update(catalogItems)
          .set({ status: 'paid' })
          .where(eq(catalogItems.id, String(id)));
        await finishStep(tx, step);
      });
    });
    await expect(late(input(order))).rejects.toThrow('step 0 is not running any more');
    const [item] = await db
      .select()
      .from(catalogItems)
      .where(eq(catalogItems.id, String(id)));
    expect([await cash(), await stepStatuses(db, order), item?.status]).toEqual([
      before,
      ['0 parked'],
      'pending',
    ]);
  });

  it('is none of this order’s when it does not exist', async () => {
    const order = await orderWith({ type: 0, id });
    expect(await refusalOf(activities.payShopOrder(input(order, '9')))).toMatchObject({
      code: 'step_not_found',
    });
  });
});

describe('the chain of an order', () => {
  it('is done when its last step is', async () => {
    const order = await orderWith({
      type: 0,
      id,
      nextAction: { type: 2, smsId: 111, mobile: '13500000000' },
    });
    await activities.payShopOrder(input(order));
    expect((await orderByNo(db, order.orderNo)).chain).toBe('running');
    await activities.sendSms(input(order, '0.0'));
    expect((await orderByNo(db, order.orderNo)).chain).toBe('done');
  });
});

describe('parking and deciding, each repeated', () => {
  async function parked(): Promise<OrderRow> {
    const order = await orderWith({ type: 0, id: 999_999_999 });
    await activities.payShopOrder(input(order)).catch(() => undefined);
    for (let time = 1; time <= 3; time++)
      await activities.parkStep({ orderNo: order.orderNo, path: '0', error });
    return order;
  }

  it('opens one operator item and writes one event', async () => {
    const order = await parked();
    expect(await itemsOf(order)).toHaveLength(1);
    expect((await timelineOf(db, order)).filter((type) => type === 'action.parked')).toHaveLength(1);
  });

  it.each(['retry', 'skip', 'edit'] as const)('%s counts once and resolves the item', async (verdict) => {
    const order = await parked();
    const decision = {
      orderNo: order.orderNo,
      path: '0',
      verdict,
      by: 'op',
      reason: 'why',
      parameters: { id: '1' },
    };
    for (let time = 1; time <= 3; time++) await activities.decideStep(decision);
    expect(await itemsOf(order)).toMatchObject([
      { status: 'resolved', resolution: verdict, resolvedBy: 'op' },
    ]);
    expect((await timelineOf(db, order)).filter((type) => type.startsWith('action.'))).toHaveLength(2);
    const [step] = await stepsOf(db, order);
    expect(step?.status).toBe(verdict === 'skip' ? 'skipped' : 'pending');
    expect(step?.parameters).toEqual({ id: verdict === 'edit' ? '1' : '999999999' });
  });

  it('opens its item again when the next try parks too', async () => {
    const order = await parked();
    await activities.decideStep({ orderNo: order.orderNo, path: '0', verdict: 'retry', by: 'op' });
    await activities.payShopOrder(input(order)).catch(() => undefined);
    await activities.parkStep({ orderNo: order.orderNo, path: '0', error });
    expect(await itemsOf(order)).toMatchObject([{ status: 'open', resolution: null }]);
  });
});

it('M4 the books of all this balance', async () => {
  expect(await proveLedger(db)).toMatchObject({ balanced: true });
});
