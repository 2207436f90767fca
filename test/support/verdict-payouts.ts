/** What must hold between our withdrawals and what their providers paid out. */
import type postgres from 'postgres';
import type { Violation } from './verdict-run.js';

/** A payout as its provider knows it; the amount in fen. */
export interface ProviderPayout {
  channel: string;
  outPayoutNo: string;
  amount: number;
  status: string;
}

/** What a withdrawal may be while its provider says so. */
const AGREE: Readonly<Record<string, readonly string[]>> = {
  processing: ['submitted', 'awaiting_receiver'],
  awaiting_receiver: ['submitted', 'awaiting_receiver'],
  paid: ['paid'],
  failed: ['failed'],
  cancelled: ['failed'],
  bounced: ['bounced'],
};

/** Statuses in which the provider must have a payout. */
const MUST_BE_THERE = new Set(['paid', 'awaiting_receiver', 'bounced']);

/** M4 and M9: for a system at rest, since a payout that has just ended there is still asked about here. */
export async function payoutViolations(
  sql: postgres.Sql,
  payouts: readonly ProviderPayout[],
): Promise<Violation[]> {
  const rows = await sql<{ id: string; channel: string; amount: string; status: string }[]>`
    SELECT id, channel, amount, status FROM withdrawals`;
  const here = new Map(rows.map((row) => [`${row.channel}/${row.id}`, row]));
  const there = new Map(payouts.map((payout) => [`${payout.channel}/${payout.outPayoutNo}`, payout]));
  const faults = [...there].flatMap(([about, { status, amount }]) => {
    const row = here.get(about);
    if (row === undefined)
      return [{ promise: 'M4', about, what: `${status} there, and nothing here knows of it` }];
    const what = `${status} of ${amount} there, ${row.status} of ${row.amount} here`;
    const agrees = AGREE[status]?.includes(row.status) === true && Number(row.amount) === amount;
    return agrees ? [] : [{ promise: 'M9', about, what }];
  });
  const invented = [...here].flatMap(([about, { status }]) =>
    MUST_BE_THERE.has(status) && !there.has(about)
      ? [{ promise: 'M9', about, what: `${status} here, and the provider has no such payout` }]
      : [],
  );
  const twice =
    payouts.length === there.size ? [] : [{ promise: 'M9', about: 'payouts', what: 'one was paid twice' }];
  return [...faults, ...invented, ...twice];
}
