/** Packages that run for days: who bought what, and from when to when it runs. */

/** 0 a card's package, 1 a package of messages: what replaces what is decided within one of them. */
export type PackageType = 0 | 1;

/** `buy` begins now, `renew` after what runs, `upgrade` now and in the place of what runs. */
export type PackageTurn = 'buy' | 'upgrade' | 'renew';

/** A package that was paid for. */
export interface PaidPackage {
  id: number;
  orderNo: string;
  packageId: string;
  type: PackageType;
  turn: PackageTurn;
  days: number;
  paidAtMs: number;
}

/** Epoch ms. */
export interface Period {
  fromMs: number;
  toMs: number;
}

const DAY_MS = 86_400_000;

/**
 * When each package of one user runs, by its id. What is bought while the same package runs begins where that ends:
 * nobody pays twice for a day. A renewal of another package begins where the last of its type ends.
 * @param paid in the order in which their payments came to be known, so that a later one never moves an earlier
 */
export function packagePeriods(paid: readonly PaidPackage[]): ReadonlyMap<number, Period> {
  const periods = new Map<number, Period>();
  const standing: { one: PaidPackage; period: Period }[] = [];
  for (const one of paid) {
    const running = standing.filter(
      ({ one: other, period }) =>
        other.type === one.type && other.orderNo !== one.orderNo && period.toMs > one.paidAtMs,
    );
    const period = periodOf(one, running);
    periods.set(one.id, period);
    standing.push({ one, period });
  }
  return periods;
}

function periodOf(one: PaidPackage, running: readonly { one: PaidPackage; period: Period }[]): Period {
  if (one.turn === 'upgrade') {
    for (const { period } of running) {
      period.fromMs = Math.min(period.fromMs, one.paidAtMs);
      period.toMs = one.paidAtMs;
    }
    return periodFrom(one.paidAtMs, one.days);
  }
  const same = running.filter(({ one: other }) => other.packageId === one.packageId);
  const before = same.length === 0 && one.turn === 'renew' ? running : same;
  return periodFrom(Math.max(one.paidAtMs, ...before.map(({ period }) => period.toMs)), one.days);
}

const periodFrom = (fromMs: number, days: number): Period => ({ fromMs, toMs: fromMs + days * DAY_MS });
