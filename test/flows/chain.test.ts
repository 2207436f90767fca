import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Db } from '../../db/client.js';
import type { OrderRow } from '../../db/orders.js';
import { catalogItems, settings, smsOutbox } from '../../db/schema.js';
import { walletOf } from '../../ledger/balances.js';
import { sqlAs } from '../support/database.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  decide,
  end,
  itemsOf,
  paidOrder,
  shopOrder,
  stepStatuses,
  stepsOf,
  suspense,
  timelineOf,
} from '../support/journeys.js';
import {
  SELLER,
  addShopOrder,
  addSmsTemplate,
  addUsers,
  giveCash,
  orderWhen,
  until,
} from '../support/world.js';

let flow: Flow;
let db: Db;
let payer = 0;
/** A payer of this test's own, with 1,000 fen. */
let buyerId: string;

beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addUsers(db);
  await addSmsTemplate(db, '111', ['code', 'product']);
  await addSmsTemplate(db, '112');
});
afterAll(() => flow.close());
beforeEach(async () => {
  buyerId = `payer${++payer}`;
  await addUsers(db, buyerId);
  await giveCash(db, buyerId, 1_000);
});

const chained = (nextAction: unknown): Promise<OrderRow> => paidOrder(flow, { buyerId, nextAction });
const cash = async (): Promise<number> => (await walletOf(db, buyerId)).cash;

async function messagesOf({ orderNo }: OrderRow): Promise<{ mobile: string; params: object; key: string }[]> {
  return db.select().from(smsOutbox).where(eq(smsOutbox.orderNo, orderNo)).orderBy(smsOutbox.seq);
}

async function shopOrderStatus(id: string): Promise<[string | null | undefined, string | null | undefined]> {
  const [item] = await db
    .select()
    .from(catalogItems)
    .where(and(eq(catalogItems.collection, 'shop-orders'), eq(catalogItems.id, id)));
  return [item?.status, item?.paidByOrderId];
}

async function set(key: string, value: unknown): Promise<void> {
  await db.delete(settings).where(eq(settings.key, key));
  await db.insert(settings).values({ key, value, updatedBy: 'test' });
}

describe('the chain of a paid order', () => {
  it('T1 pays the shop order 129192, then sends the message, as the document nests them', async () => {
    await addShopOrder(db, '129192', buyerId, 300);
    const order = await chained(
      '{type:0, id:129192, nextAction:{type:2, smsId:111, mobile:"13500000000", postJsonString:{code:9988, product:"工厂"}}}',
    );
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded', '0.0 succeeded']);
    expect(await shopOrderStatus('129192')).toEqual(['paid', order.id]);
    expect(await cash()).toBe(700);
    expect(await messagesOf(order)).toMatchObject([
      {
        key: `${order.orderNo}:0.0`,
        mobile: '13500000000',
        params: { code: '9988', product: '工厂' },
        provider: 'outbox',
        status: 'sent',
        smsId: '111',
      },
    ]);
    expect(order).toMatchObject({ status: 'paid', chain: 'done', money: 'held' });
    expect(await timelineOf(db, order)).toEqual([
      'order.created',
      'payment.received',
      'order.paid',
      'action.succeeded',
      'action.succeeded',
    ]);
    expect((await end(flow, order)).status).toBe('completed');
    // Actions are charged from the payer's balance, never from the order's hold.
    expect((await walletOf(db, SELLER)).withdrawable).toBeGreaterThanOrEqual(10_000);
  });

  it('pays each of 77, 88 and 99 as a step of its own', async () => {
    for (const id of ['77', '88', '99']) await addShopOrder(db, id, buyerId, 100);
    const order = await chained({ type: 0, id: '77,88,99' });
    expect(await stepStatuses(db, order)).toEqual(['0:77 succeeded', '0:88 succeeded', '0:99 succeeded']);
    expect(await cash()).toBe(700);
    const ids = (await flow.events(order.orderNo))
      .filter(({ type }) => type === 'ACTIVITY_TASK_SCHEDULED')
      .map(({ attributes, summary }) => [attributes['activityId'], JSON.parse(summary ?? '')]);
    expect(ids).toEqual([
      ['0:77', '0:77'],
      ['0:88', '0:88'],
      ['0:99', '0:99'],
    ]);
    await end(flow, order);
  });

  it('runs for a topup before it is completed, and spends what came in', async () => {
    const id = await shopOrder(flow, 10_900, buyerId);
    const order = await paidOrder(flow, { kind: 'topup', buyerId, nextAction: { type: 0, id } });
    expect(await end(flow, order)).toMatchObject({ status: 'completed', chain: 'done' });
    expect(await cash()).toBe(100);
  });

  it('reads its variables just before the step, and stores what they said', async () => {
    await set('SEND_MOBILE', 13600000000);
    await set('SMS_PRODUCT_NAME', '参数2');
    const order = await chained(
      '{type:2, smsId:111, mobile:{from:"config", key:"SEND_MOBILE"}, postJsonString:{code:1234, product:{from:"config", key:"SMS_PRODUCT_NAME"}}}',
    );
    expect(await messagesOf(order)).toMatchObject([
      { mobile: '13600000000', params: { code: '1234', product: '参数2' } },
    ]);
    const [step] = await stepsOf(db, order);
    expect(step?.parameters['mobile']).toEqual({ from: 'config', key: 'SEND_MOBILE' });
    expect(step?.resolved).toMatchObject({ mobile: 13600000000, postJsonString: { product: '参数2' } });
    await end(flow, order);
  });

  it('uses the stored value in every retry, and reads again after an edit', async () => {
    await set('SEND_MOBILE', '13600000001');
    const mobile = { from: 'config', key: 'SEND_MOBILE' };
    const order = await chained({ type: 2, smsId: 990, mobile });
    expect(await stepStatuses(db, order)).toEqual(['0 parked']);
    await set('SEND_MOBILE', '13600000002');
    await addSmsTemplate(db, '990', ['code']);
    await decide(flow, order, '0', { verdict: 'retry' });
    expect((await stepsOf(db, order))[0]?.resolved).toMatchObject({ mobile: '13600000001' });
    const parameters = { smsId: 990, mobile, postJsonString: { code: 1 } };
    await decide(flow, order, '0', { verdict: 'edit', reason: 'a code', parameters });
    expect(await messagesOf(order)).toMatchObject([{ mobile: '13600000002' }]);
    await end(flow, order);
  });

  it('T2 tries again what failed for a moment, and never what succeeded', async () => {
    const id = await shopOrder(flow, 100, buyerId);
    await sqlAs(flow.database.ownerUrl, (sql) => sql`ALTER TABLE sms_outbox RENAME TO sms_away`);
    const order = await paidOrder(
      flow,
      { buyerId, nextAction: { type: 0, id, nextAction: { type: 2, smsId: 112, mobile: '13500000000' } } },
      {},
      async ({ orderNo }) => {
        // The step has failed once, visibly, and waits for its next try.
        await orderWhen(db, orderNo, ({ chain }) => chain === 'running');
        await until(async () => ((await stepsOf(db, { orderNo }))[1]?.attempts ?? 0) >= 2);
        await sqlAs(flow.database.ownerUrl, (sql) => sql`ALTER TABLE sms_away RENAME TO sms_outbox`);
      },
    );
    const [paid, sent] = await stepsOf(db, order);
    expect(paid).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(sent).toMatchObject({ status: 'succeeded', error: null });
    expect(sent?.attempts).toBeGreaterThanOrEqual(2);
    expect(await cash()).toBe(900);
    expect(await messagesOf(order)).toHaveLength(1);
    expect(await timelineOf(db, order)).not.toContain('action.parked');
    await end(flow, order);
  });
});

describe('a step that cannot succeed parks', () => {
  const message = (change: object): object => ({ type: 2, smsId: 112, mobile: '13500000000', ...change });

  it.each<[string, string, () => Promise<unknown>]>([
    [
      'somebody else’s shop order',
      'not_owner',
      async () => ({ type: 0, id: await shopOrder(flow, 10, SELLER) }),
    ],
    ['a shop order that does not exist', 'missing_thing', async () => ({ type: 0, id: 999_999_999 })],
    [
      'a shop order that is paid already',
      'not_pending',
      async () => {
        const id = await shopOrder(flow, 10, buyerId);
        await db.update(catalogItems).set({ status: 'paid' }).where(eq(catalogItems.id, id));
        return { type: 0, id };
      },
    ],
    [
      'too little balance',
      'insufficient_funds',
      async () => ({ type: 0, id: await shopOrder(flow, 1_001, buyerId) }),
    ],
    [
      'a missing setting',
      'missing_setting',
      async () => message({ mobile: { from: 'config', key: 'NOT_THERE' } }),
    ],
    ['a missing template', 'missing_thing', async () => message({ smsId: 991 })],
    ['a missing value for the template', 'missing_parameter', async () => message({ smsId: 111 })],
    [
      'a setting that is no phone number',
      'missing_parameter',
      async () => {
        await set('BAD_MOBILE', 'call me');
        return message({ mobile: { from: 'config', key: 'BAD_MOBILE' } });
      },
    ],
  ])('for %s, visibly, and nothing moves', async (_what, code, nextAction) => {
    const order = await chained(await nextAction());
    expect(order).toMatchObject({ status: 'action_required', chain: 'parked', money: 'held' });
    const [step] = await stepsOf(db, order);
    expect(step).toMatchObject({ status: 'parked', attempts: 1, error: { code } });
    expect(step?.error?.message).not.toBe('');
    expect(await cash()).toBe(1_000);
    expect(await messagesOf(order)).toEqual([]);
    expect(await itemsOf(db, order)).toMatchObject([
      { kind: 'parked_step', status: 'open', ref: `${order.orderNo}:0`, details: { code, path: '0' } },
    ]);
    expect((await timelineOf(db, order)).slice(-2)).toEqual(['order.action_required', 'action.parked']);
    expect(await flow.workflow(order.orderNo).query('state')).toMatchObject({ parked: '0' });
    await decide(flow, order, '0', { verdict: 'skip', reason: 'settled otherwise' });
    expect(await end(flow, order)).toMatchObject({ status: 'completed', chain: 'done' });
    expect(await itemsOf(db, order)).toMatchObject([
      { status: 'resolved', resolution: 'skip', reason: 'settled otherwise', resolvedBy: 'user:test' },
    ]);
    await suspense(db);
  });

  it('T2 and never undoes or repeats a step before it', async () => {
    const ids = [
      await shopOrder(flow, 100, buyerId),
      await shopOrder(flow, 100, SELLER),
      await shopOrder(flow, 100, buyerId),
    ];
    const order = await chained({ type: 0, id: ids.join(',') });
    expect(await stepStatuses(db, order)).toEqual([
      `0:${ids[0]} succeeded`,
      `0:${ids[1]} parked`,
      `0:${ids[2]} pending`,
    ]);
    expect(await cash()).toBe(900);
    await decide(flow, order, `0:${ids[1]}`, { verdict: 'skip', reason: 'not ours' });
    expect(await stepStatuses(db, order)).toEqual([
      `0:${ids[0]} succeeded`,
      `0:${ids[1]} skipped`,
      `0:${ids[2]} succeeded`,
    ]);
    expect(await cash()).toBe(800);
    expect((await stepsOf(db, order)).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
    await end(flow, order);
  });

  it('T1 and goes on when the payer has topped up and retries', async () => {
    const id = await shopOrder(flow, 1_500, buyerId);
    const order = await chained({ type: 0, id });
    await decide(flow, order, '0', { verdict: 'retry' });
    expect(await stepStatuses(db, order)).toEqual(['0 parked']);
    await giveCash(db, buyerId, 600);
    await decide(flow, order, '0', { verdict: 'retry' });
    expect(await stepsOf(db, order)).toMatchObject([{ status: 'succeeded', attempts: 3, error: null }]);
    expect([await cash(), await shopOrderStatus(id)]).toEqual([100, ['paid', order.id]]);
    expect((await timelineOf(db, order)).filter((type) => type.startsWith('action.'))).toEqual([
      'action.parked',
      'action.retried',
      'action.parked',
      'action.retried',
      'action.succeeded',
    ]);
    await end(flow, order);
  });

  it('while the release goes on without it', async () => {
    const order = await chained({ type: 0, id: 999_999_998 });
    const released = await orderAfterRelease(order);
    expect(released).toMatchObject({
      status: 'action_required',
      money: 'released',
      releasedBy: 'auto-confirm',
    });
    await decide(flow, order, '0', { verdict: 'skip', reason: 'gone' });
    expect((await end(flow, order)).status).toBe('completed');
  });
});

async function orderAfterRelease(order: OrderRow): Promise<OrderRow> {
  await flow.environment.sleep((order.releaseDueAt?.getTime() ?? 0) - (await flow.readClock()));
  return orderWhen(db, order.orderNo, ({ money }) => money === 'released');
}
