/** Courses: ordered by those who call the provider themselves, and what their relays say of the payment. */
import { randomBytes } from 'node:crypto';
import { type SQL, and, desc, eq, inArray, sql } from 'drizzle-orm';
import type { Channels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { insertEvent } from '../db/inbox.js';
import { openItem } from '../db/operator-items.js';
import type { OrderRow, PaymentRow } from '../db/orders.js';
import { catalogItems, courseCallbacks, orders, payments } from '../db/schema.js';
import type { ThingOf } from '../domain/catalog.js';
import {
  RELAYED_CHANNELS,
  RELAY_MERCHANT,
  type RelayedChannel,
  seqOf,
  tradeNoOf,
} from '../domain/courses.js';
import { gapBeforeQuestion } from '../domain/deadlines.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, amountFen, toYuan } from '../domain/money.js';
import type { Asked } from '../relay/order-updates.js';
import type { CommandContext } from './context.js';
import { PLAIN_ORDER, createOrder } from './create-order.js';

// A relay that anybody may speak for must not fill the disk.
const MOST_CALLBACKS = 50;

/** Whether the order is, or was, its buyer's: paid for, and not given back as a whole. */
export function isBought({ money, status }: Pick<OrderRow, 'money' | 'status'>): boolean {
  return (money === 'held' || money === 'released') && status !== 'refunded';
}

/**
 * The buyer's order of a course: the one that is bought or open, or a new one. A free course is bought at once.
 * @param takesSigned whether a relay's signature is enough where a channel has no credentials
 * @throws HoldfastError `missing_thing`, `user_not_found`, `invalid_request`: one's own course
 */
export async function orderCourse(
  context: CommandContext,
  { courseId, userId, takesSigned }: { courseId: string; userId: string; takesSigned: boolean },
  asked: Asked,
): Promise<OrderRow> {
  const { db, channels } = context;
  const course = await courseNamed(db, courseId);
  const price = amountFen(course.price);
  const earlier = await ordersOfCourse(db, userId, courseId);
  const bought = earlier.find(isBought);
  if (bought !== undefined) return bought;
  const isOpen = ({ money, amount, expiresAt }: OrderRow): boolean =>
    money === 'unpaid' && amount === price && expiresAt.getTime() > context.now();
  const open = earlier.find(isOpen);
  if (open !== undefined) {
    await addAttempts(db, channels, open, takesSigned);
    return open;
  }
  return createOrder(
    context,
    {
      ...PLAIN_ORDER,
      kind: 'course',
      buyerId: userId,
      sellerId: course.puberId,
      amountFen: price,
      subject: course.title,
      items: [{ collection: 'courses', id: courseId }],
      nextAction: course.nextAction ?? null,
    },
    // Two calls at once see as many orders before them, and so make one.
    { by: asked.by, idempotencyKey: `course/${userId}/${courseId}/${earlier.length}` },
    (tx, order) => addAttempts(tx, channels, order, takesSigned),
  );
}

async function courseNamed(db: Db, id: string): Promise<ThingOf<'courses'>> {
  const [row] = await db
    .select({ body: catalogItems.body })
    .from(catalogItems)
    .where(and(eq(catalogItems.collection, 'courses'), eq(catalogItems.id, id)));
  if (row !== undefined) return row.body as ThingOf<'courses'>;
  throw new HoldfastError('missing_thing', {
    message: `there is no courses/${id}`,
    details: { collection: 'courses', id },
  });
}

/** Whether an order is for this course. */
export function isOfCourse(courseId: string): SQL {
  return sql`${orders.items} @> ${JSON.stringify([{ collection: 'courses', id: courseId }])}::jsonb`;
}

/** A buyer's orders of one course, the newest first. */
function ordersOfCourse(db: Db, userId: string, courseId: string): Promise<OrderRow[]> {
  return db
    .select()
    .from(orders)
    .where(and(eq(orders.buyerId, userId), eq(orders.kind, 'course'), isOfCourse(courseId)))
    .orderBy(desc(orders.seq));
}

/**
 * One attempt for each provider that the front end may hand the order's trade number to. Nothing is posted: the
 * channels are asked about it, and whichever was paid first is the payment.
 */
async function addAttempts(db: Db, channels: Channels, order: OrderRow, takesSigned: boolean): Promise<void> {
  if (order.amount === 0) return;
  const rows = RELAYED_CHANNELS.flatMap((name): (typeof payments.$inferInsert)[] => {
    const channel = channels[name];
    if (channel === undefined && !takesSigned) return [];
    return [
      {
        id: randomBytes(12).toString('hex'),
        orderNo: order.orderNo,
        channel: name,
        // Without a scene there is nothing at a provider that could be closed.
        scene: channel?.defaultScene ?? null,
        outTradeNo: tradeNoOf(order),
        amount: order.amount,
        currency: order.currency,
        merchant: channel?.merchant ?? RELAY_MERCHANT,
        expiresAt: order.expiresAt,
        status: 'pending',
        askAt: channel === undefined ? null : new Date(Date.now() + gapBeforeQuestion(0)),
      },
    ];
  });
  if (rows.length > 0) await db.insert(payments).values(rows).onConflictDoNothing();
}

/** @throws HoldfastError `order_not_found` */
export async function orderByTradeNo(db: Db, tradeNo: string): Promise<OrderRow> {
  const seq = seqOf(tradeNo);
  const [order] =
    seq === undefined
      ? []
      : await db
          .select()
          .from(orders)
          .where(and(eq(orders.seq, seq), eq(orders.kind, 'course')));
  if (order !== undefined && tradeNoOf(order) === tradeNo) return order;
  throw new HoldfastError('order_not_found', { message: `there is no order ${tradeNo}` });
}

export interface CourseCallback {
  channel: RelayedChannel;
  tradeNo: string;
  paid: boolean;
  result: string;
  thirdTradeNo: string;
  thirdBuyerId: string;
  /** As it was sent, and as it was read; undefined where it is no amount. */
  amountText: string;
  amount: Fen | undefined;
  /** Whether the relay has proved who it is. */
  signed: boolean;
}

/**
 * A relay's word is a hint: the channel is asked at once, and decides. Where the channel has no credentials, a signed
 * word is enough.
 * @throws HoldfastError `order_not_found`; `price_mismatch`: another amount than the order's, kept for a person
 */
export async function takeCallback(
  { db, channels, inline }: CommandContext,
  call: CourseCallback,
): Promise<void> {
  const order = await orderByTradeNo(db, call.tradeNo);
  const [attempt] = await db
    .select()
    .from(payments)
    .where(
      and(
        eq(payments.orderNo, order.orderNo),
        eq(payments.outTradeNo, call.tradeNo),
        eq(payments.channel, call.channel),
      ),
    );
  const fits = !call.paid || call.amount === order.amount;
  await db.transaction(async (tx) => {
    await keepCallback(tx, order, call, attempt?.asked ?? 0);
    if (!fits) await openItem(tx, mismatchOf(order, call));
    if (attempt !== undefined) await askNow(tx, attempt);
  });
  if (!fits) {
    throw new HoldfastError('price_mismatch', {
      message: `the order costs ${toYuan(amountFen(order.amount))} yuan`,
      details: { price: order.amount },
    });
  }
  const isProof = call.paid && call.signed && channels[call.channel] === undefined;
  if (!isProof || attempt?.merchant !== RELAY_MERCHANT) return;
  const providerTradeNo = call.thirdTradeNo === '' ? call.tradeNo : call.thirdTradeNo;
  const { id, fresh, unpaidOrderNo } = await insertEvent(db, {
    channel: call.channel,
    source: 'notification',
    eventKey: `relay:${call.tradeNo}:${providerTradeNo}`,
    outTradeNo: call.tradeNo,
    facts: { result: call.result, thirdBuyerId: call.thirdBuyerId },
    receivedAt: new Date(),
    payment: {
      outTradeNo: call.tradeNo,
      providerTradeNo,
      amountFen: order.amount,
      currency: order.currency,
      merchant: RELAY_MERCHANT,
      paidAt: new Date(),
    },
  });
  if (fresh) inline.payment(id, unpaidOrderNo);
}

async function keepCallback(
  tx: Db,
  { orderNo }: OrderRow,
  call: CourseCallback,
  asked: number,
): Promise<void> {
  const { channel, paid, result, thirdTradeNo, thirdBuyerId, amountText: amount } = call;
  const kept = await tx.$count(courseCallbacks, eq(courseCallbacks.orderNo, orderNo));
  if (kept >= MOST_CALLBACKS) return;
  await tx
    .insert(courseCallbacks)
    .values({ orderNo, channel, paid, result, thirdTradeNo, thirdBuyerId, amount, asked })
    .onConflictDoNothing();
}

function mismatchOf({ orderNo, amount }: OrderRow, call: CourseCallback): Parameters<typeof openItem>[1] {
  const { channel, tradeNo, thirdTradeNo, amountText } = call;
  return {
    kind: 'relay_mismatch',
    ref: `${channel}:${tradeNo}`,
    orderNo,
    details: { channel, tradeNo, thirdTradeNo, amount: amountText, expected: toYuan(amountFen(amount)) },
  };
}

/** The relay's next round asks; what was paid is settled. An attempt that is over is asked about once. */
async function askNow(tx: Db, { id }: PaymentRow): Promise<void> {
  await tx
    .update(payments)
    .set({ askAt: sql`now()` })
    .where(
      and(
        eq(payments.id, id),
        inArray(payments.status, ['pending', 'closed']),
        sql`${payments.merchant} <> ${RELAY_MERCHANT}`,
      ),
    );
}
