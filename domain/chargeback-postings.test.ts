import { describe, expect, it } from 'vitest';
import {
  type Chargeback,
  type ChargedOrder,
  chargebackPosting,
  chargebackReturnPosting,
  isCovered,
  owedChargebackPosting,
} from './chargeback-postings.js';
import { fen } from './money.js';
import type { MoneyState } from './order-status.js';
import type { OrderKind } from './order.js';
import type { Leg } from './postings.js';

const AT = Date.parse('2026-11-24T10:00:00.000Z');

const of = (kind: OrderKind, change: Partial<ChargedOrder> = {}): Chargeback => ({
  channel: 'stripe',
  disputeNo: 'dp_1',
  amountFen: fen(1_000),
  order: {
    orderNo: 'o1',
    kind,
    buyerId: 'b1',
    sellerId: kind === 'deal' || kind === 'course' ? 's1' : null,
    money: 'released',
    captured: 3_000,
    refunded: 0,
    feeBps: 333,
    ...change,
  },
});

const legsOf = ({ legs }: { legs: readonly Leg[] }) =>
  Object.fromEntries(legs.map(({ account, amount }) => [account, amount]));

describe('M2: a chargeback credits the channel, and', () => {
  it.each<[OrderKind, MoneyState, string]>([
    ['deal', 'held', 'hold:o1'],
    ['deal', 'released', 'user:s1:repayment'],
    ['course', 'held', 'hold:o1'],
    ['course', 'released', 'user:s1:repayment'],
    ['topup', 'released', 'user:b1:spendable'],
    ['package', 'released', 'platform:sales'],
  ])('of a %s that is %s %s pays', (kind, money, payer) => {
    const posting = chargebackPosting(of(kind, { money }), AT);
    expect(legsOf(posting)).toEqual({ [payer]: -1_000, 'channel:stripe': 1_000 });
    expect(posting).toMatchObject({ key: 'chargeback/stripe/dp_1', kind: 'chargeback', orderNo: 'o1' });
  });

  it('of a top-up that is spent its payer owes', () => {
    expect(legsOf(owedChargebackPosting(of('topup'), AT))).toEqual({
      'user:b1:repayment': -1_000,
      'channel:stripe': 1_000,
    });
  });

  it('is one posting for one dispute, whoever pays', () => {
    const keys = [chargebackPosting(of('topup'), AT).key, owedChargebackPosting(of('topup'), AT).key];
    expect(new Set(keys).size).toBe(1);
  });
});

describe('M6: a chargeback counts as money that went back', () => {
  it.each<[string, Partial<ChargedOrder>, object]>([
    [
      'a part of what is held',
      { money: 'held' },
      { from: ['held'], to: 'held', set: { refundedMore: 1_000 } },
    ],
    [
      'all that is held',
      { money: 'held', refunded: 2_000 },
      {
        from: ['held'],
        to: 'released',
        set: { refundedMore: 1_000, releasedAt: '2026-11-24T10:00:00.000Z', releasedBy: 'chargeback' },
      },
    ],
    [
      'all of what was released',
      { refunded: 2_000 },
      { from: ['released'], to: 'released', set: { refundedMore: 1_000 } },
    ],
  ])('%s, and only while no refund is open', (_what, change, order) => {
    expect(chargebackPosting(of('deal', change), AT).order).toEqual({ ...order, refundOpen: false });
  });

  it.each([
    [0, 3_000, true],
    [0, 3_001, false],
    [2_000, 1_000, true],
    [2_000, 1_001, false],
    [3_000, 1, false],
    [0, 0, false],
  ])('after %i of 3000 fen went back, one of %i is covered: %s', (refunded, amount, covered) => {
    expect(isCovered({ ...of('deal', { refunded }), amountFen: fen(amount) })).toBe(covered);
  });
});

describe('M2: a chargeback that the bank takes back', () => {
  const taken = (account: string, amount = 1_000): Leg[] => [
    { account, amount: 0 - amount },
    { account: 'channel:stripe', amount: 1_000 },
  ];

  it.each<[OrderKind, Leg[], object]>([
    ['deal', taken('user:s1:withdrawable'), { 'user:s1:earnings': 1_000 }],
    ['topup', taken('user:b1:cash', 400), { 'user:b1:cash': 400, 'user:b1:earnings': 600 }],
    ['topup', taken('user:b1:cash'), { 'user:b1:cash': 1_000 }],
    ['package', taken('platform:sales'), { 'platform:sales': 1_000 }],
  ])('of a %s gives back what was taken: topped-up money stays such', (kind, from, credits) => {
    const posting = chargebackReturnPosting(of(kind), from);
    expect(legsOf(posting)).toEqual({ ...credits, 'channel:stripe': -1_000 });
    expect(posting.key).toBe('chargeback/stripe/dp_1:return');
    expect(posting.order).toBeUndefined();
  });

  it('goes to the hold that it came from, while there is one', () => {
    const posting = chargebackReturnPosting(of('deal', { money: 'held', refunded: 1_000 }), taken('hold:o1'));
    expect(legsOf(posting)).toEqual({ 'hold:o1': 1_000, 'channel:stripe': -1_000 });
    expect(posting.order).toEqual({ from: ['held'], to: 'held', set: { refundedMore: -1_000 } });
  });

  it('M7: after the release goes to the seller less its fee, and the order stays as it is', () => {
    const posting = chargebackReturnPosting(of('deal', { refunded: 1_000 }), taken('hold:o1'));
    expect(legsOf(posting)).toEqual({
      'user:s1:earnings': 967,
      'platform:fees': 33,
      'channel:stripe': -1_000,
    });
    expect(posting.order).toBeUndefined();
  });
});
