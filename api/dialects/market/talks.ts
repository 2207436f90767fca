/** Conversations: an order's chat window, asked about and closed. */
import { and, desc, eq, gt, isNull, ne, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Caller } from '../../../commands/credentials.js';
import { closeOrderChat } from '../../../commands/decide-order.js';
import type { Db } from '../../../db/client.js';
import type { OrderRow } from '../../../db/orders.js';
import { orders } from '../../../db/schema.js';
import { isChatOpen } from '../../../domain/deadlines.js';
import { HoldfastError } from '../../../domain/errors.js';
import { acting } from '../../access.js';
import type { Endpoint } from '../../endpoint.js';
import { orderFor } from '../../parties.js';
import { actsFor, askedBy } from '../calls.js';
import { id, text } from '../fields.js';
import { call, done } from './call.js';

const shouldCreateNewTalk = call(
  {
    name: 'shouldCreateNewTalk',
    summary: '是否创建新对话: whether there is an open conversation already',
    description: 'Its `chatId` and order, else `chatId` 0.',
    access: acting('orders', 'documented'),
    body: z.object({ userId: id.optional(), receiverId: id, skillId: text(128) }),
    example: {
      userId: '55370ecc30b55c7805829b33',
      receiverId: '55370ecc30b55c7805829b34',
      skillId: '5555c4a1390c9ed166fc7f15',
    },
    answered: { chatId: 0 },
    answer: z.object({ chatId: z.union([z.string(), z.literal(0)]), oid: z.string().optional() }),
  },
  async ({ services, caller }, { userId, receiverId, skillId }) => {
    const buyerId = actsFor(caller, userId, 'userId');
    const [open] = await services.db
      .select({ chatId: orders.chatId, oid: orders.id })
      .from(orders)
      .where(
        and(
          eq(orders.buyerId, buyerId),
          eq(orders.sellerId, receiverId),
          eq(orders.skillId, skillId),
          gt(orders.chatClosesAt, new Date(services.commands.now())),
          isNull(orders.chatClosedAt),
          ne(orders.status, 'refunded'),
          sql`${orders.chatId} IS NOT NULL`,
        ),
      )
      .orderBy(desc(orders.paidAt))
      .limit(1);
    return open === undefined ? { chatId: 0 as const } : { chatId: open.chatId ?? '', oid: open.oid };
  },
);

/** The order that opened the conversation last; an unpaid one where none was paid. @throws HoldfastError `order_not_found` */
async function orderOfChat(db: Db, caller: Caller | undefined, chatId: string): Promise<OrderRow> {
  const [order] = await db
    .select()
    .from(orders)
    .where(eq(orders.chatId, chatId))
    .orderBy(sql`${orders.paidAt} DESC NULLS LAST`, desc(orders.seq))
    .limit(1);
  if (order === undefined) {
    throw new HoldfastError('order_not_found', { message: `there is no conversation ${chatId}` });
  }
  return caller === undefined
    ? order
    : orderFor(db, caller, order.id, ['buyer', 'seller', 'backend', 'operator']);
}

const shouldContinueTalk = call(
  {
    name: 'shouldContinueTalk',
    summary: '是否可以继续聊天: whether a conversation is open',
    access: acting('orders', 'documented'),
    body: z.object({ chatId: text(128) }),
    example: { chatId: 'room_77340061' },
    answered: { should: true, payTime: '2015-05-13T03:23:37.684Z' },
    answer: z.object({ should: z.boolean(), payTime: z.iso.datetime().nullable() }),
  },
  async ({ services, caller }, { chatId }) => {
    const order = await orderOfChat(services.db, caller, chatId);
    const { chatClosesAt, chatClosedAt, status, paidAt } = order;
    const isOpen = isChatOpen(
      chatClosesAt?.getTime() ?? null,
      chatClosedAt !== null,
      services.commands.now(),
    );
    return { should: isOpen && status !== 'refunded', payTime: paidAt?.toISOString() ?? null };
  },
);

const closeTalk = call(
  {
    name: 'closeTalk',
    summary: 'Close a conversation by hand (not in the document)',
    access: acting('orders', 'never'),
    body: z.object({ chatId: text(128) }),
    example: { chatId: 'room_77340061' },
    answer: done,
  },
  async ({ services, caller }, { chatId }) => {
    const { id: orderId } = await orderOfChat(services.db, caller, chatId);
    if (caller === undefined) throw new HoldfastError('unauthenticated');
    const order = await orderFor(services.db, caller, orderId, ['buyer', 'seller', 'backend']);
    await closeOrderChat(services.commands, order, askedBy(caller, order.buyerId));
    return {};
  },
);

export const marketTalks: readonly Endpoint[] = [shouldCreateNewTalk, shouldContinueTalk, closeTalk];
