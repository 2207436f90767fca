/** Packages: offered, ordered, and when what was paid for runs. */
import { type SQL, and, asc, eq, inArray, isNotNull, or, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import type { OrderRow } from '../db/orders.js';
import { catalogItems, orders, packageRecords, payments } from '../db/schema.js';
import type { ThingOf } from '../domain/catalog.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, amountFen, sumFen } from '../domain/money.js';
import { type PackageTurn, type PackageType, type Period, packagePeriods } from '../domain/packages.js';
import type { Asked } from '../relay/order-updates.js';
import type { CommandContext } from './context.js';
import { PLAIN_ORDER, createOrder } from './create-order.js';

export interface Package extends ThingOf<'packages'> {
  id: string;
}

export type PackageRecord = typeof packageRecords.$inferSelect;

/** @param payType 0 what is bought, 1 what is upgraded to */
export function listPackages(db: Db, type: PackageType, payType: 0 | 1): Promise<Package[]> {
  return packagesWhere(
    db,
    and(
      sql`${catalogItems.body} ->> 'type' = ${String(type)}`,
      sql`${catalogItems.body} ->> 'payType' = ${String(payType)}`,
    ),
  );
}

async function packagesWhere(db: Db, condition: SQL | undefined): Promise<Package[]> {
  const rows = await db
    .select({ id: catalogItems.id, body: catalogItems.body })
    .from(catalogItems)
    .where(and(eq(catalogItems.collection, 'packages'), condition))
    // Ids are whole numbers, and "9" is before "10".
    .orderBy(asc(sql`length(${catalogItems.id})`), asc(catalogItems.id));
  return rows.map(({ id, body }) => ({ id, ...(body as ThingOf<'packages'>) }));
}

export interface PackageWish {
  userId: string;
  packageIds: readonly string[];
  turn: PackageTurn;
  subject: string;
  /** What the caller believes it costs: refused where none of these is the server's price. */
  believed: readonly Fen[];
  /** Until when it can be paid. */
  expiresInMs: number;
}

/**
 * An order of packages, at the server's price.
 * @returns the order, and a record of each package in the order in which they were named
 * @throws HoldfastError `missing_thing`, `price_mismatch`, `invalid_request`, `user_not_found`, `conflict`: nothing
 * runs that could be upgraded
 */
export async function orderPackages(
  context: CommandContext,
  wish: PackageWish,
  asked: Asked,
): Promise<{ order: OrderRow; records: PackageRecord[] }> {
  const packages = await wantedPackages(context.db, wish.packageIds);
  const price = sumFen(packages.map((one) => amountFen(one.price)));
  if (!wish.believed.includes(price)) {
    throw new HoldfastError('price_mismatch', {
      message: `the packages cost ${price} fen`,
      details: { price },
    });
  }
  await assertTurn(context, wish, packages);
  const order = await createOrder(
    context,
    {
      ...PLAIN_ORDER,
      kind: 'package',
      buyerId: wish.userId,
      amountFen: price,
      subject: wish.subject,
      items: packages.map(({ id }) => ({ collection: 'packages', id })),
      expiresInMs: wish.expiresInMs,
    },
    asked,
    async (tx, { orderNo, buyerId }) => {
      await tx.insert(packageRecords).values(
        packages.map(({ id, type, name, days }) => ({
          orderNo,
          userId: buyerId,
          packageId: id,
          type,
          turn: wish.turn,
          name,
          days,
        })),
      );
    },
  );
  return { order, records: await recordsOfOrders(context.db, [order.orderNo]) };
}

async function wantedPackages(db: Db, ids: readonly string[]): Promise<Package[]> {
  const known = await packagesWhere(db, inArray(catalogItems.id, [...ids]));
  if (new Set(ids).size !== ids.length) {
    throw new HoldfastError('invalid_request', {
      message: 'a package is named twice',
      details: { field: 'items' },
    });
  }
  return ids.map((id) => {
    const found = known.find((one) => one.id === id);
    if (found !== undefined) return found;
    throw new HoldfastError('missing_thing', {
      message: `there is no packages/${id}`,
      details: { collection: 'packages', id },
    });
  });
}

/** What is offered to those who have a package is not for those who have none. */
async function assertTurn(
  { db, now }: CommandContext,
  { userId, turn }: PackageWish,
  packages: readonly Package[],
): Promise<void> {
  const upgrades = packages.filter(({ payType }) => payType === 1);
  if (upgrades.length === 0) return;
  if (turn !== 'upgrade')
    throw new HoldfastError('conflict', { message: 'this package is for upgrades alone' });
  const running = (await paidPackages(db, userId)).filter(({ period }) => period.toMs > now());
  const lacking = upgrades.find(({ type }) => !running.some(({ record }) => record.type === type));
  if (lacking !== undefined)
    throw new HoldfastError('conflict', { message: 'there is no package that could be upgraded' });
}

export interface PaidRecord {
  record: PackageRecord;
  period: Period;
}

/** What a user has paid for, and was not given the whole money back for. */
async function paidPackages(db: Db, userId: string): Promise<PaidRecord[]> {
  const rows = await db
    .select({ record: packageRecords, paidAt: orders.paidAt })
    .from(packageRecords)
    .innerJoin(orders, eq(orders.orderNo, packageRecords.orderNo))
    .where(
      and(eq(packageRecords.userId, userId), isNotNull(orders.paidAt), sql`${orders.status} <> 'refunded'`),
    )
    .orderBy(asc(orders.receivedAt), asc(packageRecords.id));
  const paid = rows.map(({ record, paidAt }) => ({ ...record, paidAtMs: paidAt?.getTime() ?? 0 }));
  const periods = packagePeriods(paid);
  return rows.flatMap(({ record }) => {
    const period = periods.get(record.id);
    return period === undefined ? [] : [{ record, period }];
  });
}

function recordsOfOrders(db: Db, orderNos: string[]): Promise<PackageRecord[]> {
  return db
    .select()
    .from(packageRecords)
    .where(inArray(packageRecords.orderNo, orderNos))
    .orderBy(asc(packageRecords.id));
}

/** Records by their ids, in the order of these; those that there are. */
export async function recordsByIds(db: Db, ids: readonly number[]): Promise<PackageRecord[]> {
  const found = await db
    .select()
    .from(packageRecords)
    .where(inArray(packageRecords.id, [...ids]));
  return ids.flatMap((id) => found.filter((one) => one.id === id));
}

/** @param number an order's own, or what a provider knows one of its attempts by */
export async function recordsByNumber(db: Db, number: string): Promise<PackageRecord[]> {
  const attempts = db
    .select({ orderNo: payments.orderNo })
    .from(payments)
    .where(eq(payments.outTradeNo, number));
  const rows = await db
    .select({ orderNo: orders.orderNo })
    .from(orders)
    .where(or(eq(orders.orderNo, number), inArray(orders.orderNo, attempts)));
  return recordsOfOrders(
    db,
    rows.map(({ orderNo }) => orderNo),
  );
}

/**
 * When these run.
 * @throws HoldfastError `not_pending`: one of them is not paid for, or its money went back
 */
export async function periodsOf(db: Db, records: readonly PackageRecord[]): Promise<PaidRecord[]> {
  const owners = [...new Set(records.map(({ userId }) => userId))];
  const paid = (await Promise.all(owners.map((owner) => paidPackages(db, owner)))).flat();
  return records.map((record) => {
    const found = paid.find((one) => one.record.id === record.id);
    if (found !== undefined) return found;
    throw new HoldfastError('not_pending', { message: `record ${record.id} is not paid for` });
  });
}
