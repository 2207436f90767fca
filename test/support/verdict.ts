/**
 * Whether the promises hold, over every order there is. Each check recomputes from the rows, the histories and what
 * the provider knows: none calls the product's own code, which could be wrong in the same way.
 */
import type postgres from 'postgres';
import { HISTORY_CHECKS } from './verdict-history.js';
import { LEDGER_CHECKS } from './verdict-ledger.js';
import { ORDER_CHECKS } from './verdict-orders.js';
import { REFUND_CHECKS } from './verdict-refunds.js';
import { type Violation, runChecks } from './verdict-run.js';
import { WITHDRAWAL_CHECKS } from './verdict-withdrawals.js';

export { historyViolations } from './verdict-history.js';
export { providerViolations } from './verdict-provider.js';
export type { Violation } from './verdict-run.js';

/**
 * M1 to M8 and T6 from SQL alone, in one snapshot: on any database, at any moment.
 * @param sql a connection of any role that may read
 */
export function moneyViolations(sql: postgres.Sql): Promise<Violation[]> {
  return runChecks(sql, [...LEDGER_CHECKS, ...ORDER_CHECKS, ...REFUND_CHECKS, ...WITHDRAWAL_CHECKS]);
}

/** One line per violation, for a failing test's message. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations.map(({ promise, about, what }) => `${promise} ${about}: ${what}`).join('\n');
}

/** How many different checks there are in SQL: a test plants a fault for each. */
export const SQL_CHECKS = [
  ...LEDGER_CHECKS,
  ...ORDER_CHECKS,
  ...REFUND_CHECKS,
  ...WITHDRAWAL_CHECKS,
  ...HISTORY_CHECKS,
];
