import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from './errors.js';
import { MAX_AMOUNT_FEN, amountFen, fen, feeOf, fromYuan, sumFen, toYuan } from './money.js';

const anyAmount = fc.integer({ min: 0, max: MAX_AMOUNT_FEN }).map(fen);

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : String(error);
  }
  return undefined;
}

describe('M2 yuan becomes fen by string, never through a float', () => {
  it.each([
    ['0', 0],
    ['0.0', 0],
    ['0.01', 1],
    ['0.1', 10],
    ['0.29', 29],
    ['1', 100],
    ['12.3', 1230],
    ['12.30', 1230],
    ['007', 700],
    ['1.10', 110],
    ['4.35', 435],
    ['1.15', 115],
    ['99999999.99', 9_999_999_999],
    ['100000000', MAX_AMOUNT_FEN],
    ['100000000.00', MAX_AMOUNT_FEN],
    [0, 0],
    [0.01, 1],
    [0.29, 29],
    [1.1, 110],
    [4.35, 435],
    [8.2, 820],
    [1.0, 100],
    [99_999_999.99, 9_999_999_999],
    [100_000_000, MAX_AMOUNT_FEN],
  ])('reads %j as %d fen', (yuan, amount) => {
    expect(fromYuan(yuan)).toBe(amount);
  });

  it.each([
    ['nothing', ''],
    ['a blank', ' '],
    ['a minus', '-1'],
    ['a minus before zero', '-0'],
    ['a plus', '+1'],
    ['a Unicode minus', '\u22121'],
    ['an exponent', '1e2'],
    ['an exponent in capitals', '1E2'],
    ['a negative exponent', '100e-2'],
    ['hex', '0x10'],
    ['binary', '0b11'],
    ['octal', '0o17'],
    ['full-width digits', '\uff11\uff12'],
    ['a full-width point', '1\uff0e50'],
    ['Arabic-Indic digits', '\u0661\u0662'],
    ['three decimals', '0.001'],
    ['three decimals that are zeros', '1.000'],
    ['a comma for the point', '1,50'],
    ['a comma between thousands', '1,000'],
    ['an underscore', '1_000'],
    ['no digit before the point', '.5'],
    ['no digit after the point', '5.'],
    ['two points', '1.2.3'],
    ['a blank before', ' 1'],
    ['a blank after', '1 '],
    ['a line break after', '1\n'],
    ['a NUL', '1\u0000'],
    ['a currency sign', '¥1'],
    ['a word', 'one'],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['a fen over the cap', '100000000.01'],
    ['nine digits over the cap', '999999999'],
    ['ten digits', '1000000000'],
    ['more digits than a number holds', '9'.repeat(400)],
  ])('refuses text with %s', (_what, yuan) => {
    expect(codeOf(() => fromYuan(yuan))).toBe('invalid_amount');
  });

  it.each([
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['minus Infinity', -Infinity],
    ['minus zero', -0],
    ['a negative', -0.01],
    ['1e21', 1e21],
    ['1e-7', 1e-7],
    ['three decimals', 0.291],
    ['a sum that is not exact', 0.1 + 0.2],
    ['over the cap', 100_000_000.01],
  ])('refuses the number %s', (_what, yuan) => {
    expect(codeOf(() => fromYuan(yuan))).toBe('invalid_amount');
  });

  it('writes and reads every amount without loss, as text and as a JSON number', () => {
    fc.assert(
      fc.property(anyAmount, (amount) => {
        expect(fromYuan(toYuan(amount))).toBe(amount);
        expect(fromYuan(JSON.parse(toYuan(amount)) as number)).toBe(amount);
        expect(toYuan(amount)).toMatch(/^\d+\.\d\d$/);
      }),
      { numRuns: 500 },
    );
  });

  it('answers an amount within bounds or refuses, for any text and any number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double(), fc.stringMatching(/^[-+0-9.e]{0,12}$/)), (yuan) => {
        const code = codeOf(() => {
          const amount = fromYuan(yuan);
          if (!Number.isSafeInteger(amount) || amount < 0 || amount > MAX_AMOUNT_FEN) throw new Error('out');
        });
        expect([undefined, 'invalid_amount']).toContain(code);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('M2 fen is an integer that is not negative', () => {
  it.each([0, 1, MAX_AMOUNT_FEN, MAX_AMOUNT_FEN + 1, Number.MAX_SAFE_INTEGER])('takes %d', (amount) => {
    expect(fen(amount)).toBe(amount);
  });

  it.each([-1, -0, 0.5, NaN, Infinity, 1e21, Number.MAX_SAFE_INTEGER + 1])('refuses %d', (amount) => {
    expect(codeOf(() => fen(amount))).toBe('invalid_amount');
    expect(codeOf(() => amountFen(amount))).toBe('invalid_amount');
  });

  it('caps what a call may name, one fen at a time', () => {
    expect(amountFen(MAX_AMOUNT_FEN - 1)).toBe(MAX_AMOUNT_FEN - 1);
    expect(amountFen(MAX_AMOUNT_FEN)).toBe(MAX_AMOUNT_FEN);
    expect(codeOf(() => amountFen(MAX_AMOUNT_FEN + 1))).toBe('invalid_amount');
  });

  it('refuses a sum that numbers cannot hold', () => {
    expect(sumFen([])).toBe(0);
    expect(sumFen([fen(1), fen(2)])).toBe(3);
    expect(codeOf(() => sumFen([fen(Number.MAX_SAFE_INTEGER), fen(1)]))).toBe('invalid_amount');
  });
});

describe('the platform fee', () => {
  it.each([
    [10_000, 0, 0],
    [10_000, 100, 100],
    [10_000, 10_000, 10_000],
    [99, 100, 0],
    [100, 100, 1],
    [199, 100, 1],
    [333, 333, 11],
    [MAX_AMOUNT_FEN, 9_999, 9_999_000_000],
    [Number.MAX_SAFE_INTEGER, 10_000, Number.MAX_SAFE_INTEGER],
  ])('of %d fen at %d basis points is %d', (amount, basisPoints, fee) => {
    expect(feeOf(fen(amount), basisPoints)).toBe(fee);
  });

  it('is floored, never negative and never more than the amount', () => {
    fc.assert(
      fc.property(anyAmount, fc.integer({ min: 0, max: 10_000 }), (amount, basisPoints) => {
        const fee = feeOf(amount, basisPoints);
        expect(fee).toBeGreaterThanOrEqual(0);
        expect(fee).toBeLessThanOrEqual(amount);
        expect(BigInt(fee) * 10_000n).toBeLessThanOrEqual(BigInt(amount) * BigInt(basisPoints));
        expect((BigInt(fee) + 1n) * 10_000n).toBeGreaterThan(BigInt(amount) * BigInt(basisPoints));
      }),
      { numRuns: 500 },
    );
  });
});
