/** Orders of courses with what is shown of them, and what courses have earned. */
import { type SQL, and, desc, eq, gte, lt, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { type Db, forLongReads } from './client.js';
import type { OrderRow, PaymentRow } from './orders.js';
import { courseCallbacks, courseTotals, orders, payments, users } from './schema.js';

export interface CourseOrder {
  order: OrderRow;
  buyerName: string;
  /** The attempt that paid it. */
  payment: PaymentRow | null;
  /** What the relay called the payer of that payment. */
  thirdBuyerId: string | null;
  /** A relay said that the payment failed, and the channel, asked since, knows of none. */
  hasFailed: boolean;
}

const attempt = alias(payments, 'attempt');

const thirdBuyerId = sql<string | null>`(
  SELECT NULLIF(c.third_buyer_id, '') FROM ${courseCallbacks} c
   WHERE c.order_no = ${orders.orderNo} AND c.paid AND c.channel = ${attempt.channel}
     AND c.third_trade_no = ${attempt.providerTradeNo}
   ORDER BY c.id DESC LIMIT 1)`;

const hasFailed = sql<boolean>`EXISTS (
  SELECT 1 FROM ${courseCallbacks} c
    JOIN ${payments} p ON p.order_no = c.order_no AND p.channel = c.channel
   WHERE c.order_no = ${orders.orderNo} AND NOT c.paid AND p.asked > c.asked)`;

function courseOrders(db: Db, condition: SQL | undefined) {
  return db
    .select({ order: orders, buyerName: users.name, payment: attempt, thirdBuyerId, hasFailed })
    .from(orders)
    .innerJoin(users, eq(users.id, orders.buyerId))
    .leftJoin(attempt, eq(attempt.id, orders.paymentId))
    .where(and(eq(orders.kind, 'course'), condition));
}

export async function courseOrderById(db: Db, id: string): Promise<CourseOrder | undefined> {
  const [found] = await courseOrders(db, eq(orders.id, id));
  return found;
}

export interface CourseOrderFilter {
  /** Whose, and on which side of it. */
  userId: string;
  side: 'buyer' | 'seller';
  course: SQL | undefined;
  from: Date | undefined;
  before: Date | undefined;
}

/** The newest first. */
export async function listCourseOrders(
  db: Db,
  { userId, side, course, from, before }: CourseOrderFilter,
  page: { no: number; size: number },
): Promise<{ listed: CourseOrder[]; total: number }> {
  const condition = and(
    eq(side === 'seller' ? orders.sellerId : orders.buyerId, userId),
    course,
    from && gte(orders.createdAt, from),
    before && lt(orders.createdAt, before),
  );
  const [total, listed] = await Promise.all([
    db.$count(orders, and(eq(orders.kind, 'course'), condition)),
    courseOrders(db, condition)
      .orderBy(desc(orders.seq))
      .limit(page.size)
      .offset((page.no - 1) * page.size),
  ]);
  return { listed, total };
}

/** Counts anew what each course has earned: captured and not given back, at this moment. */
export async function countCourses(db: Db): Promise<void> {
  await forLongReads(db).execute(sql`
    INSERT INTO ${courseTotals} (seller_id, course_id, total, counted_at)
    SELECT o.seller_id, item ->> 'id', sum(o.captured - o.refunded), now()
      FROM ${orders} o, jsonb_array_elements(o.items) item
     WHERE o.kind = 'course' AND o.money IN ('held', 'released') AND item ->> 'collection' = 'courses'
     GROUP BY 1, 2
    ON CONFLICT (seller_id, course_id) DO UPDATE SET total = excluded.total, counted_at = excluded.counted_at`);
}

export interface CourseTotal {
  courseId: string;
  title: string;
  total: number;
  countedAt: Date;
}

export async function courseTotalsOf(db: Db, sellerId: string): Promise<CourseTotal[]> {
  const title = sql<string>`COALESCE((
    SELECT body ->> 'title' FROM catalog_items WHERE collection = 'courses' AND id = ${courseTotals.courseId}), '')`;
  return db
    .select({
      courseId: courseTotals.courseId,
      title,
      total: courseTotals.total,
      countedAt: courseTotals.countedAt,
    })
    .from(courseTotals)
    .where(eq(courseTotals.sellerId, sellerId))
    .orderBy(desc(sql`length(${courseTotals.courseId})`), desc(courseTotals.courseId));
}
