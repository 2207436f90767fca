/** Orders of courses as the document of `course` prints them. The only place for its form of money and times. */
import { z } from 'zod';
import { isBought } from '../../../commands/courses.js';
import type { CourseOrder, CourseTotal } from '../../../db/courses.js';
import type { OrderRow } from '../../../db/orders.js';
import { toChinaTime } from '../../../domain/china-time.js';
import { tradeNoOf } from '../../../domain/courses.js';
import { amountFen, fen, toYuan } from '../../../domain/money.js';
import type { PaymentChannel } from '../../../domain/order.js';

export const createdSchema = z
  .object({
    id: z.string().meta({ example: '5' }),
    name: z.string(),
    amount: z.string().meta({ example: '0.00', description: 'Yuan.' }),
    trade_no: z.string().meta({ example: '5-9996-6d2d' }),
    status: z.union([z.literal(0), z.literal(2)]).meta({ description: '0: to be paid; 2: bought.' }),
  })
  .meta({ id: 'CourseCreated' });

export function toCreated(order: OrderRow): z.input<typeof createdSchema> {
  return {
    id: String(order.seq),
    name: order.subject,
    amount: toYuan(amountFen(order.amount)),
    trade_no: tradeNoOf(order),
    status: isBought(order) ? 2 : 0,
  };
}

/** The document knows these two. */
const SERVICERS: Readonly<Partial<Record<PaymentChannel, string>>> = { wechat: '1', alipay: '2' };

const time = z.string().meta({ example: '2018-07-05 10:57:18', description: 'UTC+8.' });

export const orderSchema = z
  .object({
    id: z.string(),
    user_id: z.string(),
    puber_id: z.string(),
    album_id: z.string(),
    title: z.string(),
    user_name: z.string(),
    price: z.string(),
    amount: z.string(),
    servicer: z.string().nullable().meta({ description: '1: WeChat Pay; 2: Alipay.' }),
    trade_no: z.string(),
    third_trade_no: z.string().nullable(),
    third_buyer_id: z.string().nullable(),
    pay_status: z.enum(['0', '2', '4']).meta({ description: '0: unpaid; 2: paid; 4: the payment failed.' }),
    add_time: time,
    pay_time: time.nullable(),
  })
  .meta({ id: 'CourseOrder' });

export function toCourseOrder(found: CourseOrder): z.input<typeof orderSchema> {
  const { order, buyerName, payment, thirdBuyerId } = found;
  const price = toYuan(amountFen(order.amount));
  const [course] = (order.items ?? []).filter(({ collection }) => collection === 'courses');
  return {
    id: String(order.seq),
    user_id: order.buyerId,
    puber_id: order.sellerId ?? '',
    album_id: course?.id ?? '',
    title: order.subject,
    user_name: buyerName,
    price,
    amount: price,
    servicer: order.paidChannel === null ? null : (SERVICERS[order.paidChannel] ?? null),
    trade_no: tradeNoOf(order),
    third_trade_no: payment?.providerTradeNo ?? null,
    third_buyer_id: thirdBuyerId,
    pay_status: payStatusOf(found),
    add_time: toChinaTime(order.createdAt),
    pay_time: order.paidAt === null ? null : toChinaTime(order.paidAt),
  };
}

/** What was paid stays paid, whatever a relay says afterwards. */
function payStatusOf({ order, hasFailed }: CourseOrder): '0' | '2' | '4' {
  if (order.paidAt !== null) return '2';
  return hasFailed ? '4' : '0';
}

export const totalSchema = z
  .object({
    album_id: z.string(),
    title: z.string(),
    total: z.string().meta({ example: '0.01', description: 'Yuan, net of refunds.' }),
    timestamp: time.meta({ description: 'Until when it was counted, UTC+8.' }),
  })
  .meta({ id: 'CourseTotal' });

export function toTotal({ courseId, title, total, countedAt }: CourseTotal): z.input<typeof totalSchema> {
  return { album_id: courseId, title, total: toYuan(fen(total)), timestamp: toChinaTime(countedAt) };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CHINA_MS = 8 * HOUR_MS;

/** The document's words for spans of days, which begin at midnight in UTC+8. */
export const TIME_SPANS = [0, 1, -7, -30, 30] as const;

/** @param nowMs epoch ms */
export function spanOf(
  word: (typeof TIME_SPANS)[number],
  nowMs: number,
): { from: Date | undefined; before: Date | undefined } {
  const today = Math.floor((nowMs + CHINA_MS) / DAY_MS) * DAY_MS - CHINA_MS;
  const daysAgo = (days: number): Date => new Date(today - days * DAY_MS);
  switch (word) {
    case 0:
      return { from: daysAgo(0), before: undefined };
    case 1:
      return { from: daysAgo(1), before: daysAgo(0) };
    case -7:
      return { from: daysAgo(6), before: undefined };
    case -30:
      return { from: daysAgo(29), before: undefined };
    case 30:
    default:
      return { from: undefined, before: daysAgo(29) };
  }
}
