/** Orders and withdrawals as one list, newest first, and what is shown beside each. */
import { type SQL, and, desc, eq, inArray, or, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { Db } from '../../../db/client.js';
import type { OrderRow } from '../../../db/orders.js';
import { orders, refunds, users, withdrawals } from '../../../db/schema.js';
import type { WithdrawalRow } from '../../../db/withdrawals.js';
import {
  type MarketOrder,
  type MarketStatus,
  type MarketType,
  type Person,
  TYPE_OF_KIND,
  orderStatusesOf,
  toMarketOrder,
  withdrawalStatusesOf,
  withdrawalToMarketOrder,
} from './convert.js';

export interface Filter {
  /** Undefined: an operator's or a back end's, who see all. */
  visibleTo: string | undefined;
  type: MarketType | undefined;
  status: MarketStatus | undefined;
  uid: string | undefined;
  receiverId: string | undefined;
}

export interface Listed {
  order: MarketOrder;
  buyer: Person | null;
  receiver: Person | null;
}

const ORDER_KINDS = Object.keys(TYPE_OF_KIND) as (keyof typeof TYPE_OF_KIND)[];

function orderFilter({ visibleTo, type, status, uid, receiverId }: Filter): SQL | undefined {
  const kinds = ORDER_KINDS.filter((kind) => type === undefined || TYPE_OF_KIND[kind] === type);
  return and(
    kinds.length === 0 ? sql`false` : inArray(orders.kind, kinds),
    visibleTo === undefined ? undefined : or(eq(orders.buyerId, visibleTo), eq(orders.sellerId, visibleTo)),
    status === undefined ? undefined : statusFilter(status),
    uid === undefined ? undefined : eq(orders.buyerId, uid),
    receiverId === undefined ? undefined : eq(orders.sellerId, receiverId),
  );
}

/** The same rule as `statusOf`. */
function statusFilter(status: MarketStatus): SQL | undefined {
  const plain = orderStatusesOf(status);
  const isParked = eq(orders.status, 'action_required');
  const isReleased = eq(orders.money, 'released');
  return or(
    plain.length === 0 ? sql`false` : inArray(orders.status, plain),
    status === '已付款' ? and(isParked, sql`NOT ${isReleased}`) : undefined,
    status === '已完成' ? and(isParked, isReleased) : undefined,
  );
}

function withdrawalFilter({ visibleTo, type, status, uid, receiverId }: Filter): SQL | undefined {
  const statuses = status === undefined ? undefined : withdrawalStatusesOf(status);
  const none = receiverId !== undefined || (type !== undefined && type !== 'withdrawals');
  return and(
    none || statuses?.length === 0 ? sql`false` : undefined,
    visibleTo === undefined ? undefined : eq(withdrawals.userId, visibleTo),
    statuses === undefined || statuses.length === 0 ? undefined : inArray(withdrawals.status, statuses),
    uid === undefined ? undefined : eq(withdrawals.userId, uid),
  );
}

/** @param page from 1 */
export async function listOrders(
  db: Db,
  filter: Filter,
  page: { no: number; size: number },
): Promise<{ total: number; listed: Listed[] }> {
  const ofOrders = orderFilter(filter);
  const ofWithdrawals = withdrawalFilter(filter);
  const [onPage, orderCount, withdrawalCount] = await Promise.all([
    unionAll(
      db
        .select({ id: orders.id, at: sql<Date>`${orders.createdAt}`.as('at') })
        .from(orders)
        .where(ofOrders),
      db
        .select({ id: withdrawals.id, at: sql<Date>`${withdrawals.createdAt}`.as('at') })
        .from(withdrawals)
        .where(ofWithdrawals),
    )
      .orderBy(desc(sql`at`), desc(sql`id`))
      .limit(page.size)
      .offset((page.no - 1) * page.size),
    db.$count(orders, ofOrders),
    db.$count(withdrawals, ofWithdrawals),
  ]);
  const ids = onPage.map(({ id }) => id);
  return { total: orderCount + withdrawalCount, listed: await readListed(db, ids) };
}

/** In the order of the ids; one that is neither an order nor a withdrawal is left out. */
export async function readListed(db: Db, ids: readonly string[]): Promise<Listed[]> {
  if (ids.length === 0) return [];
  const [orderRows, withdrawalRows] = await Promise.all([
    db
      .select()
      .from(orders)
      .where(inArray(orders.id, [...ids])),
    db
      .select()
      .from(withdrawals)
      .where(inArray(withdrawals.id, [...ids])),
  ]);
  return shown(db, ids, orderRows, withdrawalRows);
}

async function shown(
  db: Db,
  ids: readonly string[],
  orderRows: readonly OrderRow[],
  withdrawalRows: readonly WithdrawalRow[],
): Promise<Listed[]> {
  const [people, reasons] = await Promise.all([
    peopleOf(db, [
      ...orderRows.flatMap(({ buyerId, sellerId }) => (sellerId === null ? [buyerId] : [buyerId, sellerId])),
      ...withdrawalRows.map(({ userId }) => userId),
    ]),
    refundReasons(
      db,
      orderRows.map(({ orderNo }) => orderNo),
    ),
  ]);
  return ids.flatMap((id): Listed[] => {
    const order = orderRows.find((row) => row.id === id);
    const withdrawal = withdrawalRows.find((row) => row.id === id);
    if (order !== undefined) {
      const receiver = order.sellerId === null ? null : (people.get(order.sellerId) ?? null);
      const buyer = people.get(order.buyerId) ?? null;
      return [{ order: toMarketOrder(order, reasons.get(order.orderNo)), buyer, receiver }];
    }
    if (withdrawal === undefined) return [];
    const buyer = people.get(withdrawal.userId) ?? null;
    return [{ order: withdrawalToMarketOrder(withdrawal), buyer, receiver: null }];
  });
}

async function peopleOf(db: Db, ids: readonly string[]): Promise<Map<string, Person>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select({
      id: users.id,
      name: users.name,
      avatar: users.avatar,
      skills: users.skills,
      careers: users.careers,
    })
    .from(users)
    .where(inArray(users.id, [...new Set(ids)]));
  return new Map(
    rows.map(({ id, name, avatar, skills, careers }) => [
      id,
      { _id: id, name, avatar: avatar ?? '', avatar_url: avatar ?? '', skills, careers },
    ]),
  );
}

/** Of each order's last refund. */
async function refundReasons(db: Db, orderNos: readonly string[]): Promise<Map<string, string>> {
  if (orderNos.length === 0) return new Map();
  const rows = await db
    .select({ orderNo: refunds.orderNo, reason: refunds.reason })
    .from(refunds)
    .where(inArray(refunds.orderNo, [...orderNos]))
    .orderBy(refunds.seq);
  return new Map(rows.map(({ orderNo, reason }) => [orderNo ?? '', reason]));
}
