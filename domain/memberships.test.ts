import { describe, expect, it } from 'vitest';
import { nextRenewalTryAt, renewalDueAt } from './memberships.js';

const HOUR_MS = 3_600_000;
const END = Date.UTC(2026, 10, 30);
const hours = (n: number): number => n * HOUR_MS;

describe('a membership that renews itself', () => {
  it('is charged for 24 hours before its end', () => {
    expect(END - renewalDueAt(END)).toBe(hours(24));
  });

  it('is tried three times, the last an hour before its end', () => {
    expect(nextRenewalTryAt(END, 1, END - hours(24))).toBe(END - hours(12));
    expect(nextRenewalTryAt(END, 2, END - hours(12))).toBe(END - hours(1));
    expect(nextRenewalTryAt(END, 3, END - hours(1))).toBeNull();
  });

  it('leaves an hour between tries that an outage has made late', () => {
    const late = END + hours(5);
    expect(nextRenewalTryAt(END, 1, late)).toBe(late + hours(1));
    expect(nextRenewalTryAt(END, 2, late + hours(1))).toBe(late + hours(2));
  });
});
