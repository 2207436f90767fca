import { afterEach, describe, expect, it } from 'vitest';
import { makePayout, payouts } from './test-payouts.js';
import { listOf, refuses, says, stopStripes, stripeThatHears } from './test-stripe.js';
import { failureOf, type LoopbackAnswer } from './test-support.js';

const LIST = 'GET /v1/transfers';
const CREATE = 'POST /v1/transfers';
const REQUEST = makePayout({ account: { no: 'acct_1', name: '沈括' } });

const TRANSFER = {
  id: 'tr_1',
  object: 'transfer',
  amount: 530,
  amount_reversed: 0,
  reversed: false,
  currency: 'cny',
  created: Date.parse('2026-11-24T12:00:02Z') / 1000,
  destination: 'acct_1',
  metadata: { payout_no: REQUEST.payoutNo },
};
const PAID = { state: 'paid', providerPayoutNo: 'tr_1', paidAt: new Date('2026-11-24T12:00:02Z') };

const STATES: [string, object, object][] = [
  ['there', {}, PAID],
  [
    'taken back',
    { reversed: true, amount_reversed: 530 },
    { state: 'bounced', providerStatus: 'reversed', message: expect.any(String) },
  ],
  ['taken back in part', { amount_reversed: 1 }, { state: 'unknown', providerStatus: 'partially reversed' }],
];

afterEach(stopStripes);

async function heard(answers: Parameters<typeof stripeThatHears>[0]) {
  const { stripe, ...more } = await stripeThatHears(answers);
  return { ...payouts(stripe), ...more };
}

describe('stripe: a payout', () => {
  it('is a transfer to a connected account, posted once there is none of its number', async () => {
    const { payout, asked } = await heard({ [LIST]: listOf(), [CREATE]: says(TRANSFER) });
    expect(await payout(REQUEST)).toEqual(PAID);
    expect(asked[0]?.params).toEqual({ transfer_group: REQUEST.payoutNo, limit: '100' });
    expect(asked[1]?.params).toEqual({
      amount: '530',
      currency: 'cny',
      destination: 'acct_1',
      description: REQUEST.remark,
      transfer_group: REQUEST.payoutNo,
      'metadata[payout_no]': REQUEST.payoutNo,
      'metadata[notify_url]': REQUEST.notifyUrl,
    });
    expect(asked[1]?.headers['idempotency-key']).toBe(`payout-${REQUEST.payoutNo}`);
  });

  it.each(STATES)('M9: is not posted again when it is %s', async (_title, more, state) => {
    const { payout, queryPayout, calls } = await heard({ [LIST]: listOf({ ...TRANSFER, ...more }) });
    expect(await payout(REQUEST)).toEqual(state);
    expect(await queryPayout(REQUEST)).toEqual(state);
    expect(calls()).toEqual([LIST, LIST]);
  });

  it('M9: that is not there (yet) has not failed', async () => {
    const { queryPayout } = await heard({ [LIST]: listOf() });
    expect(await queryPayout(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'no such transfer' });
  });

  it.each([
    ['no such account', refuses(400, { code: 'resource_missing', param: 'destination' })],
    ['an account that cannot be paid', refuses(400, { code: 'insufficient_capabilities_for_transfer' })],
  ])('is refused for good: %s', async (_title, answer) => {
    const { payout, calls } = await heard({ [LIST]: listOf(), [CREATE]: answer });
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_refused');
    expect(calls()).toEqual([LIST, CREATE, LIST]);
  });

  it.each<[string, LoopbackAnswer | undefined]>([
    ['a balance that is too low', refuses(400, { code: 'balance_insufficient' })],
    ['another transfer under its key', refuses(400, { type: 'idempotency_error' })],
    ['a key of ours that is refused', refuses(401)],
    ['a word of a later version', refuses(400, { code: 'a_new_word' })],
    ['a server error', refuses(500, { type: 'api_error' })],
    ['about another amount', says({ ...TRANSFER, amount: 531 })],
    ['about another account', says({ ...TRANSFER, destination: 'acct_2' })],
    ['about another payout', says({ ...TRANSFER, metadata: { payout_no: 'other' } })],
    ['silence', undefined],
  ])('M9: is not given up for %s', async (_title, answer) => {
    const { payout } = await heard({ [LIST]: listOf(), [CREATE]: answer });
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it('M9: is not posted while the list of transfers fails', async () => {
    const { payout, calls } = await heard({ [LIST]: refuses(500) });
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
    expect(calls()).toEqual([LIST]);
  });
});
