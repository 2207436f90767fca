/** What became of a seed: figures, and everything that is needed to understand one that failed. */
import type { ChildName } from '../e2e/stack.js';
import type { Violation } from '../support/verdict.js';
import type { Tally } from './client.js';
import type { Evidence } from './evidence.js';

export interface Verdict {
  /** Ms from the moment when the last victim had been started again until every order and workflow was at rest. */
  msToRest: number;
  /** As `msToRest`, from the last thing that a client did, where that came later. */
  msFromClients: number;
  /** As `msToRest`, until the provider, too, had nothing more to tell. */
  msToAgree: number;
  /** Operator items that are open at the end. */
  openItems: number;
  /** What is wrong; empty is well. */
  violations: Violation[];
  /** What is known of the orders that are wrong. */
  evidence: Evidence[];
}

export interface ChaosReport extends Verdict {
  seed: number;
  orders: number;
  /** From the same moment until the API said that all is ready. */
  msToReady: number;
  byJourney: Record<string, number>;
  byVictim: Partial<Record<ChildName, number>>;
  seconds: number;
  clients: Tally;
  /** Where the logs of a run that failed are. */
  logs: string | null;
}

export const killsOf = ({ byVictim }: ChaosReport): number =>
  Object.values(byVictim).reduce((sum, kills) => sum + kills, 0);

const COLUMNS: readonly [head: string, cell: (report: ChaosReport) => string | number][] = [
  ['seed', ({ seed }) => seed],
  ['orders', ({ orders }) => orders],
  ['kills', killsOf],
  ['seconds', ({ seconds }) => seconds],
  ['ready', ({ msToReady }) => `${msToReady} ms`],
  ['at rest', ({ msToRest }) => `${msToRest} ms`],
  ['from clients', ({ msFromClients }) => `${msFromClients} ms`],
  ['agreed', ({ msToAgree }) => `${msToAgree} ms`],
  ['retries', ({ clients }) => clients.unanswered + clients.later],
  ['500s', ({ clients }) => clients.internal.length],
  ['contradicted', ({ clients }) => clients.contradictions.length],
  ['items', ({ openItems }) => openItems],
  ['violations', ({ violations }) => violations.length],
];

export function tableOf(reports: readonly ChaosReport[]): string {
  const heads = COLUMNS.map(([head]) => head);
  const rows = [heads, ...reports.map((report) => COLUMNS.map(([, cell]) => String(cell(report))))];
  const widths = heads.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')).join('\n');
}

/** What is wrong, and the life of each order that it is about; every row of theirs is a file beside the logs. */
export function failureText({ seed, violations, evidence, logs }: ChaosReport): string {
  return [
    `seed ${seed} broke ${violations.length} promises; logs and evidence.json are in ${logs ?? 'no place'}`,
    ...violations.map(({ promise, about, what }) => `  ${promise} ${about}: ${what}`),
    ...evidence.flatMap(({ orderNo, timeline }) => [
      `  order ${orderNo}`,
      ...timeline.map((line) => `    ${line}`),
    ]),
  ].join('\n');
}
