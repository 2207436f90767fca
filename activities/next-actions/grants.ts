/** What an action gives its payer: written in the transaction that charges for it. */
import { sql } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { entitlements } from '../../db/schema.js';
import type { EntitlementKind } from '../../domain/entitlements.js';
import { HoldfastError } from '../../domain/errors.js';
import type { Step } from './step.js';

interface Grant {
  kind: Exclude<EntitlementKind, 'coupon'>;
  ref: string;
}

const DAY_MS = 86_400_000;
const one = [entitlements.userId, entitlements.kind, entitlements.ref];
const notCoupon = sql`kind <> 'coupon'`;

const rowOf = ({ order, input }: Step, grant: Grant) => ({
  ...grant,
  userId: order.buyerId,
  orderId: order.id,
  step: input.path,
});

/** Who has it already keeps it: another purchase of the same content opens nothing more. */
export async function grant(tx: Db, step: Step, what: Grant): Promise<void> {
  await tx
    .insert(entitlements)
    .values(rowOf(step, what))
    .onConflictDoNothing({ target: one, where: notCoupon });
}

/** What can be had once only. @throws HoldfastError `already_granted` */
export async function grantOnce(tx: Db, step: Step, what: Grant): Promise<void> {
  const added = await tx
    .insert(entitlements)
    .values(rowOf(step, what))
    .onConflictDoNothing({ target: one, where: notCoupon })
    .returning({ id: entitlements.id });
  if (added.length > 0) return;
  throw new HoldfastError('already_granted', {
    message: `the payer has ${what.kind} ${what.ref} already`,
    details: { kind: what.kind, ref: what.ref },
  });
}

/** Counted from its end where it still runs. @returns until when it is valid */
export async function grantDays(tx: Db, step: Step, what: Grant, days: number): Promise<Date> {
  const now = new Date();
  const lengthMs = days * DAY_MS;
  const row = rowOf(step, what);
  const [granted] = await tx
    .insert(entitlements)
    .values({ ...row, validFrom: now, validTo: new Date(now.getTime() + lengthMs) })
    .onConflictDoUpdate({
      target: one,
      targetWhere: notCoupon,
      set: {
        validTo: sql`GREATEST(${entitlements.validTo}, excluded.valid_from) + ${lengthMs} * interval '1 millisecond'`,
        // A new span begins where the last one had ended.
        validFrom: sql`CASE WHEN ${entitlements.validTo} < excluded.valid_from
          THEN excluded.valid_from ELSE ${entitlements.validFrom} END`,
        orderId: row.orderId,
        step: row.step,
      },
    })
    .returning({ validTo: entitlements.validTo });
  const validTo = granted?.validTo ?? null;
  if (validTo === null) throw new Error('an upsert answered no row');
  return validTo;
}

export async function grantMore(tx: Db, step: Step, what: Grant, quantity: number): Promise<void> {
  const row = rowOf(step, what);
  await tx
    .insert(entitlements)
    .values({ ...row, quantity })
    .onConflictDoUpdate({
      target: one,
      targetWhere: notCoupon,
      set: {
        quantity: sql`${entitlements.quantity} + excluded.quantity`,
        orderId: row.orderId,
        step: row.step,
      },
    });
}
