import { sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type ErrorCode, HoldfastError } from '../domain/errors.js';
import type { Posting } from '../domain/postings.js';

export interface Posted {
  postingId: number;
  /** True when this key had already been posted: nothing moved now. */
  duplicate: boolean;
}

/** The conditions that ledger_post raises (migrations 0001, 0003 and 0011). */
const CONDITIONS: Readonly<Record<string, ErrorCode>> = {
  HF001: 'posting_conflict',
  HF002: 'state_conflict',
  HF003: 'insufficient_funds',
  HF006: 'order_not_found',
};

interface PostgresCondition {
  code: string;
  detail?: string;
}

function conditionOf(error: unknown): PostgresCondition | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && cause.code in CONDITIONS) {
      return cause as Error & PostgresCondition;
    }
  }
  return undefined;
}

/**
 * The only writer of money: one statement carries key, legs, the order's new state, the inbox row and the event.
 * Repeating a posting answers `duplicate` and moves nothing.
 * @throws HoldfastError `posting_conflict`: this key was posted with another content, such as a second payment
 * @throws HoldfastError `state_conflict`: the order is in another state, in `details.state`
 * @throws HoldfastError `insufficient_funds`
 */
export async function post(db: Db, posting: Posting): Promise<Posted> {
  const fingerprint = JSON.stringify([posting.kind, posting.orderNo, posting.identity ?? null, posting.legs]);
  const accounts = posting.legs.map((leg) => leg.account);
  const amounts = posting.legs.map((leg) => leg.amount);
  try {
    const [row] = await db.execute<{ posted: Posted }>(sql`
      SELECT ledger_post(
        ${posting.key}, ${posting.kind}, ${fingerprint}, ${posting.orderNo},
        ${sql.param(accounts)}::text[], ${sql.param(amounts)}::bigint[], 'CNY',
        ${json(posting.order)}::jsonb, ${posting.inboxId ?? null}::bigint, ${json(posting.event)}::jsonb,
        ${posting.supersedes ?? null}
      ) AS posted`);
    if (row === undefined) throw new Error('ledger_post answered no row');
    return row.posted;
  } catch (error) {
    const condition = conditionOf(error);
    const code = condition && CONDITIONS[condition.code];
    if (code === undefined) throw error;
    throw new HoldfastError(code, {
      cause: error,
      ...(code === 'insufficient_funds' && { message: tooLittle(posting) }),
      details:
        code === 'state_conflict'
          ? { state: condition?.detail ?? null }
          : { account: condition?.detail ?? null },
    });
  }
}

/** In the rule's own words: `spendable` is cash and earnings together. */
function tooLittle({ legs }: Posting): string {
  const [debit] = legs.filter(({ amount }) => amount < 0);
  return debit === undefined ? 'nothing is taken' : `${-debit.amount} fen are more than ${debit.account} has`;
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
