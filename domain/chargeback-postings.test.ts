import { describe, expect, it } from 'vitest';
import {
  type Chargeback,
  chargebackPosting,
  chargebackReturnPosting,
  owedChargebackPosting,
} from './chargeback-postings.js';
import { fen } from './money.js';
import type { OrderKind } from './order.js';

const of = (kind: OrderKind): Chargeback => ({
  channel: 'stripe',
  disputeNo: 'dp_1',
  amountFen: fen(1_000),
  order: { orderNo: 'o1', kind, buyerId: 'b1', sellerId: kind === 'deal' || kind === 'course' ? 's1' : null },
});

const legsOf = ({ legs }: { legs: readonly { account: string; amount: number }[] }) =>
  Object.fromEntries(legs.map(({ account, amount }) => [account, amount]));

describe('M2: a chargeback credits the channel, and', () => {
  it.each<[OrderKind, string]>([
    ['deal', 'user:s1:repayment'],
    ['course', 'user:s1:repayment'],
    ['topup', 'user:b1:spendable'],
    ['package', 'platform:sales'],
  ])('of a %s %s pays', (kind, payer) => {
    const posting = chargebackPosting(of(kind));
    expect(legsOf(posting)).toEqual({ [payer]: -1_000, 'channel:stripe': 1_000 });
    expect(posting).toMatchObject({ key: 'chargeback/stripe/dp_1', kind: 'chargeback', orderNo: 'o1' });
  });

  it('of a top-up that is spent its payer owes', () => {
    expect(legsOf(owedChargebackPosting(of('topup')))).toEqual({
      'user:b1:repayment': -1_000,
      'channel:stripe': 1_000,
    });
  });

  it('is one posting for one dispute, whoever pays', () => {
    const keys = [chargebackPosting(of('topup')).key, owedChargebackPosting(of('topup')).key];
    expect(new Set(keys).size).toBe(1);
  });
});

describe('M2: a chargeback that the bank takes back', () => {
  it.each<[OrderKind, number, object]>([
    ['deal', 0, { 'user:s1:earnings': 1_000 }],
    ['topup', 400, { 'user:b1:cash': 400, 'user:b1:earnings': 600 }],
    ['topup', 1_000, { 'user:b1:cash': 1_000 }],
    ['package', 0, { 'platform:sales': 1_000 }],
  ])('of a %s gives back what was taken: topped-up money stays such', (kind, cash, credits) => {
    const posting = chargebackReturnPosting(of(kind), fen(cash));
    expect(legsOf(posting)).toEqual({ ...credits, 'channel:stripe': -1_000 });
    expect(posting.key).toBe('chargeback/stripe/dp_1:return');
  });
});
