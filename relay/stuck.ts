/** Orders that stand still, since somebody has ended their workflow by hand (promise T6). */
import type { Client } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { restartOrderWorkflow } from './order-workflow.js';

/** Some of those that another run of their workflow would move on; in no order, so that none waits behind others. */
export async function findStuck(db: Db, limit: number): Promise<string[]> {
  const rows = await db.execute<{ order_no: string }>(sql`
    SELECT order_no FROM stuck_orders
     WHERE why IN ('unpaid past its expiry', 'held past its release', 'its chain stands still')
     GROUP BY order_no ORDER BY random() LIMIT ${limit}`);
  return rows.map((row) => row.order_no);
}

/** Has no effect on an order whose workflow runs: that one only waits for something that takes long. */
export async function restart(db: Db, temporal: Client, orderNo: string): Promise<void> {
  await restartOrderWorkflow(db, temporal, orderNo);
}
