import { describe, expect, it } from 'vitest';
import { seqOf, tradeNoOf } from './courses.js';

describe('a trade number', () => {
  it('is the order’s own number with two parts that nobody can guess from it', () => {
    const tradeNo = tradeNoOf({ seq: 5, orderNo: '99966d2dbbbfc084' });
    expect(tradeNo).toBe('5-9996-6d2d');
    expect(seqOf(tradeNo)).toBe(5);
  });

  it.each([
    '',
    '5',
    '5-9996',
    '05-9996-6d2d',
    '-5-9996-6d2d',
    '5-9996-6D2D',
    '5-9996-6d2d-',
    `${'9'.repeat(16)}-9996-6d2d`,
  ])('%s is none', (text) => {
    expect(seqOf(text)).toBeUndefined();
  });
});
