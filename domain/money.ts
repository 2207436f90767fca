/**
 * Money is an integer number of fen (1/100 yuan). `Fen` is branded so that a plain number, which might be
 * yuan or come from a float, cannot be passed where money is meant. Only `fen()` and the parsers here make one.
 */
import { HoldfastError } from './errors.js';

declare const fenBrand: unique symbol;
export type Fen = number & { readonly [fenBrand]: 'fen' };

/** The largest amount that any call may name: 100,000,000 yuan (wire.md, section 0). */
export const MAX_AMOUNT_FEN = 10_000_000_000;

/**
 * Asserts that a number is money we can count: a safe integer, not negative.
 * Sums (balances) may pass MAX_AMOUNT_FEN, so the cap is the parsers' rule and not this one's.
 * @throws HoldfastError `invalid_amount`
 */
export function fen(amount: number): Fen {
  if (!Number.isSafeInteger(amount) || amount < 0 || Object.is(amount, -0)) {
    throw new HoldfastError('invalid_amount', { message: 'an amount is a whole number of fen, 0 or more' });
  }
  return amount as Fen;
}

/** Money of a call: like `fen`, and at most MAX_AMOUNT_FEN. */
export function amountFen(amount: number): Fen {
  if (amount > MAX_AMOUNT_FEN) {
    throw new HoldfastError('invalid_amount', { message: `an amount is at most ${MAX_AMOUNT_FEN} fen` });
  }
  return fen(amount);
}

// Plain ASCII digits with at most two decimals: no sign, exponent, hex or full-width digit (wire.md, section 0).
const YUAN = /^(\d{1,9})(?:\.(\d{1,2}))?$/;

/**
 * Reads yuan as callers write them: a string such as `12.30`, or a JSON number that is exact to the fen.
 * A number is read through its shortest decimal form, so 0.29 is 29 fen and 0.291 is refused.
 * @throws HoldfastError `invalid_amount`
 */
export function fromYuan(yuan: string | number): Fen {
  // String(-0) is "0", so the sign of a number is looked at by itself.
  const text = Object.is(yuan, -0) ? '-0' : String(yuan);
  const match = YUAN.exec(text);
  if (match === null) {
    throw new HoldfastError('invalid_amount', {
      message: 'an amount in yuan has digits and at most two decimals',
    });
  }
  const [, whole = '0', cents = ''] = match;
  return amountFen(Number(whole) * 100 + Number(cents.padEnd(2, '0')));
}

/** Writes fen as yuan with two decimals: 1230 becomes `12.30`. */
export function toYuan(amount: Fen): string {
  return `${Math.trunc(amount / 100)}.${String(amount % 100).padStart(2, '0')}`;
}

/** For clients that want a number: the double nearest to the yuan, which prints as the same digits. */
export function toYuanNumber(amount: Fen): number {
  return Number(toYuan(amount));
}

/** The platform's part of an amount, in basis points, floored (system.md, section 2, step 6). */
export function feeOf(amount: Fen, basisPoints: number): Fen {
  // BigInt, since amount × 10,000 may leave the safe integers.
  return fen(Number((BigInt(amount) * BigInt(basisPoints)) / 10_000n));
}

export function sumFen(amounts: readonly Fen[]): Fen {
  return fen(amounts.reduce((total, amount) => total + amount, 0));
}
