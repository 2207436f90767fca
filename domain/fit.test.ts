import { describe, expect, it } from 'vitest';
import { type PaymentFacts, isOurMoney, misfitOf } from './fit.js';

const attempt: PaymentFacts = {
  channel: 'alipay',
  merchant: 'app/seller',
  outTradeNo: '9f8e7d6c5b4a3921',
  amount: 1230,
  currency: 'CNY',
};

describe('W3 a payment fits only the attempt that asked for it', () => {
  it.each<[string, Partial<PaymentFacts>, string | null]>([
    ['all of it the same', {}, null],
    ['a fen too little', { amount: 1229 }, 'other_amount'],
    ['a fen too much', { amount: 1231 }, 'other_amount'],
    ['no amount', { amount: null }, 'other_amount'],
    ['yuan for fen', { amount: 12.3 }, 'other_amount'],
    ['another currency', { currency: 'USD' }, 'other_currency'],
    ['the currency in small letters', { currency: 'cny' }, 'other_currency'],
    ['no currency', { currency: null }, 'other_currency'],
    ['another merchant', { merchant: 'app/other' }, 'other_merchant'],
    ['no merchant', { merchant: null }, 'other_merchant'],
    ['another channel', { channel: 'wechat' }, 'no_attempt'],
    ['another number', { outTradeNo: '9f8e7d6c5b4a3921a2' }, 'no_attempt'],
    ['another merchant and another amount', { merchant: 'x', amount: 1 }, 'other_merchant'],
  ])('%s', (_what, change, misfit) => {
    expect(misfitOf({ ...attempt, ...change }, attempt)).toBe(misfit);
  });

  it('fits nothing where there is no attempt', () => {
    expect(misfitOf(attempt, null)).toBe('no_attempt');
  });

  it.each<[Parameters<typeof isOurMoney>, boolean]>([
    [['other_amount', 'm', 'm', 'CNY'], true],
    [['no_attempt', 'm', 'm', 'CNY'], true],
    [['no_attempt', 'm', 'other', 'CNY'], false],
    [['no_attempt', 'm', 'm', 'USD'], false],
    [['other_merchant', 'm', 'm', 'CNY'], false],
    [['other_currency', 'm', 'm', 'CNY'], false],
  ])('counts money as ours only where our merchant received CNY: %j', (given, ours) => {
    expect(isOurMoney(...given)).toBe(ours);
  });
});
