/** Rows of withdrawals, as everything that happens to their money locks, reads and writes them. */
import { eq, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { withdrawals } from '../db/schema.js';
import { type WithdrawalRow, withdrawalById } from '../db/withdrawals.js';
import { fen } from '../domain/money.js';
import type { Withdrawal } from '../domain/withdrawal-postings.js';
import { withdrawalMovesTo } from '../domain/withdrawals.js';

/**
 * A user's withdrawals stand in line: so that a day's limit cannot be passed by calls at once, and since asking locks
 * frozen before withdrawable, and giving back the other way round.
 */
export async function lockUser(tx: Db, userId: string): Promise<void> {
  await tx.execute(sql`SELECT 1 FROM users WHERE id = ${userId} FOR NO KEY UPDATE`);
}

/** @throws HoldfastError `withdrawal_not_found` */
export async function lockWithdrawal(tx: Db, withdrawalId: string): Promise<WithdrawalRow> {
  const { userId } = await withdrawalById(tx, withdrawalId);
  await lockUser(tx, userId);
  await tx.execute(sql`SELECT 1 FROM withdrawals WHERE id = ${withdrawalId} FOR UPDATE`);
  return withdrawalById(tx, withdrawalId);
}

/** @throws HoldfastError `state_conflict`: the status cannot go there */
export async function storeWithdrawal(
  tx: Db,
  row: WithdrawalRow,
  change: Partial<WithdrawalRow>,
): Promise<WithdrawalRow> {
  withdrawalMovesTo(row.status, change.status ?? row.status);
  const [stored] = await tx.update(withdrawals).set(change).where(eq(withdrawals.id, row.id)).returning();
  if (stored === undefined) throw new Error('a withdrawal vanished');
  return stored;
}

export function withdrawalOf({ id, userId, channel, amount }: WithdrawalRow): Withdrawal {
  return { id, userId, channel, amountFen: fen(amount) };
}
