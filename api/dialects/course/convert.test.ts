import { describe, expect, it } from 'vitest';
import { TIME_SPANS, spanOf } from './convert.js';

const iso = (at: Date | undefined): string | undefined => at?.toISOString();

describe('a span of days', () => {
  // In China it is the 30th already.
  const now = Date.parse('2026-11-29T16:00:00Z');

  it.each<[(typeof TIME_SPANS)[number], string | undefined, string | undefined]>([
    [0, '2026-11-29T16:00:00.000Z', undefined],
    [1, '2026-11-28T16:00:00.000Z', '2026-11-29T16:00:00.000Z'],
    [-7, '2026-11-23T16:00:00.000Z', undefined],
    [-30, '2026-10-31T16:00:00.000Z', undefined],
    [30, undefined, '2026-10-31T16:00:00.000Z'],
  ])('of %s begins and ends at midnight in UTC+8', (word, from, before) => {
    const span = spanOf(word, now);
    expect([iso(span.from), iso(span.before)]).toEqual([from, before]);
  });

  it('is the day before until the last moment of it', () => {
    expect(iso(spanOf(0, now - 1).from)).toBe('2026-11-28T16:00:00.000Z');
  });
});
