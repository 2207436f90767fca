import { bigint, index, integer, pgTable, smallint, text, unique } from 'drizzle-orm/pg-core';
import type { PackageTurn, PackageType } from '../../domain/packages.js';
import { createdAt } from './columns.js';
import { orders } from './orders.js';
import { users } from './people.js';

/** Packages as they were when they were ordered, one row per item: what a later change of the catalogue leaves alone. */
export const packageRecords = pgTable(
  'package_records',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity({ startWith: 10_000_001 }),
    orderNo: text('order_no')
      .notNull()
      .references(() => orders.orderNo),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    packageId: text('package_id').notNull(),
    type: smallint().$type<PackageType>().notNull(),
    turn: text().$type<PackageTurn>().notNull(),
    name: text().notNull(),
    days: integer().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('package_records_once').on(t.orderNo, t.packageId),
    index('package_records_user').on(t.userId, t.id),
  ],
);
