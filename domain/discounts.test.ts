import { describe, expect, it } from 'vitest';
import { priceOfBill } from './discounts.js';
import { fen } from './money.js';

const tenOff = { minAmount: 5_000, percentOff: 10 };
const fifteenOff = { minAmount: 8_000, amountOff: 1_500 };

describe('a shop’s bill', () => {
  it.each([
    ['without rules is what it is', 9_999, [], 9_999],
    ['below every rule is not discounted', 4_999, [tenOff, fifteenOff], 4_999],
    ['exactly at a rule is discounted', 5_000, [tenOff, fifteenOff], 4_500],
    ['takes the rule that saves most', 8_800, [tenOff, fifteenOff], 7_300],
    ['takes it whatever their order', 20_000, [fifteenOff, tenOff], 18_000],
    ['floors what a percentage saves', 5_009, [tenOff], 4_509],
    ['takes the better half of a rule with both', 8_000, [{ ...tenOff, amountOff: 1 }], 7_200],
    ['never pays anybody for buying', 8_000, [{ minAmount: 0, amountOff: 9_000 }], 0],
  ])('%s', (_what, bill, rules, price) => {
    expect(priceOfBill(fen(bill), rules)).toBe(price);
  });
});
