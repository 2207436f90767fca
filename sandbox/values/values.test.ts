import { describe, expect, it } from 'vitest';
import { endOfCstDay, fromCst, toCst, toCstDay, toRfc3339 } from './times.js';
import { fenFromYuan, yuanFromFen } from './yuan.js';

describe('yuan', () => {
  it.each([
    ['0.29', 29],
    ['1', 100],
    ['1.5', 150],
    ['0.05', 5],
    ['9999999999.99', 999_999_999_999],
  ])('reads %s exactly', (text, fen) => {
    expect(fenFromYuan(text)).toBe(fen);
  });

  it.each(['', '1.234', '-1', '+1', '1e3', '0x1', '１', '.5', '1.', ' 1', '12345678901'])(
    'refuses "%s"',
    (text) => {
      expect(fenFromYuan(text)).toBeNull();
    },
  );

  it.each([
    [5, '0.05'],
    [100, '1.00'],
    [1_234, '12.34'],
  ])('writes %i fen as %s', (fen, text) => {
    expect(yuanFromFen(fen)).toBe(text);
  });
});

describe('provider time', () => {
  const at = Date.parse('2026-11-24T16:30:05.678Z');

  it('is UTC+8 whatever the host’s zone', () => {
    expect(toCst(at)).toBe('2026-11-25 00:30:05');
    expect(toCstDay(at)).toBe('20261125');
    expect(toRfc3339(at)).toBe('2026-11-25T00:30:05+08:00');
    expect(toCst(endOfCstDay(at))).toBe('2026-11-25 23:59:59');
  });

  it.each([
    ['2026-11-25 00:30:05', '2026-11-24T16:30:05.000Z'],
    ['2026-11-25 00:30', '2026-11-24T16:30:00.000Z'],
  ])('reads %s', (text, iso) => {
    expect(new Date(fromCst(text) ?? 0).toISOString()).toBe(iso);
  });

  it.each(['2026-02-30 00:00:00', '2026-11-25', '2026-11-25T00:30:05', '2026-11-25 24:61:00', 'now'])(
    'refuses %s',
    (text) => {
      expect(fromCst(text)).toBeNull();
    },
  );
});
