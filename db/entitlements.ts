/** Rows of what payers were given, as several folders write them. */
import { sql } from 'drizzle-orm';
import type { EntitlementKind } from '../domain/entitlements.js';
import type { Db } from './client.js';
import { entitlements } from './schema.js';

/** Whose it is, what it is of, and the order and the step that give it. */
export interface Grant {
  userId: string;
  kind: Exclude<EntitlementKind, 'coupon'>;
  ref: string;
  orderId: string;
  step: string;
}

/** Of everything but coupons a user has one row. */
export const ONE_ENTITLEMENT = [entitlements.userId, entitlements.kind, entitlements.ref];
export const NOT_COUPON = sql`kind <> 'coupon'`;

const DAY_MS = 86_400_000;

/** Counted from its end where it still runs. @returns until when it is valid */
export async function addDays(db: Db, row: Grant, days: number, now: Date): Promise<Date> {
  const lengthMs = days * DAY_MS;
  const [granted] = await db
    .insert(entitlements)
    .values({ ...row, validFrom: now, validTo: new Date(now.getTime() + lengthMs) })
    .onConflictDoUpdate({
      target: ONE_ENTITLEMENT,
      targetWhere: NOT_COUPON,
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
