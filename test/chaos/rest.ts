/** When everything has come to rest after the last kill; and if it does not, what holds it up. */
import type { Client } from '@temporalio/client';
import type postgres from 'postgres';

/**
 * Orders of which no client was ever told: made by a first try whose answer got lost, and then again by the next
 * one. They expire by themselves, a day later; the verdict names them, and the wait for rest leaves them out.
 */
const FORGOTTEN = `
  SELECT a.order_no FROM orders a JOIN orders b ON b.metadata ->> 'tag' = a.metadata ->> 'tag' AND b.seq > a.seq
   WHERE a.money = 'unpaid'`;

/** Whatever is not at rest, one line each: empty is well. */
export async function notAtRest(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ what: string }[]>`
    SELECT 'order ' || order_no || ' is ' || status || ' (money ' || money || ', chain ' || chain || ')' AS what
      FROM orders
     WHERE order_no NOT IN (${sql.unsafe(FORGOTTEN)})
       AND NOT (money = 'closed' OR (money = 'released' AND chain IN ('none', 'done') AND NOT refund_open))
    UNION ALL SELECT 'inbox ' || id || ' is pending after ' || attempts || ' tries: ' || COALESCE(last_error, '')
      FROM inbox WHERE state = 'pending'
    UNION ALL SELECT 'the workflow of ' || order_no || ' is not started' FROM outbox WHERE done_at IS NULL
    UNION ALL SELECT 'refund ' || id || ' is ' || status FROM refunds WHERE status IN ('requested', 'processing')
    UNION ALL SELECT 'withdrawal ' || id || ' is ' || status FROM withdrawals
     WHERE status NOT IN ('paid', 'failed', 'rejected', 'bounced') OR (status = 'paid' AND start_due_at IS NOT NULL)`;
  return rows.map(({ what }) => what);
}

export async function runningWorkflows(sql: postgres.Sql, temporal: Client): Promise<string[]> {
  const rows = await sql.unsafe<{ order_no: string }[]>(FORGOTTEN);
  const forgotten = new Set(rows.map((row) => `order/${row.order_no}`));
  const running: string[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
    if (!forgotten.has(workflowId)) running.push(`workflow ${workflowId} runs`);
  }
  return running;
}
