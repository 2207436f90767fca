/** How a withdrawal is asked for and decided, each in one transaction with its money. Every one may run twice. */
import { and, eq, gte, notInArray, sum } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { withdrawals } from '../db/schema.js';
import { type WithdrawalRow, addAccountEvent } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fen } from '../domain/money.js';
import type { ProviderChannel } from '../domain/order.js';
import { requestPosting, returnPosting } from '../domain/withdrawal-postings.js';
import {
  type WithdrawalLimits,
  approvalsNeeded,
  assertWithinLimits,
  chinaDayStartMs,
} from '../domain/withdrawals.js';
import { walletOf } from './balances.js';
import { post } from './post.js';
import { lockUser, lockWithdrawal, storeWithdrawal, withdrawalOf } from './withdrawal-rows.js';

/** The inline start after the commit has this long before the relay takes the row up. */
const INLINE_START_MS = 10_000;

export interface WithdrawalWish {
  withdrawalId: string;
  userId: string;
  /** Null: all that can be withdrawn. */
  amountFen: Fen | null;
  account: { channel: ProviderChannel; no: string; name: string };
  limits: WithdrawalLimits;
  by: string;
  /** Epoch ms. */
  nowMs: number;
}

/**
 * Takes the money out of withdrawable. At or below `autoApprove` it is approved at once, and its workflow is due.
 * @throws HoldfastError `withdrawal_limit`, `insufficient_funds`
 */
export async function requestWithdrawal(db: Db, wish: WithdrawalWish): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    await lockUser(tx, wish.userId);
    const [earlier] = await tx.select().from(withdrawals).where(eq(withdrawals.id, wish.withdrawalId));
    const row = earlier ?? (await open(tx, wish));
    crashPoint('withdrawal: before commit');
    return row;
  });
}

async function open(tx: Db, wish: WithdrawalWish): Promise<WithdrawalRow> {
  const { userId, account, limits, by, nowMs } = wish;
  const amountFen = wish.amountFen ?? (await walletOf(tx, userId)).withdrawable;
  if (amountFen === 0) throw new HoldfastError('insufficient_funds', { message: 'nothing can be withdrawn' });
  assertWithinLimits(amountFen, await askedSince(tx, userId, chinaDayStartMs(nowMs)), limits);
  const needed = approvalsNeeded(amountFen, limits);
  const [row] = await tx
    .insert(withdrawals)
    .values({
      id: wish.withdrawalId,
      userId,
      amount: amountFen,
      channel: account.channel,
      accountNo: account.no,
      accountName: account.name,
      status: 'requested',
      requestedBy: by,
      approvalsNeeded: needed,
      createdAt: new Date(nowMs),
    })
    .returning();
  if (row === undefined) throw new Error('an insert answered no row');
  await post(tx, requestPosting(withdrawalOf(row)));
  await addAccountEvent(tx, 'withdrawal.requested', row, { by });
  if (needed > 0) return row;
  return approved(tx, row, { by: 'system', reason: 'below the limit of approval', nowMs });
}

/** What a user has asked for since then and has not come back. */
async function askedSince(tx: Db, userId: string, sinceMs: number): Promise<Fen> {
  const [row] = await tx
    .select({ fen: sum(withdrawals.amount) })
    .from(withdrawals)
    .where(
      and(
        eq(withdrawals.userId, userId),
        gte(withdrawals.createdAt, new Date(sinceMs)),
        notInArray(withdrawals.status, ['rejected', 'failed', 'bounced']),
      ),
    );
  return fen(Number(row?.fen ?? 0));
}

export interface Decision {
  by: string;
  reason: string;
  /** Epoch ms. */
  nowMs: number;
}

const decidedBy = ({ by, reason, nowMs }: Decision): Partial<WithdrawalRow> => ({
  decidedBy: by,
  decision: reason,
  decidedAt: new Date(nowMs),
});

/** Approved: from then on it is sent to its provider by its workflow, which the relay starts. */
async function approved(tx: Db, row: WithdrawalRow, decision: Decision): Promise<WithdrawalRow> {
  const stored = await storeWithdrawal(tx, row, {
    status: 'approved',
    ...decidedBy(decision),
    startDueAt: new Date(Date.now() + INLINE_START_MS),
  });
  const { by, reason } = decision;
  await addAccountEvent(tx, 'withdrawal.approved', stored, { by, reason });
  return stored;
}

/**
 * One operator's word. With the last one that is needed it is approved; a repeat after that answers the same.
 * @throws HoldfastError `withdrawal_decided`: it was rejected; `another_operator_needed`: the approver has approved
 *   before, or is its owner
 */
export async function approveWithdrawal(
  db: Db,
  withdrawalId: string,
  decision: Decision,
): Promise<WithdrawalRow> {
  const { by } = decision;
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    if (row.status === 'rejected') throw decidedBefore(row);
    if (row.status !== 'requested') return row;
    if (by === `user:${row.userId}`)
      throw anotherOperator('own', 'nobody approves a withdrawal of their own');
    if (row.approvedBy.includes(by)) throw anotherOperator('approved_before', 'you have approved it before');
    const approvedBy = [...row.approvedBy, by];
    const said = await storeWithdrawal(tx, row, { approvedBy, ...decidedBy(decision) });
    return approvedBy.length < row.approvalsNeeded ? said : approved(tx, said, decision);
  });
}

function anotherOperator(reason: string, message: string): HoldfastError {
  return new HoldfastError('another_operator_needed', { message, details: { reason } });
}

function decidedBefore({ status }: WithdrawalRow): HoldfastError {
  return new HoldfastError('withdrawal_decided', {
    message: `the withdrawal is ${status}`,
    details: { withdrawal: status },
  });
}

/** The money is its owner's again. @throws HoldfastError `withdrawal_decided`: it was approved before */
export async function rejectWithdrawal(
  db: Db,
  withdrawalId: string,
  decision: Decision,
): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    if (row.status === 'rejected') return row;
    if (row.status !== 'requested') throw decidedBefore(row);
    await post(tx, returnPosting(withdrawalOf(row)));
    const stored = await storeWithdrawal(tx, row, {
      status: 'rejected',
      ...decidedBy(decision),
      endedAt: new Date(decision.nowMs),
    });
    const { by, reason } = decision;
    await addAccountEvent(tx, 'withdrawal.rejected', stored, { by, reason });
    return stored;
  });
}
