/** What the workflow of a membership that renews itself does. */
import { and, eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { addDays } from '../db/entitlements.js';
import { type RenewalRow, addRenewalEvent, lockRenewal } from '../db/memberships.js';
import { entitlements, membershipRenewals } from '../db/schema.js';
import { renewalPosting } from '../domain/action-postings.js';
import { HoldfastError } from '../domain/errors.js';
import { type RenewalStatus, nextRenewalTryAt, renewalDueAt } from '../domain/memberships.js';
import { amountFen } from '../domain/money.js';
import { post } from '../ledger/post.js';

export interface RenewalProgress {
  status: RenewalStatus;
  /** When the next try is due. Epoch ms. */
  dueAtMs: number;
}

export function createMembershipActivities(db: Db) {
  return {
    /**
     * Pays for the next term where it is due. The charge, the new end and the row are one transaction: run twice it
     * finds nothing due any more.
     * @param nowMs the workflow's clock
     */
    async renewMembership({
      renewalId,
      nowMs,
    }: {
      renewalId: string;
      nowMs: number;
    }): Promise<RenewalProgress> {
      const { row, isTried } = await db.transaction((tx) => tryIfDue(tx, renewalId, nowMs));
      if (isTried) crashPoint('renewal: committed');
      return { status: row.status, dueAtMs: row.dueAt.getTime() };
    },
  };
}

async function tryIfDue(
  tx: Db,
  renewalId: string,
  nowMs: number,
): Promise<{ row: RenewalRow; isTried: boolean }> {
  const row = await lockRenewal(tx, renewalId);
  if (row.status !== 'active' || row.dueAt.getTime() > nowMs) return { row, isTried: false };
  const tried = (await payForTerm(tx, row))
    ? await extend(tx, row, new Date(nowMs))
    : await tryAgain(tx, row, nowMs);
  crashPoint('renewal: before commit');
  return { row: tried, isTried: true };
}

/** @returns false when the payer has too little money: nothing has moved then */
async function payForTerm(tx: Db, { id, renewals, userId, amount, orderNo }: RenewalRow): Promise<boolean> {
  const term = { renewalId: id, term: renewals + 1, payerId: userId, amountFen: amountFen(amount), orderNo };
  try {
    // Within a savepoint: a refusal must not take the row's lock with it.
    await tx.transaction((savepoint) => post(savepoint, renewalPosting(term)));
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'insufficient_funds') throw error;
    return false;
  }
}

async function extend(tx: Db, row: RenewalRow, now: Date): Promise<RenewalRow> {
  const { userId, levelId, orderId, step, days } = row;
  const validTo = await addDays(tx, { userId, kind: 'membership', ref: levelId, orderId, step }, days, now);
  const renewed = await change(tx, row, {
    renewals: row.renewals + 1,
    failedTries: 0,
    dueAt: new Date(renewalDueAt(validTo.getTime())),
  });
  await addRenewalEvent(tx, 'membership.renewed', row, { validTo: validTo.toISOString() });
  return renewed;
}

async function tryAgain(tx: Db, row: RenewalRow, nowMs: number): Promise<RenewalRow> {
  const failedTries = row.failedTries + 1;
  const validTo = await endOf(tx, row);
  const error = { code: 'insufficient_funds', message: `the payer has less than ${row.amount} fen` };
  const nextTryMs = nextRenewalTryAt(validTo.getTime(), failedTries, nowMs);
  if (nextTryMs === null) {
    const lapsed = await change(tx, row, {
      failedTries,
      status: 'lapsed',
      endedAt: new Date(nowMs),
      endedBy: 'system',
      endReason: error.code,
      startDueAt: null,
    });
    await addRenewalEvent(tx, 'membership.renewal_ended', row, { validTo: validTo.toISOString(), error });
    return lapsed;
  }
  const dueAt = new Date(nextTryMs);
  const waiting = await change(tx, row, { failedTries, dueAt });
  const told = { validTo: validTo.toISOString(), nextTryAt: dueAt.toISOString(), error };
  await addRenewalEvent(tx, 'membership.renewal_failed', row, told);
  return waiting;
}

async function endOf(tx: Db, { userId, levelId }: RenewalRow): Promise<Date> {
  const [level] = await tx
    .select({ validTo: entitlements.validTo })
    .from(entitlements)
    .where(
      and(
        eq(entitlements.userId, userId),
        eq(entitlements.kind, 'membership'),
        eq(entitlements.ref, levelId),
      ),
    );
  const validTo = level?.validTo ?? null;
  if (validTo === null) throw new Error(`user ${userId} has no level ${levelId} to renew`);
  return validTo;
}

async function change(tx: Db, { id }: RenewalRow, to: Partial<RenewalRow>): Promise<RenewalRow> {
  const [changed] = await tx
    .update(membershipRenewals)
    .set(to)
    .where(eq(membershipRenewals.id, id))
    .returning();
  if (changed === undefined) throw new Error('a locked renewal vanished');
  return changed;
}
