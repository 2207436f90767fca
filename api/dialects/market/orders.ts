/** Orders: made, confirmed, listed, refunded, commented on. */
import { desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import { commentOn } from '../../../commands/comments.js';
import { PLAIN_ORDER, createOrder } from '../../../commands/create-order.js';
import { type Caller, hasScope, isOperator } from '../../../commands/credentials.js';
import { confirmOrder } from '../../../commands/decide-order.js';
import { decideRefund, requestRefund } from '../../../commands/refunds.js';
import { refunds } from '../../../db/schema.js';
import { HoldfastError } from '../../../domain/errors.js';
import { MAX_AMOUNT_FEN, fen } from '../../../domain/money.js';
import { acting, anyOf, backend, operator } from '../../access.js';
import type { Endpoint } from '../../endpoint.js';
import { invalid } from '../../json.js';
import { assertMayConfirm } from '../../parties.js';
import { actsFor, askedBy } from '../calls.js';
import { chargeSchema } from '../charge.js';
import { id, optionalText, text } from '../fields.js';
import { chargeFor } from '../pay.js';
import { call, done, orderOf } from './call.js';
import { MARKET_STATUSES, MARKET_TYPES, orderSchema, personSchema, toMarketOrder } from './convert.js';
import { toMarketError, toMarketFailure } from './errors.js';
import { listOrders, readListed } from './orders-list.js';

const ANY_OPERATOR = anyOf(backend('refunds:decide'), operator);

const EXAMPLE = {
  __v: 0,
  type: 'deal',
  status: '未支付',
  receiverId: '55370ecc30b55c7805829b34',
  userId: '55370ecc30b55c7805829b33',
  amount: 100,
  orderNo: '83aac82bbbfc084a',
  orderNoHash: '',
  channel: '',
  pingChargeId: '',
  subject: '购买xx服务',
  skillId: '5555c4a1390c9ed166fc7f15',
  chatId: 'room_77340061',
  alipayName: '',
  alipayNo: '',
  refundReason: '',
  refundedAmount: 0,
  _id: '5552c15fa145bd880311a245',
  create_at: '2015-05-13T03:13:35.129Z',
};
const PERSON = {
  _id: '55516ed14522f7917465e4da',
  avatar: '',
  avatar_url: '',
  name: '郭利军',
  skills: [],
  careers: [],
};

const initOrder = call(
  {
    name: 'initOrder',
    summary: '新建订单: make an order',
    description:
      'A `deal` is held for its receiver; a `recharge` tops up the caller’s own wallet. With `channel` `alipay` or ' +
      '`wx` the answer has a `charge` too.',
    access: acting('orders', 'documented'),
    body: z.object({
      type: z.enum(['deal', 'recharge']).default('deal'),
      subject: text(256),
      amount: z.number().int().min(1).max(MAX_AMOUNT_FEN).meta({ description: 'Fen.' }),
      userId: id.optional(),
      receiverId: optionalText(64),
      chatId: optionalText(128),
      skillId: optionalText(128),
      channel: z.enum(['alipay', 'wx', 'wallet', '']).optional(),
      nextAction: z.union([z.record(z.string(), z.unknown()), z.string().max(16_384)]).optional(),
    }),
    example: {
      subject: '购买xx服务',
      amount: 100,
      userId: '55370ecc30b55c7805829b33',
      receiverId: '55370ecc30b55c7805829b34',
      chatId: 'room_77340061',
      skillId: '5555c4a1390c9ed166fc7f15',
    },
    answered: { order: EXAMPLE },
    answer: z.object({ order: orderSchema, charge: chargeSchema.optional() }),
  },
  async ({ services, caller, address }, body) => {
    const userId = actsFor(caller, body.userId, 'userId');
    const isDeal = body.type === 'deal';
    if (isDeal && body.receiverId === undefined) throw invalid('body', 'receiverId', 'is needed', 'missing');
    const asked = askedBy(caller, userId);
    const order = await createOrder(
      services.commands,
      {
        ...PLAIN_ORDER,
        kind: isDeal ? 'deal' : 'topup',
        buyerId: userId,
        sellerId: isDeal ? (body.receiverId ?? null) : null,
        amountFen: fen(body.amount),
        subject: body.subject,
        nextAction: body.nextAction === '' ? null : (body.nextAction ?? null),
        chatId: isDeal ? (body.chatId ?? null) : null,
        skillId: body.skillId ?? null,
      },
      asked,
    );
    const { channel } = body;
    const charge =
      channel === 'alipay' || channel === 'wx'
        ? await chargeFor(services, order, { channel, address, by: asked.by })
        : undefined;
    return { order: toMarketOrder(order), ...(charge && { charge }) };
  },
);

const confirmOrderCall = call(
  {
    name: 'confirmOrder',
    summary: '手动确认订单: release the money to the receiver',
    access: acting('orders', 'documented'),
    body: z.object({ id }),
    example: { id: '5552c15fa145bd880311a245' },
    answer: done,
  },
  async ({ services, caller }, { id: oid }) => {
    const order = await orderOf(services, caller, oid, ['buyer', 'backend']);
    assertMayConfirm(caller, order);
    await confirmOrder(services.commands, order, askedBy(caller, order.buyerId));
    return {};
  },
);

const getOrderDetail = call(
  {
    name: 'getOrderDetail',
    summary: '获取订单详情: read an order',
    access: acting('orders', 'never'),
    body: z.object({ oid: optionalText(64), id: optionalText(64) }),
    example: { oid: '557f8c7f22ff73f70fbe1716' },
    answered: {
      order: { ...EXAMPLE, user: 'Michael', userOJ: PERSON, receiver: PERSON },
      receiver: PERSON,
    },
    answer: z.object({
      order: orderSchema.extend({
        user: z.string().meta({ description: 'The payer’s name.' }),
        userOJ: personSchema.nullable().meta({ description: 'The payer.' }),
        receiver: personSchema.nullable(),
      }),
      receiver: personSchema.nullable(),
    }),
  },
  async ({ services, caller }, { oid, id: otherName }) => {
    const wanted = oid ?? otherName;
    if (wanted === undefined) throw invalid('body', 'oid', 'is needed', 'missing');
    const [listed] = await readListed(services.db, [wanted]);
    if (listed === undefined || !maySee(caller, listed.order)) {
      throw new HoldfastError('order_not_found', { message: `there is no order ${wanted}` });
    }
    const { order, buyer, receiver } = listed;
    return { order: { ...order, user: buyer?.name ?? '', userOJ: buyer, receiver }, receiver };
  },
);

function maySee(caller: Caller | undefined, order: { userId: string; receiverId: string }): boolean {
  if (caller === undefined) return false;
  if (caller.kind === 'backend') return hasScope(caller, 'orders');
  return isOperator(caller) || caller.userId === order.userId || caller.userId === order.receiverId;
}

const getOrder = call(
  {
    name: 'getOrder',
    summary: '获取订单列表: list orders, newest first',
    access: acting('orders', 'documented'),
    body: z.object({
      type: z.enum([...MARKET_TYPES, '']).optional(),
      status: z.enum([...MARKET_STATUSES, '']).optional(),
      uid: optionalText(64),
      receiverId: optionalText(64),
      pageNo: z.number().int().min(1).max(1_000_000).default(1),
      pageSize: z.number().int().min(1).max(100).default(20),
    }),
    example: { uid: '55370ecc30b55c7805829b33', type: 'deal', pageNo: 1, pageSize: 20 },
    answered: {
      orders: [{ ...EXAMPLE, status: '退款成功', refundReason: 'tobad!!!', user: 'xx', receiver: PERSON }],
      total: 1,
    },
    answer: z.object({
      orders: z.array(orderSchema.extend({ user: z.string(), receiver: personSchema.nullable() })),
      total: z.int(),
    }),
  },
  async ({ services, caller }, { type, status, uid, receiverId, pageNo, pageSize }) => {
    if (caller === undefined && uid === undefined && receiverId === undefined) {
      throw invalid('body', 'uid', 'or receiverId is needed without a token', 'missing');
    }
    const { total, listed } = await listOrders(
      services.db,
      {
        visibleTo: caller?.kind === 'user' && !isOperator(caller) ? caller.userId : undefined,
        type: type === '' ? undefined : type,
        status: status === '' ? undefined : status,
        uid,
        receiverId,
      },
      { no: pageNo, size: pageSize },
    );
    const orders = listed.map(({ order, buyer, receiver }) => ({
      ...order,
      user: buyer?.name ?? '',
      receiver,
    }));
    return { orders, total };
  },
);

const applyRefund = call(
  {
    name: 'applyRefund',
    summary: '申请退款: ask for the money back',
    access: acting('orders', 'never'),
    body: z.object({ oid: id, reason: text(500) }),
    example: { oid: '5552c3b95bab4495037e007c', reason: 'tobad!!!' },
    answer: done,
    answerError: (error) => {
      const failed = toMarketFailure(error);
      return { ...toMarketError(error), body: { ...failed, error: failed.msg } };
    },
  },
  async ({ services, caller }, { oid, reason }) => {
    const order = await orderOf(services, caller, oid, ['buyer', 'backend']);
    // A repeat while it is looked at answers the same.
    if (!order.refundOpen) {
      const wish = { amountFen: null, reason };
      await requestRefund(services.commands, order, wish, askedBy(caller, order.buyerId));
    }
    return {};
  },
);

const comment = call(
  {
    name: 'comment',
    summary: '评价订单: say something of a completed order, once',
    access: acting('orders', 'never'),
    body: z.object({
      oid: id,
      score: z.number().int().min(1).max(5),
      comment: z.string().max(2_000).default(''),
    }),
    example: { oid: '5552c3b95bab4495037e007c', score: 5, comment: '很好' },
    answer: done,
  },
  async ({ services, caller }, { oid, score, comment: said }) => {
    const order = await orderOf(services, caller, oid, ['buyer', 'backend']);
    await commentOn(services.db, order, { score, text: said });
    return {};
  },
);

const handleRefund = call(
  {
    name: 'handleRefund',
    summary: 'Decide about a refund (not in the document)',
    access: ANY_OPERATOR,
    body: z.object({ oid: id, agree: z.boolean(), reason: z.string().max(500).default('') }),
    example: { oid: '5552c3b95bab4495037e007c', agree: true, reason: 'agreed' },
    answer: done,
  },
  async ({ services, caller }, { oid, agree, reason }) => {
    const order = await orderOf(services, undefined, oid, []);
    const [latest] = await services.db
      .select()
      .from(refunds)
      .where(eq(refunds.orderNo, order.orderNo))
      .orderBy(desc(refunds.seq))
      .limit(1);
    if (latest === undefined) {
      throw new HoldfastError('refund_not_found', { message: 'nobody asked for a refund of this order' });
    }
    await decideRefund(services.commands, latest, { approve: agree, reason }, askedBy(caller, order.buyerId));
    return {};
  },
);

export const marketOrders: readonly Endpoint[] = [
  initOrder,
  confirmOrderCall,
  getOrderDetail,
  getOrder,
  applyRefund,
  comment,
  handleRefund,
];
