/** What waits, and for how long: the figures by which operators see that something stands still (promise T6). */
import { sql } from 'drizzle-orm';
import type { Db } from './client.js';

export interface Backlog {
  what: 'stuck_orders' | 'inbox' | 'outbox' | 'operator_items';
  /** Why orders are stuck, or the kind of operator item; empty elsewhere. */
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
      SELECT 'inbox', '', received_at FROM inbox WHERE state = 'pending'
      UNION ALL
      SELECT 'outbox', '', created_at FROM outbox WHERE done_at IS NULL
      UNION ALL
      SELECT 'operator_items', kind, created_at FROM operator_items WHERE status = 'open')
    SELECT what, kind, count(*) AS n, extract(epoch FROM now() - min(since)) AS oldest
      FROM waiting GROUP BY what, kind`);
  return rows.map(({ what, kind, n, oldest }) => ({
    what,
    kind,
    count: Number(n),
    oldestSeconds: Math.max(0, Number(oldest ?? 0)),
  }));
}
