import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Windows,
  chatClosesAt,
  clampPaidAt,
  gapBeforeQuestion,
  isChatOpen,
  releasesAt,
} from './deadlines.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const PAID = 1_764_000_000_000;

const windows = (change: Partial<Windows> = {}): Windows => ({
  paidAtMs: PAID,
  receivedAtMs: PAID,
  chatWindowMs: DAY_MS,
  autoConfirmAfterMs: DAY_MS,
  ...change,
});

describe('the payment time of a provider', () => {
  it.each([
    ['a moment before creation', -1, 0],
    ['at creation', 0, 0],
    ['a moment after creation', 1, 1],
    ['a moment before receipt', 9_999, 9_999],
    ['at receipt', 10_000, 10_000],
    ['a moment after receipt', 10_001, 10_000],
    ['a year ago', -365 * DAY_MS, 0],
    ['a year ahead', 365 * DAY_MS, 10_000],
  ])('is kept between creation and receipt when it claims to be %s', (_what, claimedMs, paidAtMs) => {
    expect(clampPaidAt(PAID + claimedMs, PAID, PAID + 10_000)).toBe(PAID + paidAtMs);
  });

  it('is never after receipt, even where the clock of receipt lies before creation', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (claimedMs, createdAtMs, receivedAtMs) => {
        const paidAtMs = clampPaidAt(claimedMs, createdAtMs, receivedAtMs);
        expect(paidAtMs).toBeLessThanOrEqual(receivedAtMs);
        if (createdAtMs <= receivedAtMs) expect(paidAtMs).toBeGreaterThanOrEqual(createdAtMs);
      }),
    );
  });
});

describe('the chat window', () => {
  it('counts from the payment, not from its receipt', () => {
    expect(chatClosesAt(windows({ receivedAtMs: PAID + HOUR_MS }))).toBe(PAID + DAY_MS);
    expect(chatClosesAt(windows({ chatWindowMs: null }))).toBeNull();
    expect(chatClosesAt(windows({ chatWindowMs: 0 }))).toBe(PAID);
  });

  it.each([
    ['a moment before it closes', -1, true],
    ['as it closes', 0, false],
    ['a moment after', 1, false],
  ])('is open or not %s', (_when, offsetMs, open) => {
    expect(isChatOpen(PAID, false, PAID + offsetMs)).toBe(open);
  });

  it('is closed when it was closed by hand, or when there is none', () => {
    expect(isChatOpen(PAID, true, PAID - 1)).toBe(false);
    expect(isChatOpen(null, false, PAID)).toBe(false);
  });
});

describe('M8 the release', () => {
  it.each([
    ['at once', 0, DAY_MS],
    ['a moment before it counts as late', MINUTE_MS - 1, DAY_MS],
    ['as late as is not late', MINUTE_MS, DAY_MS],
    ['a moment late, long before the release', MINUTE_MS + 1, DAY_MS],
    ['a moment more than an hour before the release', 23 * HOUR_MS - 1, DAY_MS],
    ['an hour before the release', 23 * HOUR_MS, DAY_MS],
    ['a moment less than an hour before the release', 23 * HOUR_MS + 1, DAY_MS + 1],
    ['as the release was due', DAY_MS, DAY_MS + HOUR_MS],
    ['two days after', 2 * DAY_MS, 2 * DAY_MS + HOUR_MS],
  ])('of a payment found %s', (_when, latenessMs, dueMs) => {
    expect(releasesAt(windows({ receivedAtMs: PAID + latenessMs }))).toBe(PAID + dueMs);
  });

  it.each([
    ['a window of half an hour', 30 * MINUTE_MS, 10 * HOUR_MS, 10 * HOUR_MS + 30 * MINUTE_MS],
    ['a window of an hour', HOUR_MS, 10 * HOUR_MS, 11 * HOUR_MS],
    ['a window of three seconds, found in time', 3_000, 3_000, 3_000],
    ['a window of three seconds, found a moment late', 3_000, 3_001, 6_001],
    ['no window', 0, 0, 0],
    ['no window, found late', 0, DAY_MS, DAY_MS],
  ])('waits no longer than the window itself: %s', (_what, autoConfirmAfterMs, latenessMs, dueMs) => {
    expect(releasesAt(windows({ autoConfirmAfterMs, receivedAtMs: PAID + latenessMs }))).toBe(PAID + dueMs);
  });

  it('never comes before the window has passed, nor before the buyer had the hour', () => {
    const spans = fc.integer({ min: 0, max: 30 * DAY_MS });
    fc.assert(
      fc.property(spans, spans, (autoConfirmAfterMs, latenessMs) => {
        const receivedAtMs = PAID + latenessMs;
        const dueMs = releasesAt(windows({ autoConfirmAfterMs, receivedAtMs }));
        expect(dueMs).toBeGreaterThanOrEqual(PAID + autoConfirmAfterMs);
        if (latenessMs > MINUTE_MS) {
          expect(dueMs).toBeGreaterThanOrEqual(receivedAtMs + Math.min(HOUR_MS, autoConfirmAfterMs));
        }
        expect(dueMs).toBeLessThanOrEqual(
          Math.max(PAID + autoConfirmAfterMs, receivedAtMs + Math.min(HOUR_MS, autoConfirmAfterMs)),
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('W5 the questions to a channel', () => {
  it('come 10, 30 and 60 s after the attempt, then in doubling gaps up to 10 minutes, without end', () => {
    const gaps = Array.from({ length: 10 }, (_, asked) => gapBeforeQuestion(asked) / 1_000);
    expect(gaps).toEqual([10, 20, 30, 60, 120, 240, 480, 600, 600, 600]);
    expect(gapBeforeQuestion(5_000)).toBe(600_000);
  });
});
