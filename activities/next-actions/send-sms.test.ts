/** T1 a message by a provider: posted once, looked for when its answer got lost, and sent again by a person alone. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SmsProviderName } from '../../channels/sms.js';
import type { Db } from '../../db/client.js';
import type { OrderRow } from '../../db/orders.js';
import { actionSteps, catalogItems, smsOutbox } from '../../db/schema.js';
import { flattenNextAction } from '../../domain/chain.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { type Refusal, refusalOf } from '../../test/support/errors.js';
import { stepStatuses } from '../../test/support/journeys.js';
import { type Providers, startProviders } from '../../test/support/providers.js';
import { addUsers, insertOrder } from '../../test/support/world.js';
import { createActivities } from '../index.js';

const NAMES = ['aliyun', 'tencent'] as const;
const TEMPLATES = { aliyun: '21', tencent: '22' };
/** The sandbox takes what goes to this phone, and its queries do not show it. */
const HIDDEN = '19900000008';
const NO_PHONE = '19900000001';

let database: TestDatabase;
let db: Db;
let providers: Providers;
let activities: ReturnType<typeof createActivities>;
let phones = 0;

beforeAll(async () => {
  [database, providers] = await Promise.all([freshDatabase(12), startProviders()]);
  db = database.db;
  activities = createActivities(db, providers.channels, 'http://127.0.0.1:9', providers.sms);
  await addUsers(db);
  for (const name of NAMES) {
    await db.insert(catalogItems).values({
      collection: 'sms-templates',
      id: TEMPLATES[name],
      body: { provider: name, sign: 'Holdfast', template: `T_${name}`, params: ['code', 'product'] },
    });
    // Its library takes a while to load.
    const asked = { key: '', mobile: '1', sign: '', template: '', params: {}, paramNames: [] };
    await providers.sms[name]?.query(asked, new Date()).catch(() => undefined);
  }
}, 60_000);
afterAll(async () => {
  await providers.close();
  await database.close();
});
afterEach(() => providers.control('DELETE', '/faults'));

const newPhone = (): string => `138${String((phones += 1)).padStart(8, '0')}`;

async function orderWith(name: SmsProviderName, mobile = newPhone()): Promise<OrderRow> {
  const order = await insertOrder(db, { chain: 'running' });
  const message = { type: 2, smsId: TEMPLATES[name], mobile, postJsonString: { product: 'tea', code: 42 } };
  const steps = flattenNextAction(message).map((step, position) => ({
    ...step,
    position,
    orderNo: order.orderNo,
  }));
  await db.insert(actionSteps).values(steps);
  return order;
}

const run = ({ orderNo }: OrderRow): Promise<void> =>
  activities.sendSms({ key: `${orderNo}:0`, orderNo, path: '0' });

/** As the workflow does: tries again while that may help. */
async function runToTheEnd(order: OrderRow): Promise<Refusal | undefined> {
  for (;;) {
    try {
      await run(order);
      return undefined;
    } catch (error) {
      const refusal = await refusalOf(Promise.reject(error));
      if (refusal.code !== 'unavailable' && refusal.code !== 'channel_unknown_outcome') return refusal;
    }
  }
}

async function park({ orderNo }: OrderRow, error: Refusal | undefined): Promise<void> {
  if (error === undefined) throw new Error('there is nothing to park for');
  await activities.parkStep({ orderNo, path: '0', error });
}

async function decide(
  order: OrderRow,
  verdict: 'retry' | 'edit',
  parameters?: Record<string, unknown>,
): Promise<void> {
  const more = parameters === undefined ? {} : { parameters };
  await activities.decideStep({ orderNo: order.orderNo, path: '0', verdict, by: 'op', ...more });
}

const rowsOf = ({ orderNo }: OrderRow) =>
  db.select().from(smsOutbox).where(eq(smsOutbox.orderNo, orderNo)).orderBy(smsOutbox.seq);

async function atTheProvider({ orderNo }: OrderRow): Promise<{ reference: string; messageId: string }[]> {
  const { data } = (await providers.control('GET', '/sms')) as {
    data: { reference: string; messageId: string }[];
  };
  return data.filter(({ reference }) => reference.startsWith(`${orderNo}:`));
}

const fault = (channel: string, what: object) => providers.control('POST', '/faults', { channel, ...what });

describe.each(NAMES)('T1 a message by %s', (name) => {
  it('is sent once when eight tries start together', async () => {
    const order = await orderWith(name);
    await Promise.allSettled(Array.from({ length: 8 }, () => run(order)));
    expect(await runToTheEnd(order)).toBeUndefined();
    const sent = await atTheProvider(order);
    expect(sent).toMatchObject([{ reference: `${order.orderNo}:0` }]);
    expect(await rowsOf(order)).toMatchObject([{ status: 'sent', attempts: 1, provider: name, error: null }]);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('keeps the number that its provider gave it', async () => {
    const order = await orderWith(name);
    await run(order);
    const [sent] = await atTheProvider(order);
    expect(await rowsOf(order)).toMatchObject([{ providerMessageId: sent?.messageId }]);
  });

  it('is looked for when its answer got lost, and not sent again', async () => {
    const order = await orderWith(name);
    await fault(name, { requestTimeout: true });
    expect((await refusalOf(run(order))).code).toBe('channel_unknown_outcome');
    expect(await rowsOf(order)).toMatchObject([{ status: 'sending' }]);
    await run(order);
    expect(await atTheProvider(order)).toHaveLength(1);
    expect(await rowsOf(order)).toMatchObject([{ status: 'sent', attempts: 1 }]);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('is sent later when its provider is busy', async () => {
    const order = await orderWith(name);
    await fault(name, { errorRate: 1, operation: 'send', times: 2 });
    expect(await runToTheEnd(order)).toBeUndefined();
    expect(await atTheProvider(order)).toHaveLength(1);
    expect(await rowsOf(order)).toMatchObject([{ status: 'sent', attempts: 3, error: null }]);
  });

  it('parks with the code of its provider when it is refused, and is not posted again by itself', async () => {
    const order = await orderWith(name, NO_PHONE);
    const code =
      name === 'aliyun' ? 'isv.MOBILE_NUMBER_ILLEGAL' : 'InvalidParameterValue.IncorrectPhoneNumber';
    const refusals = [await runToTheEnd(order), await runToTheEnd(order)];
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: 'sms_refused', message: `${name} refused the message: ${code}` });
    }
    expect(await rowsOf(order)).toMatchObject([{ status: 'failed', attempts: 1, error: { code } }]);
  });

  it('goes to the right phone once it was corrected', async () => {
    const order = await orderWith(name, NO_PHONE);
    await park(order, await runToTheEnd(order));
    const mobile = newPhone();
    await decide(order, 'edit', {
      smsId: TEMPLATES[name],
      mobile,
      postJsonString: { code: 1, product: 'tea' },
    });
    expect(await runToTheEnd(order)).toBeUndefined();
    expect(await rowsOf(order)).toMatchObject([
      { status: 'failed', mobile: NO_PHONE },
      { status: 'sent', mobile, key: `${order.orderNo}:0#2` },
    ]);
    expect(await atTheProvider(order)).toHaveLength(1);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('parks when nobody knows what became of it, and is sent again by a person alone', async () => {
    const order = await orderWith(name, HIDDEN);
    await fault(name, { requestTimeout: true });
    const refusals = [await runToTheEnd(order), await runToTheEnd(order)];
    for (const refusal of refusals) expect(refusal?.code).toBe('sms_unknown_outcome');
    expect(await atTheProvider(order)).toHaveLength(1);
    await park(order, refusals[0]);
    await decide(order, 'retry');
    expect(await runToTheEnd(order)).toBeUndefined();
    expect(await rowsOf(order)).toMatchObject([{ status: 'unknown' }, { status: 'sent' }]);
    expect((await atTheProvider(order)).map(({ reference }) => reference).sort()).toEqual([
      `${order.orderNo}:0`,
      `${order.orderNo}:0#2`,
    ]);
  });

  it('is not sent again by a person either, once its provider shows it', async () => {
    const order = await orderWith(name);
    await fault(name, { requestTimeout: true });
    await refusalOf(run(order));
    const unknown = { code: 'sms_unknown_outcome', message: 'nobody knows', details: {} };
    await db.update(smsOutbox).set({ status: 'unknown' }).where(eq(smsOutbox.orderNo, order.orderNo));
    await park(order, unknown);
    await decide(order, 'retry');
    expect(await runToTheEnd(order)).toBeUndefined();
    expect(await atTheProvider(order)).toHaveLength(1);
    expect(await rowsOf(order)).toMatchObject([{ status: 'sent' }]);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('that was never posted, because its process died, parks too', async () => {
    const order = await orderWith(name);
    await fault(name, { refuse: 'Later', times: 1 });
    await refusalOf(run(order));
    await db
      .update(smsOutbox)
      .set({ status: 'sending', triedAt: new Date() })
      .where(eq(smsOutbox.orderNo, order.orderNo));
    expect((await refusalOf(run(order))).message).toBe(`${name} does not show the message yet`);
    expect((await runToTheEnd(order))?.code).toBe('sms_unknown_outcome');
    expect(await atTheProvider(order)).toEqual([]);
  });

  it('finishes its step when the process died right after it was recorded', async () => {
    const order = await orderWith(name);
    await run(order);
    await db
      .update(actionSteps)
      .set({ status: 'running', endedAt: null })
      .where(eq(actionSteps.orderNo, order.orderNo));
    await run(order);
    expect(await atTheProvider(order)).toHaveLength(1);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('parks with nothing behind it where there are no credentials', async () => {
    const order = await orderWith(name);
    const without = createActivities(db, providers.channels, 'http://127.0.0.1:9');
    const sending = without.sendSms({ key: `${order.orderNo}:0`, orderNo: order.orderNo, path: '0' });
    expect(await refusalOf(sending)).toMatchObject({
      code: 'channel_not_configured',
      message: `this installation has no credentials for SMS by ${name}`,
    });
    expect(await rowsOf(order)).toEqual([]);
  });
});
