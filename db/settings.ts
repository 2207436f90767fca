import { eq } from 'drizzle-orm';
import type { Db } from './client.js';
import { settings } from './schema.js';

/** `fee.platformBps`, fixed when an order is made: a later change of the setting touches no order that exists. */
export async function platformFeeBps(db: Db): Promise<number> {
  const [row] = await db.select().from(settings).where(eq(settings.key, 'fee.platformBps'));
  return Number(row?.value ?? 0);
}
