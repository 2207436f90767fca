import { describe, expect, it } from 'vitest';
import { type PaidPackage, packagePeriods } from './packages.js';

const DAY_MS = 86_400_000;

let ids = 0;
function bought(change: Partial<PaidPackage>): PaidPackage {
  ids += 1;
  return {
    id: ids,
    orderNo: `order${ids}`,
    packageId: 'A',
    type: 0,
    turn: 'buy',
    days: 10,
    paidAtMs: 0,
    ...change,
  };
}

/** From and to, in days. */
function spans(...paid: PaidPackage[]): [number, number][] {
  const periods = packagePeriods(paid);
  return paid.map(({ id }) => {
    const { fromMs = -1, toMs = -1 } = periods.get(id) ?? {};
    return [fromMs / DAY_MS, toMs / DAY_MS];
  });
}

describe('a package', () => {
  it('runs from its payment for its days of 86,400 s', () => {
    expect(spans(bought({ paidAtMs: 5 * DAY_MS }))).toEqual([[5, 15]]);
  });

  it('that is bought while it runs begins where it ends, so that no day is paid for twice', () => {
    expect(spans(bought({}), bought({ paidAtMs: 3 * DAY_MS }))).toEqual([
      [0, 10],
      [10, 20],
    ]);
  });

  it('of another name runs beside it', () => {
    expect(spans(bought({}), bought({ packageId: 'B', paidAtMs: 3 * DAY_MS }))).toEqual([
      [0, 10],
      [3, 13],
    ]);
  });
});

describe('a renewal', () => {
  it('runs from the present end', () => {
    expect(spans(bought({}), bought({ turn: 'renew', paidAtMs: 9 * DAY_MS }))[1]).toEqual([10, 20]);
  });

  it('of what has ended, or never was, runs from its payment', () => {
    expect(spans(bought({}), bought({ turn: 'renew', paidAtMs: 12 * DAY_MS }))[1]).toEqual([12, 22]);
    expect(spans(bought({ turn: 'renew' }))).toEqual([[0, 10]]);
  });

  it('by another package runs from the end of what runs of its type', () => {
    const other = bought({ packageId: 'B', turn: 'renew', paidAtMs: DAY_MS });
    expect(spans(bought({}), other)[1]).toEqual([10, 20]);
    expect(spans(bought({ type: 1 }), bought({ ...other, id: 99 }))[1]).toEqual([1, 11]);
  });
});

describe('an upgrade', () => {
  it('replaces at once what runs of its type, and what waits to run', () => {
    const renewal = bought({ turn: 'renew', paidAtMs: DAY_MS });
    const upgrade = bought({ packageId: 'B', turn: 'upgrade', paidAtMs: 4 * DAY_MS });
    expect(spans(bought({}), renewal, bought({ type: 1 }), upgrade)).toEqual([
      [0, 4],
      [4, 4],
      [0, 10],
      [4, 14],
    ]);
  });

  it('to two packages in one order keeps both', () => {
    const upgrade = { orderNo: 'both', turn: 'upgrade', paidAtMs: DAY_MS } as const;
    expect(
      spans(bought({}), bought({ ...upgrade, packageId: 'B' }), bought({ ...upgrade, packageId: 'C' })),
    ).toEqual([
      [0, 1],
      [1, 11],
      [1, 11],
    ]);
  });
});
