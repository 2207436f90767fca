import { afterEach, describe, expect, it } from 'vitest';
import { INTENT, listOf, refuses, repeats, says, stopStripes, stripeThatHears } from './test-stripe.js';
import { failureOf, makeRefund, refunds, type LoopbackAnswer } from './test-support.js';

const LIST = 'GET /v1/refunds';
const CREATE = 'POST /v1/refunds';
const REQUEST = makeRefund({ providerTradeNo: INTENT });
const CREATED = Date.parse('2026-11-24T12:00:02Z') / 1000;

const REFUND = {
  id: 're_1',
  object: 'refund',
  amount: 530,
  currency: 'cny',
  created: CREATED,
  payment_intent: INTENT,
  metadata: { refund_no: REQUEST.refundNo },
  status: 'pending',
};
const OTHER = { ...REFUND, id: 're_2', metadata: { refund_no: 'other' } };

const STATES: [string, object, object][] = [
  [
    'succeeded',
    {},
    { state: 'succeeded', providerRefundNo: 're_1', settledAt: new Date('2026-11-24T12:00:02Z') },
  ],
  ['pending', {}, { state: 'processing' }],
  ['requires_action', {}, { state: 'processing' }],
  ['failed', { failure_reason: 'declined' }, { state: 'failed', providerStatus: 'failed: declined' }],
  ['failed', {}, { state: 'failed', providerStatus: 'failed' }],
  ['canceled', {}, { state: 'failed', providerStatus: 'canceled' }],
  ['a_new_word', {}, { state: 'unknown', providerStatus: 'a_new_word' }],
  ['constructor', {}, { state: 'unknown', providerStatus: 'constructor' }],
];

afterEach(stopStripes);

async function heard(answers: Parameters<typeof stripeThatHears>[0]) {
  const { stripe, ...more } = await stripeThatHears(answers);
  return { ...refunds(stripe), ...more };
}

describe('stripe: a refund', () => {
  it('is posted once it is not among the payment’s refunds, by its own number', async () => {
    const { refund, asked } = await heard({ [LIST]: listOf(OTHER), [CREATE]: says(REFUND) });
    expect(await refund(REQUEST)).toEqual({ state: 'processing' });
    expect(asked[0]?.params).toEqual({ payment_intent: INTENT, limit: '100' });
    expect(asked[1]?.params).toEqual({
      payment_intent: INTENT,
      amount: '530',
      reason: 'requested_by_customer',
      'metadata[refund_no]': REQUEST.refundNo,
      'metadata[out_trade_no]': REQUEST.outTradeNo,
      'metadata[notify_url]': REQUEST.notifyUrl,
      'metadata[reason]': REQUEST.reason,
    });
    expect(asked[1]?.headers['idempotency-key']).toBe(`refund-${REQUEST.refundNo}`);
  });

  it.each(STATES)('M6: is not posted again when it is there: %s', async (status, more, state) => {
    const { refund, queryRefund, calls } = await heard({
      [LIST]: listOf(OTHER, { ...REFUND, ...more, status }),
    });
    expect(await refund(REQUEST)).toEqual(state);
    expect(await queryRefund(REQUEST)).toEqual(state);
    expect(calls()).toEqual([LIST, LIST]);
  });

  it('M6: is found behind a hundred others', async () => {
    const first = says({ has_more: true, data: [OTHER] });
    const { queryRefund, asked } = await heard({ [LIST]: [first, listOf(REFUND)] });
    expect(await queryRefund(REQUEST)).toEqual({ state: 'processing' });
    expect(asked[1]?.params).toMatchObject({ starting_after: 're_2' });
  });

  it('M9: that is not there (yet) has not failed', async () => {
    const { queryRefund } = await heard({ [LIST]: listOf(OTHER) });
    expect(await queryRefund(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'no such refund' });
  });

  it('takes what Stripe repeats of an earlier post', async () => {
    const { refund } = await heard({ [LIST]: listOf(), [CREATE]: repeats(REFUND) });
    expect(await refund(REQUEST)).toEqual({ state: 'processing' });
  });

  it.each([
    ['all of it went back before', refuses(400, { code: 'charge_already_refunded' })],
    ['the payer’s bank took it', refuses(400, { code: 'charge_disputed' })],
    ['more than is left', refuses(400, { param: 'amount' })],
  ])('is refused for good, where there is none of its number: %s', async (_title, answer) => {
    const { refund, calls } = await heard({ [LIST]: listOf(), [CREATE]: answer });
    expect(await failureOf(() => refund(REQUEST))).toMatchObject({
      code: 'channel_refused',
      details: { channel: 'stripe', operation: 'refunds.create' },
    });
    expect(calls()).toEqual([LIST, CREATE, LIST]);
  });

  it('M6: is the one that another call made in the same moment, and not refused', async () => {
    const { refund } = await heard({
      [LIST]: [listOf(), listOf(REFUND)],
      [CREATE]: refuses(400, { code: 'charge_already_refunded' }),
    });
    expect(await refund(REQUEST)).toEqual({ state: 'processing' });
  });

  it.each<[string, LoopbackAnswer | undefined]>([
    ['nobody paid', refuses(400)],
    ['no such payment', refuses(404, { code: 'resource_missing', param: 'payment_intent' })],
    ['a balance that is too low', refuses(400, { code: 'balance_insufficient' })],
    ['another refund under its key', refuses(400, { type: 'idempotency_error' })],
    ['a key of ours that is refused', refuses(401)],
    ['a word of a later version', refuses(400, { code: 'a_new_word' })],
    ['a server error', refuses(500, { type: 'api_error' })],
    ['about another amount', says({ ...REFUND, amount: 531 })],
    ['about another payment', says({ ...REFUND, payment_intent: 'pi_2' })],
    ['about another refund', says(OTHER)],
    ['in another currency', says({ ...REFUND, currency: 'usd' })],
    ['silence', undefined],
  ])('M9: is not given up for %s', async (_title, answer) => {
    const { refund, calls } = await heard({ [LIST]: listOf(), [CREATE]: answer });
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
    expect(calls()).toEqual([LIST, CREATE]);
  });

  it.each<[string, LoopbackAnswer | undefined]>([
    ['fails', refuses(500)],
    ['is refused', refuses(401)],
    ['is no list', says({ data: 'none' })],
    ['has no end', says({ has_more: true, data: [OTHER] })],
    ['shows another amount', listOf({ ...REFUND, amount: 531 })],
  ])('M6: is not posted while the list of refunds %s', async (_title, answer) => {
    const { refund, calls } = await heard({ [LIST]: answer });
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
    expect(calls()).not.toContain(CREATE);
  });
});
