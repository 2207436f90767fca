/** What an action gives its payer: written in the transaction that charges for it. */
import { sql } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { type Grant, NOT_COUPON, ONE_ENTITLEMENT, addDays } from '../../db/entitlements.js';
import { entitlements } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import type { Step } from './step.js';

type Given = Pick<Grant, 'kind' | 'ref'>;

const rowOf = ({ order, input }: Step, given: Given): Grant => ({
  ...given,
  userId: order.buyerId,
  orderId: order.id,
  step: input.path,
});

/** Who has it already keeps it: another purchase of the same content opens nothing more. */
export async function grant(tx: Db, step: Step, what: Given): Promise<void> {
  await tx
    .insert(entitlements)
    .values(rowOf(step, what))
    .onConflictDoNothing({ target: ONE_ENTITLEMENT, where: NOT_COUPON });
}

/** What can be had once only. @throws HoldfastError `already_granted` */
export async function grantOnce(tx: Db, step: Step, what: Given): Promise<void> {
  const added = await tx
    .insert(entitlements)
    .values(rowOf(step, what))
    .onConflictDoNothing({ target: ONE_ENTITLEMENT, where: NOT_COUPON })
    .returning({ id: entitlements.id });
  if (added.length > 0) return;
  throw new HoldfastError('already_granted', {
    message: `the payer has ${what.kind} ${what.ref} already`,
    details: { kind: what.kind, ref: what.ref },
  });
}

/** Counted from its end where it still runs. @returns until when it is valid */
export function grantDays(tx: Db, step: Step, what: Given, days: number): Promise<Date> {
  return addDays(tx, rowOf(step, what), days, new Date());
}

export async function grantMore(tx: Db, step: Step, what: Given, quantity: number): Promise<void> {
  const row = rowOf(step, what);
  await tx
    .insert(entitlements)
    .values({ ...row, quantity })
    .onConflictDoUpdate({
      target: ONE_ENTITLEMENT,
      targetWhere: NOT_COUPON,
      set: {
        quantity: sql`${entitlements.quantity} + excluded.quantity`,
        orderId: row.orderId,
        step: row.step,
      },
    });
}
