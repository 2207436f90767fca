/** T1 an order's message by a real provider's own library, over the wire, with answers that get lost. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../db/client.js';
import { type OrderRow, orderByNo } from '../../db/orders.js';
import { catalogItems, smsOutbox } from '../../db/schema.js';
import { type Flow, startFlow } from '../support/flow.js';
import { decide, itemsOf, paidOrder, stepStatuses } from '../support/journeys.js';
import { addUsers } from '../support/world.js';

const TEMPLATES = { aliyun: '21', tencent: '22' } as const;
const NO_PHONE = '19900000001';

let flow: Flow;
let db: Db;
let phones = 0;

beforeAll(async () => {
  flow = await startFlow();
  db = flow.context.db;
  await addUsers(db);
  for (const [provider, id] of Object.entries(TEMPLATES)) {
    const body = { provider, sign: 'Holdfast', template: `T_${provider}`, params: ['code', 'product'] };
    await db.insert(catalogItems).values({ collection: 'sms-templates', id, body });
  }
});
afterAll(() => flow.close());
afterEach(() => flow.providers.control('DELETE', '/faults'));

const newPhone = (): string => `137${String((phones += 1)).padStart(8, '0')}`;

const values = { product: '吉他 lesson', code: 42 };

const paid = (provider: keyof typeof TEMPLATES, mobile: string): Promise<OrderRow> =>
  paidOrder(flow, {
    nextAction: { type: 2, smsId: TEMPLATES[provider], mobile, postJsonString: values },
  });

interface Taken {
  template: string;
  reference: string;
  messageId: string;
  params: unknown;
}

async function takenFor(mobile: string): Promise<Taken[]> {
  const { data } = (await flow.providers.control('GET', `/sms?mobile=${mobile}`)) as { data: Taken[] };
  return data;
}

const rowsOf = ({ orderNo }: OrderRow) =>
  db.select().from(smsOutbox).where(eq(smsOutbox.orderNo, orderNo)).orderBy(smsOutbox.seq);

describe.each([
  ['aliyun', { product: '吉他 lesson', code: '42' }, 'isv.MOBILE_NUMBER_ILLEGAL'],
  ['tencent', ['42', '吉他 lesson'], 'InvalidParameterValue.IncorrectPhoneNumber'],
] as const)('T1 an order with a message by %s', (provider, params, noPhone) => {
  it('has it sent, once, and keeps its number', async () => {
    const mobile = newPhone();
    const order = await paid(provider, mobile);
    const reference = `${order.orderNo}:0`;
    const taken = await takenFor(mobile);
    expect(taken).toMatchObject([{ template: `T_${provider}`, params, reference }]);
    expect(await rowsOf(order)).toMatchObject([{ status: 'sent', providerMessageId: taken[0]?.messageId }]);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    expect((await orderByNo(db, order.orderNo)).chain).toBe('done');
  });

  it('has it sent once when the answer never comes', async () => {
    await flow.providers.control('POST', '/faults', { channel: provider, requestTimeout: true });
    const mobile = newPhone();
    const order = await paid(provider, mobile);
    expect(await takenFor(mobile)).toHaveLength(1);
    expect(await rowsOf(order)).toMatchObject([{ status: 'sent', attempts: 1 }]);
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
  });

  it('parks with the provider’s code when it is refused, and goes on once it is corrected', async () => {
    const order = await paid(provider, NO_PHONE);
    expect(order.status).toBe('action_required');
    const reason = `${provider} refused the message: ${noPhone}`;
    expect(await itemsOf(db, order)).toMatchObject([
      { kind: 'parked_step', details: { code: 'sms_refused', message: reason } },
    ]);
    const mobile = newPhone();
    await decide(flow, order, '0', {
      verdict: 'edit',
      reason: 'the right number',
      parameters: { smsId: TEMPLATES[provider], mobile, postJsonString: values },
    });
    expect(await stepStatuses(db, order)).toEqual(['0 succeeded']);
    expect(await takenFor(mobile)).toHaveLength(1);
    expect((await orderByNo(db, order.orderNo)).chain).toBe('done');
  });
});
