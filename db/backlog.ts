/** What waits, and for how long: the figures by which operators see that something stands still (promise T6). */
import { sql } from 'drizzle-orm';
import type { Db } from './client.js';

export interface Backlog {
  what:
    | 'stuck_orders'
    | 'stuck_withdrawals'
    | 'inbox'
    | 'outbox'
    | 'webhook_deliveries'
    | 'operator_items'
    | 'parked_orders'
    | 'renewals'
    | 'differences'
    | 'reconciled';
  /** Why orders or withdrawals are stuck, the kind of item, the action that is parked, the type of difference, the channel; empty elsewhere. */
  kind: string;
  count: number;
  /** Age of the oldest, in seconds. */
  oldestSeconds: number;
}

/** Each part has an index over what it counts alone, so it costs little however much has been done. */
export async function readBacklog(db: Db): Promise<Backlog[]> {
  const rows = await db.execute<{
    what: Backlog['what'];
    kind: string;
    n: string;
    oldest: string | null;
  }>(sql`
    WITH waiting AS (
      SELECT 'stuck_orders' AS what, why AS kind, since FROM stuck_orders
      UNION ALL
      SELECT 'stuck_withdrawals', why, since FROM stuck_withdrawals
      UNION ALL
      SELECT 'inbox', '', received_at FROM inbox WHERE state = 'pending'
      UNION ALL
      SELECT 'outbox', '', created_at FROM outbox WHERE done_at IS NULL
      UNION ALL
      -- Past its turn, not on its way to one: those of an endpoint that is away wait for hours.
      SELECT 'webhook_deliveries', '', due_at FROM webhook_deliveries
       WHERE status = 'pending' AND due_at < now() AND (leased_until IS NULL OR leased_until < now())
      UNION ALL
      SELECT 'operator_items', kind, created_at FROM operator_items WHERE status = 'open'
      UNION ALL
      SELECT 'parked_orders', name, tried_at FROM action_steps WHERE status = 'parked'
      UNION ALL
      SELECT 'renewals', '', due_at FROM membership_renewals WHERE status = 'active' AND due_at < now()
      UNION ALL
      SELECT 'differences', type, created_at FROM reconciliation_differences WHERE status = 'open'
      UNION ALL
      -- The end, in China, of the last day that was compared; where none was, the beginning of the first one asked for.
      SELECT 'reconciled', channel, (COALESCE(
               (max(date) FILTER (WHERE compared_at IS NOT NULL))::date + 1, min(date)::date))::timestamp
               AT TIME ZONE 'Asia/Shanghai'
        FROM reconciliations GROUP BY channel)
    SELECT what, kind, count(*) AS n, extract(epoch FROM now() - min(since)) AS oldest
      FROM waiting GROUP BY what, kind`);
  return rows.map(({ what, kind, n, oldest }) => ({
    what,
    kind,
    count: Number(n),
    oldestSeconds: Math.max(0, Number(oldest ?? 0)),
  }));
}
