/** The dialect `course` (wire.md, section 3): orders of courses, whose payment the caller's own front end opens. */
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { isOfCourse, orderByTradeNo, orderCourse } from '../../../commands/courses.js';
import type { Caller } from '../../../commands/credentials.js';
import { courseOrderById, courseTotalsOf, listCourseOrders } from '../../../db/courses.js';
import type { Db } from '../../../db/client.js';
import type { OrderRow } from '../../../db/orders.js';
import { orders, users } from '../../../db/schema.js';
import { HoldfastError } from '../../../domain/errors.js';
import type { Endpoint } from '../../endpoint.js';
import { invalid } from '../../json.js';
import { orderFor } from '../../parties.js';
import type { Services } from '../../services.js';
import { actsFor, askedBy } from '../calls.js';
import { optionalText, text, whole } from '../fields.js';
import { relayEndpoints, takesSigned } from './relay.js';
import { calls } from './call.js';
import {
  TIME_SPANS,
  createdSchema,
  orderSchema,
  spanOf,
  toCourseOrder,
  toCreated,
  toTotal,
  totalSchema,
} from './convert.js';

const forWhom = optionalText(64).meta({ description: 'For whom a back end asks; of users their own.' });
const ORDER_ID = /^[1-9]\d{0,14}$/;
const PAGE_SIZE = 20;

const EXAMPLE = {
  id: '1',
  user_id: '1',
  puber_id: '1',
  album_id: '1',
  title: '我的直播课',
  user_name: '王小二',
  price: '0.00',
  amount: '0.00',
  servicer: null,
  trade_no: '1-9996-6d2d',
  third_trade_no: null,
  third_buyer_id: null,
  pay_status: '0',
  add_time: '2018-07-05 10:57:18',
  pay_time: null,
};

const create = calls(
  {
    name: 'create',
    summary: '创建订单: order a course',
    description:
      'A free course, and one that is bought already, answers status 2. While unpaid, the same order again.',
    fields: z.object({ album_id: text(64), user_id: forWhom }),
    item: createdSchema,
    example: { album_id: '2' },
    answered: { id: '5', name: '我的直播课', amount: '0.00', trade_no: '5-9996-6d2d', status: 2 },
  },
  async ({ services, caller }, { album_id: courseId, user_id: named }) => {
    const userId = actsFor(caller, named, 'user_id');
    const wish = { courseId, userId, takesSigned: takesSigned(services.config) };
    return { items: [toCreated(await orderCourse(services.commands, wish, askedBy(caller, userId)))] };
  },
);

const get = calls(
  {
    name: 'get',
    summary: '查询一个订单: one order, by `id` or else by `trade_no`',
    fields: z.object({ id: optionalText(32), trade_no: optionalText(64) }),
    item: orderSchema,
    example: { id: '1' },
    answered: EXAMPLE,
  },
  async ({ services, caller }, { id, trade_no: tradeNo }) => {
    const order = await namedOrder(services, id, tradeNo);
    await orderFor(services.db, signedIn(caller), order.id, ['buyer', 'seller', 'backend', 'operator']);
    const found = await courseOrderById(services.db, order.id);
    return { items: found === undefined ? [] : [toCourseOrder(found)] };
  },
);

async function namedOrder(
  { db }: Services,
  id: string | undefined,
  tradeNo: string | undefined,
): Promise<OrderRow> {
  if (id === undefined) {
    if (tradeNo === undefined) throw invalid('query', 'id', 'or trade_no is needed', 'missing');
    return orderByTradeNo(db, tradeNo);
  }
  const [order] = ORDER_ID.test(id)
    ? await db
        .select()
        .from(orders)
        .where(eq(orders.seq, Number(id)))
    : [];
  if (order?.kind === 'course') return order;
  throw new HoldfastError('order_not_found', { message: `there is no order ${id}` });
}

/** What these calls never do without. */
function signedIn(caller: Caller | undefined): Caller {
  if (caller !== undefined) return caller;
  throw new HoldfastError('unauthenticated', { message: 'sign in first' });
}

const list = calls(
  {
    name: 'list',
    summary: '查询订单列表: what a teacher has sold, what a student has bought; newest first',
    fields: z.object({
      album_id: optionalText(64),
      time_para: z
        .union(TIME_SPANS.flatMap((word) => [z.literal(word), z.literal(String(word)).transform(() => word)]))
        .optional()
        .meta({ description: '0 today, 1 yesterday, -7, -30, 30: older than 30 days. Days in UTC+8.' }),
      page: whole(1, 1_000_000).optional(),
      page_size: whole(1, 100).optional(),
      user_id: forWhom,
    }),
    item: orderSchema,
    example: { time_para: -7, page: 1, page_size: 20 },
    answered: EXAMPLE,
  },
  async ({ services: { db, commands }, caller }, sent) => {
    const userId = actsFor(caller, sent.user_id, 'user_id');
    const span = sent.time_para === undefined ? undefined : spanOf(sent.time_para, commands.now());
    const { listed, total } = await listCourseOrders(
      db,
      {
        userId,
        side: (await roleOf(db, userId)) === 'teacher' ? 'seller' : 'buyer',
        course: sent.album_id === undefined ? undefined : isOfCourse(sent.album_id),
        from: span?.from,
        before: span?.before,
      },
      { no: sent.page ?? 1, size: sent.page_size ?? PAGE_SIZE },
    );
    return { items: listed.map(toCourseOrder), total };
  },
);

const sum = calls(
  {
    name: 'sum',
    summary: '查询订单汇总: what each course of a teacher has earned, as of the last hour',
    fields: z.object({ user_id: forWhom }),
    item: totalSchema,
    example: {},
    answered: { album_id: '7', title: '测试点播', total: '0.01', timestamp: '2018-07-10 17:00:33' },
  },
  async ({ services: { db }, caller }, { user_id: named }) => {
    const userId = actsFor(caller, named, 'user_id');
    if ((await roleOf(db, userId)) !== 'teacher') {
      throw new HoldfastError('forbidden', { message: 'this is for teachers' });
    }
    return { items: (await courseTotalsOf(db, userId)).map(toTotal) };
  },
);

async function roleOf(db: Db, userId: string): Promise<string | undefined> {
  const [user] = await db.select({ role: users.role }).from(users).where(eq(users.id, userId));
  return user?.role;
}

export const courseEndpoints: readonly Endpoint[] = [...create, ...get, ...list, ...sum, ...relayEndpoints];
