/** Rows of withdrawals, as several folders read them. */
import { and, desc, eq } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import type { WithdrawalEventType } from '../domain/withdrawals.js';
import type { Db } from './client.js';
import { accountEvents, withdrawals } from './schema.js';

export type WithdrawalRow = typeof withdrawals.$inferSelect;

/** @throws HoldfastError `withdrawal_not_found` */
export async function withdrawalById(db: Db, id: string): Promise<WithdrawalRow> {
  const [row] = await db.select().from(withdrawals).where(eq(withdrawals.id, id));
  if (row !== undefined) return row;
  throw new HoldfastError('withdrawal_not_found', {
    message: `there is no withdrawal ${id}`,
    details: { withdrawalId: id },
  });
}

/** A user's, the newest first. */
export function withdrawalsOf(
  db: Db,
  userId: string,
  page: { no: number; size: number },
): Promise<WithdrawalRow[]> {
  return db
    .select()
    .from(withdrawals)
    .where(eq(withdrawals.userId, userId))
    .orderBy(desc(withdrawals.seq))
    .limit(page.size)
    .offset((page.no - 1) * page.size);
}

/** The receiver may be shown it. */
const REMARK = '提现';

/** The payout as its provider needs it: the same on every call, so that whatever is asked with its number is paid once. */
export function payoutRequestOf(row: WithdrawalRow, publicUrl: string) {
  return {
    payoutNo: row.id,
    amountFen: fen(row.amount),
    currency: 'CNY' as const,
    account: { no: row.accountNo, name: row.accountName },
    remark: REMARK,
    notifyUrl: `${publicUrl}/webhooks/${row.channel}`,
  };
}

/** What merchants are told: neither whose account it is nor its name. */
export async function addAccountEvent(
  db: Db,
  type: WithdrawalEventType,
  { id, userId, amount, channel, status }: WithdrawalRow,
  told: { by: string; reason?: string },
): Promise<void> {
  const data = { withdrawalId: id, userId, amount, channel, status, ...told };
  await db.insert(accountEvents).values({ type, ref: id, userId, data });
}

/**
 * Somebody says that something became of a payout that we know to be paid: its provider is asked once more, by the
 * relay, whoever dies meanwhile. A payout that is still under way has a workflow that asks anyway.
 */
export async function askOnceMore(db: Db, withdrawalId: string): Promise<void> {
  await db
    .update(withdrawals)
    .set({ startDueAt: new Date(), startAttempts: 0 })
    .where(and(eq(withdrawals.id, withdrawalId), eq(withdrawals.status, 'paid')));
}
