/** Rows of memberships that renew themselves, as several folders read and write them. */
import { randomBytes } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import { type RenewalEventType, renewalDueAt } from '../domain/memberships.js';
import type { Db } from './client.js';
import { accountEvents, membershipRenewals } from './schema.js';

export type RenewalRow = typeof membershipRenewals.$inferSelect;

/** @throws HoldfastError `not_found` */
export async function renewalById(db: Db, id: string): Promise<RenewalRow> {
  const [row] = await db.select().from(membershipRenewals).where(eq(membershipRenewals.id, id));
  return row ?? notThere(id);
}

/** Its row stays locked until the transaction ends. @throws HoldfastError `not_found` */
export async function lockRenewal(tx: Db, id: string): Promise<RenewalRow> {
  const [row] = await tx.select().from(membershipRenewals).where(eq(membershipRenewals.id, id)).for('update');
  return row ?? notThere(id);
}

function notThere(id: string): never {
  throw new HoldfastError('not_found', { message: `there is no membership renewal ${id}` });
}

const activeOf = (userId: string, levelId: string) =>
  and(
    eq(membershipRenewals.userId, userId),
    eq(membershipRenewals.levelId, levelId),
    eq(membershipRenewals.status, 'active'),
  );

/** For who is about to move the level's end: a renewal takes this row before any money, and so does a purchase. */
export async function lockActiveRenewal(tx: Db, userId: string, levelId: string): Promise<void> {
  await tx
    .select({ id: membershipRenewals.id })
    .from(membershipRenewals)
    .where(activeOf(userId, levelId))
    .for('update');
}

/** What is paid for again and again, and the step that asked for it. */
export type RenewalTerms = Pick<
  RenewalRow,
  'userId' | 'levelId' | 'priceId' | 'amount' | 'days' | 'orderId' | 'orderNo' | 'step'
>;

/** One renewal a level: one that is there already goes on by the new terms. */
export async function renewFromNowOn(tx: Db, terms: RenewalTerms, validTo: Date): Promise<void> {
  const dueAt = new Date(renewalDueAt(validTo.getTime()));
  await tx
    .insert(membershipRenewals)
    .values({ ...terms, id: randomBytes(12).toString('hex'), dueAt })
    .onConflictDoUpdate({
      target: [membershipRenewals.userId, membershipRenewals.levelId],
      targetWhere: sql`status = 'active'`,
      set: { ...terms, dueAt, failedTries: 0 },
    });
}

/** A level that was bought by hand meanwhile is renewed before its new end. */
export async function putRenewalOff(tx: Db, userId: string, levelId: string, validTo: Date): Promise<void> {
  await tx
    .update(membershipRenewals)
    .set({ dueAt: new Date(renewalDueAt(validTo.getTime())), failedTries: 0 })
    .where(activeOf(userId, levelId));
}

/** What merchants are told: the renewal as it stands, and this beside it. Moments are ISO texts. */
export async function addRenewalEvent(
  tx: Db,
  type: RenewalEventType,
  { id, userId }: Pick<RenewalRow, 'id' | 'userId'>,
  told: { validTo?: string; nextTryAt?: string; error?: { code: string; message: string } },
): Promise<void> {
  await tx.insert(accountEvents).values({ type, ref: id, userId, data: told });
}
