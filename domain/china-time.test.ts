import { describe, expect, it } from 'vitest';
import { fromChinaTime, toChinaRfc3339, toChinaTime } from './china-time.js';

describe('China time', () => {
  it.each([
    ['2026-11-24T12:00:00.000Z', '2026-11-24 20:00:00'],
    ['2026-12-31T16:00:00.000Z', '2027-01-01 00:00:00'],
    ['2028-02-28T15:59:59.999Z', '2028-02-28 23:59:59'],
    ['2028-02-28T16:00:00.000Z', '2028-02-29 00:00:00'],
  ])('writes %s as %s, whatever the time zone of the process', (utc, china) => {
    expect(toChinaTime(new Date(utc))).toBe(china);
    expect(toChinaRfc3339(new Date(utc))).toBe(`${china.replace(' ', 'T')}+08:00`);
  });

  it('never makes an expiry later than it is', () => {
    const expiresAt = new Date('2026-11-24T12:00:00.999Z');
    expect(fromChinaTime(toChinaTime(expiresAt))?.getTime()).toBeLessThanOrEqual(expiresAt.getTime());
  });

  it('reads what it writes', () => {
    expect(fromChinaTime('2026-11-24 20:00:00')).toEqual(new Date('2026-11-24T12:00:00Z'));
  });

  it.each([
    '',
    '2026-02-30 00:00:00',
    '2026-13-01 00:00:00',
    '2026-11-24T20:00:00',
    '2026-11-24',
    ' 2026-11-24 20:00:00',
  ])('reads no time out of "%s"', (text) => {
    expect(fromChinaTime(text)).toBeUndefined();
  });
});
