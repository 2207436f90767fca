/** What becomes of a withdrawal that was approved, as its provider says. Every one may run twice and counts once. */
import type { Db } from '../db/client.js';
import { openItem } from '../db/operator-items.js';
import { type WithdrawalRow, addAccountEvent } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { bouncePosting, paidPosting, returnPosting } from '../domain/withdrawal-postings.js';
import { RECEIVER_HAS_MS, isUnderWay } from '../domain/withdrawals.js';
import { post } from './post.js';
import { lockWithdrawal, storeWithdrawal, withdrawalOf } from './withdrawal-rows.js';

/** What has ended stays as it ended, whatever is told later (promise M7). */
function assertUnderWay({ status }: WithdrawalRow): void {
  if (isUnderWay(status)) return;
  throw new HoldfastError('state_conflict', {
    message: `the withdrawal is ${status}`,
    details: { withdrawal: status },
  });
}

/** It is about to be posted to its provider: from then on nobody knows that it was not, until the provider says so. */
export async function submitWithdrawal(db: Db, withdrawalId: string, nowMs: number): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    const submitted = { status: 'submitted', submittedAt: new Date(nowMs) } as const;
    const isFirst = row.status === 'approved';
    return storeWithdrawal(tx, row, { ...(isFirst && submitted), askedAt: new Date() });
  });
}

/** The provider knows of it. @param packageInfo where the receiver has to take it, what they take it with */
export async function acceptWithdrawal(
  db: Db,
  withdrawalId: string,
  { packageInfo, nowMs }: { packageInfo: string | null; nowMs: number },
): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    if (!isUnderWay(row.status)) return row;
    return storeWithdrawal(tx, row, {
      acceptedAt: row.acceptedAt ?? new Date(nowMs),
      error: null,
      ...(packageInfo !== null && {
        status: 'awaiting_receiver',
        packageInfo,
        // Counted from when we learnt of it: later than the provider's own end, so that it is never called back early.
        receiverUntil: row.receiverUntil ?? new Date(nowMs + RECEIVER_HAS_MS),
      }),
    });
  });
}

/** What the provider said that was no answer: shown, and its money stays where it is (promise M9). */
export async function noteTrouble(
  db: Db,
  withdrawalId: string,
  error: { code: string; message: string },
): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    return isUnderWay(row.status) ? storeWithdrawal(tx, row, { error }) : row;
  });
}

export interface PayoutDone {
  /** Null where it was not told before the payout came back. */
  providerPayoutNo: string | null;
  /** When the receiver had it, as the provider says. Epoch ms. */
  paidAtMs: number;
  /** When we learnt of it. Epoch ms. */
  nowMs: number;
}

/** The provider says that the receiver has it. @throws HoldfastError `state_conflict`: it has ended otherwise */
export async function settleWithdrawal(
  db: Db,
  withdrawalId: string,
  done: PayoutDone,
): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    // A repeat, and a "paid" that is later than the bank's "no".
    return row.status === 'paid' || row.status === 'bounced' ? row : settle(tx, row, done);
  });
}

async function settle(tx: Db, row: WithdrawalRow, done: PayoutDone): Promise<WithdrawalRow> {
  assertUnderWay(row);
  await post(tx, paidPosting(withdrawalOf(row)));
  const stored = await storeWithdrawal(tx, row, {
    status: 'paid',
    providerPayoutNo: done.providerPayoutNo,
    paidAt: new Date(done.paidAtMs),
    endedAt: new Date(done.nowMs),
    startDueAt: null,
    error: null,
  });
  await addAccountEvent(tx, 'withdrawal.paid', stored, { by: row.channel });
  return stored;
}

export interface PayoutTrouble {
  error: { code: string; message: string };
  /** When we learnt of it. Epoch ms. */
  nowMs: number;
}

/**
 * The provider says for certain that nobody was paid: the money is its owner's again, and a person is told.
 * @throws HoldfastError `state_conflict`: it has ended otherwise
 */
export async function failWithdrawal(
  db: Db,
  withdrawalId: string,
  { error, nowMs }: PayoutTrouble,
): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    if (row.status === 'failed') return row;
    assertUnderWay(row);
    await post(tx, returnPosting(withdrawalOf(row)));
    return cameBack(tx, row, 'failed', { error, nowMs });
  });
}

/**
 * The provider says that it came back after it was paid: the money is its owner's again, and a person is told. Where
 * we had not heard that it was paid, that is booked first.
 * @throws HoldfastError `state_conflict`: it has ended otherwise
 */
export async function bounceWithdrawal(
  db: Db,
  withdrawalId: string,
  { error, nowMs }: PayoutTrouble,
): Promise<WithdrawalRow> {
  return db.transaction(async (tx) => {
    const row = await lockWithdrawal(tx, withdrawalId);
    if (row.status === 'bounced') return row;
    const told = { providerPayoutNo: null, paidAtMs: nowMs, nowMs };
    const paid = row.status === 'paid' ? row : await settle(tx, row, told);
    await post(tx, bouncePosting(withdrawalOf(paid)));
    return cameBack(tx, paid, 'bounced', { error, nowMs });
  });
}

async function cameBack(
  tx: Db,
  row: WithdrawalRow,
  status: 'failed' | 'bounced',
  { error, nowMs }: PayoutTrouble,
): Promise<WithdrawalRow> {
  const stored = await storeWithdrawal(tx, row, {
    status,
    error,
    packageInfo: null,
    endedAt: new Date(nowMs),
    startDueAt: null,
  });
  const { id, userId, amount, channel } = row;
  await openItem(tx, {
    kind: 'failed_payout',
    ref: id,
    orderNo: null,
    details: { withdrawalId: id, userId, amount, channel, status, ...error },
  });
  await addAccountEvent(tx, `withdrawal.${status}`, stored, { by: channel, reason: error.message });
  return stored;
}
