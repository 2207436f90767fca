import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fen, fen, feeOf } from './money.js';
import {
  type Refund,
  type RefundSource,
  type WalletParts,
  approvePosting,
  byHandPosting,
  feeGivenBack,
  returnPosting,
  settlePosting,
  walletReturn,
} from './refund-postings.js';

const SOURCES: readonly RefundSource[] = ['hold', 'seller', 'cash', 'sales', 'suspense'];
const amount = fc.integer({ min: 1, max: 10_000_000_000 }).map(fen);
const feeBps = fc.integer({ min: 0, max: 10_000 });

const refund: fc.Arbitrary<Refund> = fc
  .record({ source: fc.constantFrom(...SOURCES), amountFen: amount, feeBps })
  .map(({ source, amountFen, feeBps: bps }) => ({
    id: 'r1',
    orderNo: source === 'suspense' ? null : 'o1',
    source,
    amountFen,
    feeFen: fen(source === 'seller' ? feeOf(amountFen, bps) : 0),
    sellerId: 's1',
    buyerId: 'b1',
  }));

const one = (change: Partial<Refund> = {}): Refund => ({
  id: 'r1',
  orderNo: 'o1',
  source: 'hold',
  amountFen: fen(1_000),
  feeFen: fen(0),
  sellerId: 's1',
  buyerId: 'b1',
  ...change,
});

const legsOf = ({ legs }: { legs: readonly { account: string; amount: number }[] }) =>
  Object.fromEntries(legs.map((leg) => [leg.account, leg.amount]));

describe('M1 the postings of a refund', () => {
  it('sum to 0 and have no empty leg, whatever the refund', () => {
    fc.assert(
      fc.property(refund, fc.integer({ min: 0, max: 10_000_000_000 }), (given, cash) => {
        const inCash = Math.min(cash, given.amountFen);
        const parts = { cash: inCash, withdrawable: given.amountFen - inCash };
        for (const posting of [
          approvePosting(given),
          returnPosting(given, undefined),
          settlePosting(given, { channel: 'alipay' }, undefined),
          settlePosting(given, { buyerId: 'b1', parts }, undefined),
          byHandPosting(given, 'wechat'),
        ]) {
          expect(posting.legs.reduce((sum, leg) => sum + leg.amount, 0)).toBe(0);
          expect(posting.legs.filter((leg) => leg.amount === 0)).toEqual([]);
        }
      }),
    );
  });

  it.each<[RefundSource, Record<string, number>]>([
    ['hold', { 'hold:o1': -1_000 }],
    ['seller', { 'user:s1:repayment': -990, 'platform:fees': -10 }],
    ['cash', { 'user:b1:cash': -1_000 }],
    ['sales', { 'platform:sales': -1_000 }],
    ['suspense', { 'platform:suspense': -1_000 }],
  ])('take money from %s, and put it back there', (source, taken) => {
    const given = one({ source, feeFen: fen(source === 'seller' ? 10 : 0) });
    expect(legsOf(approvePosting(given))).toEqual({ ...taken, 'refunding:r1': 1_000 });
    const back = Object.entries(taken).map(([name, fenTaken]) => [
      name.replace('repayment', 'earnings'),
      -fenTaken,
    ]);
    expect(legsOf(returnPosting(given, undefined))).toEqual({
      ...Object.fromEntries(back),
      'refunding:r1': -1_000,
    });
  });

  it('name each step by a key of its own, made of the refund’s number alone', () => {
    const given = one();
    const postings = [
      approvePosting(given),
      returnPosting(given, undefined),
      settlePosting(given, { channel: 'alipay' }, undefined),
      byHandPosting(given, 'alipay'),
    ];
    expect(postings.map(({ key }) => key)).toEqual([
      'refund/r1:approve',
      'refund/r1:return',
      'refund/r1:settle',
      'refund/r1:by-hand',
    ]);
  });

  it.each([
    ['hold', { orderNo: null }],
    ['seller', { sellerId: null }],
    ['cash', { buyerId: null }],
  ] as const)('are no postings without whom the money comes from: %s', (source, change) => {
    expect(() => approvePosting(one({ source, ...change }))).toThrow(/names its/);
  });
});

/** Splits an amount into random parts. */
const split = amount.chain((captured) =>
  fc
    .array(fc.integer({ min: 1, max: captured }), { maxLength: 8 })
    .map((cuts) => [...new Set([0, ...cuts, captured])].sort((left, right) => left - right))
    .map((edges) => ({
      captured,
      parts: edges.slice(1).map((edge, index) => fen(edge - (edges[index] ?? 0))),
    })),
);

describe('the platform’s fee of a refund', () => {
  it('M1 over many parts is what it is over one, and is never negative or above the part', () => {
    fc.assert(
      fc.property(split, feeBps, ({ captured, parts }, bps) => {
        let left: Fen = captured;
        let given = 0;
        for (const part of parts) {
          const fee = feeGivenBack(left, part, bps);
          expect(fee).toBeGreaterThanOrEqual(0);
          expect(fee).toBeLessThanOrEqual(part);
          given += fee;
          left = fen(left - part);
        }
        expect(given).toBe(feeGivenBack(captured, captured, bps));
        expect(given).toBe(feeOf(captured, bps));
      }),
    );
  });
});

describe('a wallet payment’s way back', () => {
  it('M6 never gives a bucket more than it gave, and everything in the end', () => {
    fc.assert(
      fc.property(split, fc.double({ min: 0, max: 1, noNaN: true }), ({ captured, parts }, share) => {
        const cash = Math.floor(captured * share);
        const gave: WalletParts = { cash, withdrawable: captured - cash };
        const returned: WalletParts = { cash: 0, withdrawable: 0 };
        for (const part of parts) {
          const back = walletReturn(part, gave, returned);
          expect(back.cash + back.withdrawable).toBe(part);
          expect(Math.min(back.cash, back.withdrawable)).toBeGreaterThanOrEqual(0);
          // Withdrawable first: cash only once all of the other has gone back.
          returned.withdrawable += back.withdrawable;
          returned.cash += back.cash;
          if (back.cash > 0) expect(returned.withdrawable).toBe(gave.withdrawable);
          expect(returned.cash).toBeLessThanOrEqual(gave.cash);
        }
        expect(returned).toEqual(gave);
      }),
    );
  });
});
