/** After the last kill: waits for rest, and then for the verdict over every order. */
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import type { Proof } from '../e2e/shop.js';
import type { Stack } from '../e2e/stack.js';
import { DEADLINE_MS, eventually } from '../e2e/wait.js';
import {
  type Violation,
  historyViolations,
  moneyViolations,
  providerViolations,
} from '../support/verdict.js';
import type { Tally } from './client.js';
import { evidenceOf } from './evidence.js';
import type { Verdict } from './report.js';
import { notAtRest, runningWorkflows } from './rest.js';
import type { Outcome } from './walk.js';

/** What the clients saw against what they were promised. */
async function clientViolations(sql: postgres.Sql, outcomes: readonly Outcome[]): Promise<Violation[]> {
  const rows = await sql<{ order_no: string; status: string; tag: string | null }[]>`
    SELECT order_no, status, metadata ->> 'tag' AS tag FROM orders ORDER BY seq`;
  const statuses = new Map(rows.map((row) => [row.order_no, row.status]));
  const faults = outcomes.flatMap(({ name, tag, fault }) =>
    fault === null
      ? []
      : [{ promise: 'T5', about: `${name} ${tag}`, what: `${fault.message}${causeOf(fault)}` }],
  );
  const rests = outcomes.flatMap(({ name, ended }) =>
    ended.flatMap(({ order, rests: wanted }) => {
      const status = statuses.get(order.orderNo) ?? 'nowhere';
      const what = `a ${name} order rests ${status}, not ${wanted.join(' or ')}`;
      return wanted.includes(status) ? [] : [{ promise: 'T5', about: order.orderNo, what }];
    }),
  );
  return [...faults, ...rests, ...madeTwice(rows)];
}

/** Each journey asks for one order, with one Idempotency-Key however often it has to ask. */
function madeTwice(rows: readonly { order_no: string; tag: string | null }[]): Violation[] {
  const byTag = new Map<string, string[]>();
  for (const { tag, order_no } of rows) {
    if (tag !== null) byTag.set(tag, [...(byTag.get(tag) ?? []), order_no]);
  }
  return [...byTag].flatMap(([tag, numbers]) => {
    const what = `${numbers.length} orders were made for one Idempotency-Key (${tag})`;
    return numbers.length > 1 ? [{ promise: 'wire 6', about: numbers.join(', '), what }] : [];
  });
}

const causeOf = ({ cause }: Error): string =>
  cause === undefined ? '' : ` (${cause instanceof Error ? cause.message : JSON.stringify(cause)})`;

/** Asks until nothing is said any more, or the time is over. @returns what is still said then */
async function untilQuiet<T>(ask: () => Promise<T[]>, withinMs: number): Promise<T[]> {
  let left: T[] = [];
  const quiet = eventually(
    'nothing is left',
    async () => {
      left = await ask();
      if (left.length > 0) throw new Error(`${left.length} are left`);
    },
    withinMs,
  );
  await quiet.catch((error: unknown) => {
    // Out of time is a finding like others; that the question itself failed is none.
    if (left.length === 0) throw error;
  });
  return left;
}

export interface Marks {
  /** When the last victim had been started again, by `performance.now()`. */
  restartedAt: number;
  /** When the last client had done what it wanted to do. */
  clientsDoneAt: number;
}

export async function judge(
  stack: Stack,
  outcomes: readonly Outcome[],
  { internal, contradictions }: Tally,
  marks: Marks,
): Promise<Verdict> {
  const sql = postgres(stack.runJson().postgres.url, { max: 4, onnotice: () => undefined });
  const connection = await eventually('Temporal answers', () =>
    Connection.connect({ address: stack.temporalAddress }),
  );
  const since = (mark: number): number => Math.round(performance.now() - mark);
  try {
    const temporal = new Client({ connection });
    const due = Math.max(marks.restartedAt, marks.clientsDoneAt) + DEADLINE_MS;
    const late = await untilQuiet(
      async () => [...(await notAtRest(sql)), ...(await runningWorkflows(sql, temporal))],
      due - performance.now(),
    );
    const [msToRest, msFromClients] = [since(marks.restartedAt), since(marks.clientsDoneAt)];
    // The provider repeats by its own schedule: what it has not told yet is no fault of ours.
    const disagreed = await untilQuiet(() => providerViolations(sql, stack.sandbox), 2 * DEADLINE_MS);
    const msToAgree = since(marks.restartedAt);
    const { body: proof } = await stack.api.get<Proof>('/v1/ledger/proof');
    const openItems = (await sql`SELECT 1 FROM operator_items WHERE status = 'open'`).length;
    const violations = [
      ...late.map((what) => ({ promise: 'T5', about: 'after 60 s', what })),
      ...(await clientViolations(sql, outcomes)),
      ...[...internal, ...contradictions].map((what) => ({ promise: 'wire 6', about: 'an answer', what })),
      ...(await moneyViolations(sql)),
      ...(await historyViolations(sql, temporal)),
      ...disagreed,
      ...(proof.balanced ? [] : [{ promise: 'M1', about: 'GET /v1/ledger/proof', what: 'is not balanced' }]),
    ];
    const evidence = await evidenceOf(sql, violations);
    return { msToRest, msFromClients, msToAgree, openItems, violations, evidence };
  } finally {
    await Promise.all([connection.close(), sql.end()]);
  }
}
