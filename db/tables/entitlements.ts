/** What payers were given by the actions of their orders, and what they left with us. */
import { sql } from 'drizzle-orm';
import { bigint, bigserial, index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { EntitlementKind } from '../../domain/entitlements.js';
import { type JsonObject, createdAt, fenColumn, moment } from './columns.js';
import { users } from './people.js';

export const entitlements = pgTable(
  'entitlements',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    kind: text().$type<EntitlementKind>().notNull(),
    ref: text().notNull(),
    quantity: integer().notNull().default(1),
    validFrom: moment('valid_from').notNull().defaultNow(),
    /** Null: for good. */
    validTo: moment('valid_to'),
    /** The order and the step that gave it, or added to it last. */
    orderId: text('order_id').notNull(),
    step: text().notNull(),
    /** A coupon's terms as they were when it was claimed. */
    terms: jsonb().$type<JsonObject>(),
    createdAt: createdAt(),
  },
  (t) => [
    // A coupon is a thing of its own; of everything else a user has one row, which is extended or added to.
    uniqueIndex('entitlements_one')
      .on(t.userId, t.kind, t.ref)
      .where(sql`kind <> 'coupon'`),
    index('entitlements_user').on(t.userId, t.id),
    index('entitlements_coupons')
      .on(t.ref)
      .where(sql`kind = 'coupon'`),
  ],
);

/** A coupon is spent once, on one thing. */
export const couponUses = pgTable(
  'coupon_uses',
  {
    couponId: bigint('coupon_id', { mode: 'number' })
      .primaryKey()
      .references(() => entitlements.id),
    orderNo: text('order_no').notNull(),
    step: text().notNull(),
    collection: text().notNull(),
    thingId: text('thing_id').notNull(),
    /** Fen that it took off. */
    amountOff: fenColumn('amount_off').notNull(),
    createdAt: createdAt(),
  },
  (t) => [index('coupon_uses_thing').on(t.collection, t.thingId)],
);

export const deposits = pgTable(
  'deposits',
  {
    id: text().primaryKey(),
    seq: bigserial({ mode: 'number' }).notNull().unique(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    orderId: text('order_id').notNull(),
    orderNo: text('order_no').notNull(),
    step: text().notNull(),
    amount: fenColumn('amount').notNull(),
    refCode: text('ref_code'),
    remark: text(),
    ext: jsonb().$type<JsonObject>(),
    status: text().$type<'held' | 'returned'>().notNull().default('held'),
    createdAt: createdAt(),
    /** Since when its payer wants it back; null while nobody asks. */
    returnAskedAt: moment('return_asked_at'),
    returnedAt: moment('returned_at'),
    returnedBy: text('returned_by'),
  },
  (t) => [uniqueIndex('deposits_step').on(t.orderNo, t.step), index('deposits_user').on(t.userId, t.seq)],
);
