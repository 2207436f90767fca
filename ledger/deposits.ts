import { and, eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type deposits, entries, postings } from '../db/schema.js';
import { depositReturnPosting } from '../domain/action-postings.js';
import { account } from '../domain/postings.js';
import { post } from './post.js';

/** What the deposit's own posting took from each bucket goes back there. */
export async function postDepositReturn(
  tx: Db,
  { id, userId, orderNo, step }: typeof deposits.$inferSelect,
): Promise<void> {
  const taken = await tx
    .select({ account: entries.account, amount: entries.amount })
    .from(entries)
    .innerJoin(postings, eq(postings.id, entries.postingId))
    .where(and(eq(postings.key, `${orderNo}:${step}`), eq(postings.kind, 'deposit')));
  const from = (bucket: string): number => 0 - (taken.find((entry) => entry.account === bucket)?.amount ?? 0);
  const parts = { cash: from(account.cash(userId)), withdrawable: from(account.withdrawable(userId)) };
  await post(tx, depositReturnPosting({ id, orderNo, payerId: userId, parts }));
}
