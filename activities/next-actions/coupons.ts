/** Coupons: claimed from a rule, spent on one thing each. */
import { and, count, eq, sum } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { couponUses, entitlements } from '../../db/schema.js';
import type { PayableCollection, ThingOf } from '../../domain/catalog.js';
import { HoldfastError } from '../../domain/errors.js';
import { type Fen, fen } from '../../domain/money.js';
import type { Step } from './step.js';
import { type Thing, assertOwner, missingThing } from './things.js';

type CouponRule = ThingOf<'coupon-rules'>;
type Terms = Pick<CouponRule, 'amountOff' | 'minSpend'>;

const claimed = (ruleId: string) => and(eq(entitlements.kind, 'coupon'), eq(entitlements.ref, ruleId));

/**
 * One more coupon of this rule, whose row the caller has locked: so claims of it stand in line.
 * @throws HoldfastError `sold_out`, `already_granted`
 */
export async function issueCoupon(
  tx: Db,
  { order, input }: Step,
  { id, body }: Thing<'coupon-rules'>,
): Promise<void> {
  const details = { collection: 'coupon-rules', id };
  const [all] = await tx.select({ taken: count() }).from(entitlements).where(claimed(id));
  if ((all?.taken ?? 0) >= body.stock) {
    throw new HoldfastError('sold_out', { message: `there is no coupon left of rule ${id}`, details });
  }
  const [own] = await tx
    .select({ taken: count() })
    .from(entitlements)
    .where(and(claimed(id), eq(entitlements.userId, order.buyerId)));
  if ((own?.taken ?? 0) >= body.perUser) {
    throw new HoldfastError('already_granted', {
      message: `the payer has all ${body.perUser} coupons of rule ${id} that one may have`,
      details,
    });
  }
  const { amountOff, minSpend } = body;
  await tx.insert(entitlements).values({
    userId: order.buyerId,
    kind: 'coupon',
    ref: id,
    orderId: order.id,
    step: input.path,
    terms: { amountOff, minSpend } satisfies Terms,
  });
}

interface Priced {
  collection: PayableCollection;
  id: string;
  body: { amount: number };
}

/**
 * Spends a coupon on a thing; goes into the transaction of its step.
 * @throws HoldfastError `missing_thing`, `not_owner`, `coupon_not_usable`
 */
export async function spendCoupon(
  tx: Db,
  { order, input }: Step,
  couponId: string,
  thing: Priced,
): Promise<void> {
  const [coupon] = await tx
    .select()
    .from(entitlements)
    .where(and(eq(entitlements.id, Number(couponId)), eq(entitlements.kind, 'coupon')))
    .for('update');
  if (coupon === undefined) throw missingThing('coupons', couponId);
  assertOwner({ collection: 'coupons', id: couponId }, coupon.userId, order.buyerId);
  const { amountOff, minSpend } = coupon.terms as unknown as Terms;
  const refuse = (why: string): never => {
    throw new HoldfastError('coupon_not_usable', {
      message: `coupon ${couponId} ${why}`,
      details: { collection: 'coupons', id: couponId },
    });
  };
  if (coupon.quantity === 0) refuse('is used');
  if (thing.body.amount < minSpend) refuse(`is for ${minSpend} fen or more`);
  await tx.update(entitlements).set({ quantity: 0 }).where(eq(entitlements.id, coupon.id));
  await tx.insert(couponUses).values({
    couponId: coupon.id,
    orderNo: input.orderNo,
    step: input.path,
    collection: thing.collection,
    thingId: thing.id,
    amountOff,
  });
}

/** What is left to pay after the coupons that were spent on it; nobody is paid for buying. */
export async function priceAfterCoupons(tx: Db, { collection, id, body }: Priced): Promise<Fen> {
  const [spent] = await tx
    .select({ amount: sum(couponUses.amountOff) })
    .from(couponUses)
    .where(and(eq(couponUses.collection, collection), eq(couponUses.thingId, id)));
  return fen(Math.max(0, body.amount - Number(spent?.amount ?? 0)));
}
