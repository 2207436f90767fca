import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../domain/errors.js';
import { idsIn, readingsOf } from './convert.js';

describe('an amount', () => {
  it.each<[string | number, number[]]>([
    [1, [1, 100]],
    ['1', [1, 100]],
    [0.29, [29]],
    ['0.29', [29]],
    ['158.00', [15_800]],
    [0, [0, 0]],
    // As yuan it would be more than any call may name.
    [10_000_000_000, [10_000_000_000]],
    [100_000_000, [100_000_000, 10_000_000_000]],
  ])('%s may mean %j fen', (sent, fen) => {
    expect(readingsOf(sent)).toEqual(fen);
  });

  it.each<string | number>([
    -1,
    -0,
    0.001,
    1e21,
    10_000_000_001,
    '',
    ' 1',
    '1e2',
    '+1',
    '0x1',
    '１',
    '1.',
    '1.234',
  ])('M2 %s is none', (sent) => {
    expect(() => readingsOf(sent)).toThrow(HoldfastError);
  });
});

describe('a list of ids', () => {
  it('is read with spaces around its commas', () => {
    expect(idsIn('10000001, 10000002', 'ids')).toEqual(['10000001', '10000002']);
  });

  it.each([
    '',
    ',',
    '1,,2',
    '0',
    '01',
    '-1',
    'x',
    '1'.repeat(16),
    Array.from({ length: 51 }, () => '1').join(','),
  ])('%s is none', (list) => {
    expect(() => idsIn(list, 'ids')).toThrow(HoldfastError);
  });
});
