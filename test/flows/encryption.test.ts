/** S4 with PAYLOAD_KEY set, what Temporal stores for ever is sealed. */
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmOrder } from '../../commands/decide-order.js';
import { orderByNo } from '../../db/orders.js';
import { dataConverterOf } from '../../temporal/connect.js';
import { type Flow, startFlow } from '../support/flow.js';
import { BY_TEST, decide, end, paidOrder, stepStatuses } from '../support/journeys.js';
import { addSmsTemplate, addUsers } from '../support/world.js';

const OLD_KEY = '1'.repeat(64);
const NEW_KEY = '2'.repeat(64);
const MOBILE = '13912345678';
const REASON = 'the buyer called';

let flow: Flow;
beforeAll(async () => {
  flow = await startFlow({ payloadKey: OLD_KEY, realServer: true });
  await addUsers(flow.context.db);
  await addSmsTemplate(flow.context.db, '111');
});
afterAll(() => flow.close());

interface StoredPayload {
  metadata: { encoding: string; 'key-id'?: string };
  data?: string;
}

const plain = (base64 = ''): string => Buffer.from(base64, 'base64').toString();

/** Every payload in a history, but for the search attributes, which Temporal cannot list when they are sealed. */
function payloadsIn(value: unknown, found: StoredPayload[] = []): StoredPayload[] {
  if (Array.isArray(value)) value.forEach((item) => payloadsIn(item, found));
  else if (typeof value === 'object' && value !== null) {
    if ('metadata' in value && 'data' in value) found.push(value as StoredPayload);
    else
      for (const [key, inner] of Object.entries(value))
        if (key !== 'searchAttributes') payloadsIn(inner, found);
  }
  return found;
}

const historyOf = async (orderNo: string): Promise<unknown> =>
  JSON.parse(JSON.stringify(await flow.workflow(orderNo).fetchHistory()));

const keysIn = (history: unknown): Set<string> =>
  new Set(
    payloadsIn(history).flatMap(({ metadata }) =>
      metadata['key-id'] === undefined ? [] : [plain(metadata['key-id'])],
    ),
  );

async function editedOrder() {
  const order = await paidOrder(flow, { nextAction: { type: 2, smsId: 999, mobile: MOBILE } });
  await decide(flow, order, '0', {
    verdict: 'edit',
    reason: REASON,
    parameters: { smsId: 111, mobile: MOBILE },
  });
  return order;
}

describe('S4 an order with PAYLOAD_KEY', () => {
  it('runs to its end, and its history holds no plain text', async () => {
    const order = await editedOrder();
    expect(await stepStatuses(flow.context.db, order)).toEqual(['0 succeeded']);
    await confirmOrder(flow.context, order, BY_TEST);
    expect((await end(flow, order)).status).toBe('completed');

    const history = await historyOf(order.orderNo);
    const payloads = payloadsIn(history);
    expect(payloads.length).toBeGreaterThan(8);
    // What the SDK itself notes: a local activity's name and times, and the name of a change (workflows/versions.ts).
    const open = payloads.filter(({ metadata }) => plain(metadata.encoding) !== 'binary/encrypted');
    for (const { data } of open) expect(plain(data)).toMatch(/"activity_type"|wishes-on-record-first/);
    const readable = JSON.stringify(history) + payloads.map(({ data }) => plain(data)).join('\n');
    for (const secret of [MOBILE, REASON, 'alipay/', 'app/seller', `trade-${order.orderNo}`, 'deal of']) {
      expect(readable).not.toContain(secret);
    }
  });

  it('goes on under a new key while the old one is kept', async () => {
    const order = await editedOrder();
    const [oldKey] = keysIn(await historyOf(order.orderNo));
    await flow.stopWorker();
    await flow.startWorker(`${NEW_KEY},${OLD_KEY}`);
    const { connection } = flow.environment;
    const settings = { address: '', namespace: 'default', payloadKey: `${NEW_KEY},${OLD_KEY}` };
    const temporal = new Client({ connection, dataConverter: dataConverterOf(settings) });
    const confirmed = await confirmOrder({ ...flow.context, temporal }, order, BY_TEST);
    expect(confirmed.status).toBe('completed');
    const keys = keysIn(await historyOf(order.orderNo));
    expect(keys.size).toBe(2);
    expect(keys).toContain(oldKey);
    expect((await orderByNo(flow.context.db, order.orderNo)).releasedBy).toBe('user:test');
  });
});
