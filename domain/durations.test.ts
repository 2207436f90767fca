import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_DURATION_MS, parseDuration } from './durations.js';

const DAY_MS = 86_400_000;

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['1ms', 1],
    ['3s', 3_000],
    ['15m', 900_000],
    ['24h', DAY_MS],
    ['7d', 7 * DAY_MS],
    ['366d', MAX_DURATION_MS],
    ['PT0S', 0],
    ['PT15M', 900_000],
    ['P1D', DAY_MS],
    ['P2W', 14 * DAY_MS],
    ['P1DT2H3M4S', DAY_MS + 7_384_000],
    ['PT1H30M', 5_400_000],
    ['P1W1D', 8 * DAY_MS],
    ['P366D', MAX_DURATION_MS],
  ])('reads %s as %d ms', (text, spanMs) => {
    expect(parseDuration(text)).toBe(spanMs);
  });

  it.each([
    '',
    ' ',
    '1',
    'h',
    '-1s',
    '+1s',
    '1.5h',
    '1e3s',
    '0x1s',
    '１s',
    '1 h',
    ' 1h',
    '1h ',
    '1h\n',
    '1H',
    '1h30m',
    '1w',
    '1y',
    'P',
    'PT',
    'P1DT',
    'T1H',
    'P1H',
    'PT1D',
    'P1Y',
    'P1M',
    'PT1.5H',
    'P-1D',
    'PT1M1H',
    '367d',
    'P367D',
    '9999999999s',
    'PT9999999999S',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('ends at a year and a day, to the millisecond', () => {
    expect(parseDuration('31622400s')).toBe(MAX_DURATION_MS);
    expect(parseDuration('31622401s')).toBeUndefined();
    expect(parseDuration('P366DT1S')).toBeUndefined();
  });

  it('is the same in either notation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8_000 }), (count) => {
        expect(parseDuration(`PT${count}H`)).toBe(parseDuration(`${count}h`));
        expect(parseDuration(`PT${count}M`)).toBe(parseDuration(`${count}m`));
        expect(parseDuration(`PT${count}S`)).toBe(parseDuration(`${count}s`));
      }),
    );
  });

  it('answers a whole span within the limit or nothing, for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^P?[0-9]{0,5}[WDHMST]?T?[0-9]{0,4}[dhms]?$/)),
        (text) => {
          const spanMs = parseDuration(text) ?? 0;
          expect(Number.isSafeInteger(spanMs)).toBe(true);
          expect(spanMs).toBeGreaterThanOrEqual(0);
          expect(spanMs).toBeLessThanOrEqual(MAX_DURATION_MS);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
