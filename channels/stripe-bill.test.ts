import { afterEach, describe, expect, it } from 'vitest';
import type { BillRow, Channel } from './channel.js';
import { INTENT, listOf, refuses, says, stopStripes, stripeThatHears } from './test-stripe.js';
import { failureOf } from './test-support.js';

const LIST = 'GET /v1/balance_transactions';
const AT = Date.parse('2026-03-01T02:00:00Z') / 1000;

afterEach(stopStripes);

async function rowsOf(stripe: Channel, date = '2026-03-01'): Promise<BillRow[]> {
  const rows: BillRow[] = [];
  for await (const row of stripe.bill?.(date) ?? []) rows.push(row);
  return rows;
}

const movement = (type: string, source: object | null, change: object = {}): object => ({
  id: `txn_${type}`,
  type,
  amount: 1230,
  currency: 'cny',
  exchange_rate: null,
  fee: 27,
  created: AT,
  source,
  ...change,
});

const charge = {
  id: 'py_1',
  amount: 1230,
  currency: 'cny',
  payment_intent: INTENT,
  metadata: { out_trade_no: 'n1' },
};
const refund = {
  id: 're_1',
  amount: 530,
  currency: 'cny',
  metadata: { refund_no: 'r1', out_trade_no: 'n1' },
};
const transfer = { id: 'tr_1', amount: 400, currency: 'cny', metadata: { payout_no: 'p1' } };
const at = new Date(AT * 1000);

describe('stripe: the bill of a day in China', () => {
  it('asks for that day alone, whatever zone we are in', async () => {
    const { stripe, asked } = await stripeThatHears({ [LIST]: listOf() });
    expect(await rowsOf(stripe)).toEqual([]);
    expect(asked[0]?.params).toEqual({
      'created[gte]': String(Date.parse('2026-02-28T16:00:00Z') / 1000),
      'created[lt]': String(Date.parse('2026-03-01T16:00:00Z') / 1000),
      'expand[0]': 'data.source',
      limit: '100',
    });
  });

  it.each<[string, object, object]>([
    [
      'payment',
      charge,
      { kind: 'payment', no: 'n1', providerNo: INTENT, amountFen: 1230, feeFen: 27, status: 'succeeded', at },
    ],
    ['charge', charge, { kind: 'payment', no: 'n1', providerNo: INTENT, feeFen: 27 }],
    ['payment', { ...charge, metadata: {} }, { kind: 'payment', no: INTENT }],
    [
      'payment_refund',
      { ...refund, status: 'succeeded' },
      { kind: 'refund', no: 'r1', outTradeNo: 'n1', providerNo: 're_1', amountFen: 530, status: 'succeeded' },
    ],
    ['refund', { ...refund, status: 'pending' }, { kind: 'refund', status: 'processing' }],
    ['refund', { ...refund, status: 'failed' }, { kind: 'refund', status: 'failed' }],
    ['refund', { ...refund, status: 'a_new_word' }, { kind: 'refund', status: 'unknown' }],
    [
      'transfer',
      transfer,
      { kind: 'payout', no: 'p1', providerNo: 'tr_1', amountFen: 400, status: 'succeeded' },
    ],
    ['transfer', { ...transfer, reversed: true }, { kind: 'payout', no: 'p1', status: 'failed' }],
  ])('reads a %s of %j', async (type, source, row) => {
    const { stripe } = await stripeThatHears({ [LIST]: listOf(movement(type, source)) });
    expect(await rowsOf(stripe)).toMatchObject([row]);
  });

  it('leaves out what is about no payment of ours', async () => {
    const types = ['stripe_fee', 'payout', 'adjustment', 'payment_failure_refund', 'transfer_refund'];
    const { stripe } = await stripeThatHears({
      [LIST]: listOf(...types.map((type) => movement(type, refund)), movement('payment', null)),
    });
    expect(await rowsOf(stripe)).toEqual([]);
  });

  it('tells amounts as they were paid where the account keeps another currency, and the fee at its rate', async () => {
    const { stripe } = await stripeThatHears({
      [LIST]: listOf(
        movement('payment', charge, { amount: 1340, currency: 'hkd', exchange_rate: 1.09, fee: 30 }),
      ),
    });
    expect(await rowsOf(stripe)).toMatchObject([{ amountFen: 1230, feeFen: 28 }]);
  });

  it('goes on from page to page, and asks for no page before it is needed', async () => {
    const first = movement('payment', charge, { id: 'txn_1' });
    const { stripe, asked } = await stripeThatHears({
      [LIST]: [says({ has_more: true, data: [first] }), listOf(movement('transfer', transfer))],
    });
    const rows = stripe.bill?.('2026-03-01')[Symbol.asyncIterator]();
    expect((await rows?.next())?.value).toMatchObject({ kind: 'payment' });
    expect(asked).toHaveLength(1);
    expect((await rows?.next())?.value).toMatchObject({ kind: 'payout' });
    expect(asked[1]?.params).toMatchObject({ starting_after: 'txn_1' });
    expect((await rows?.next())?.done).toBe(true);
  });

  it('is not there before the day is over, nor for a day that never was', async () => {
    const { stripe } = await stripeThatHears({});
    const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
    expect((await failureOf(() => rowsOf(stripe, today))).code).toBe('bill_not_ready');
    expect((await failureOf(() => rowsOf(stripe, '2026-13-01'))).code).toBe('invalid_request');
  });

  it('ends with an error, and never early, when a page does not come', async () => {
    const { stripe } = await stripeThatHears({
      [LIST]: [says({ has_more: true, data: [movement('payment', charge)] }), refuses(500)],
    });
    expect((await failureOf(() => rowsOf(stripe))).code).toBe('channel_unknown_outcome');
  });
});
