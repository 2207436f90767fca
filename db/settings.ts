import { eq, sql } from 'drizzle-orm';
import type { Db } from './client.js';
import { settings } from './schema.js';

/** `fee.platformBps`, fixed when an order is made: a later change of the setting touches no order that exists. */
export async function platformFeeBps(db: Db): Promise<number> {
  const [row] = await db.select().from(settings).where(eq(settings.key, 'fee.platformBps'));
  return Number(row?.value ?? 0);
}

/** All parameters whose names begin with these words and a dot, by the rest of their names. */
export async function settingsUnder(db: Db, words: string): Promise<Readonly<Record<string, unknown>>> {
  const rows = await db
    .select()
    .from(settings)
    .where(sql`starts_with(${settings.key}, ${`${words}.`})`);
  return Object.fromEntries(rows.map(({ key, value }) => [key.slice(words.length + 1), value]));
}
