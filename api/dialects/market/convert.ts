/** Orders and withdrawals as the document of `market` prints them. The only place for its status texts. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { OrderRow } from '../../../db/orders.js';
import type { WithdrawalRow } from '../../../db/withdrawals.js';
import type { OrderStatus } from '../../../domain/order-status.js';
import type { OrderKind, PaymentChannel } from '../../../domain/order.js';
import type { WithdrawalStatus } from '../../../domain/withdrawals.js';

export const MARKET_TYPES = ['deal', 'recharge', 'withdrawals'] as const;
export type MarketType = (typeof MARKET_TYPES)[number];

export const MARKET_STATUSES = [
  '未支付',
  '已付款',
  '已完成',
  '退款申请中',
  '退款成功',
  '提现申请中',
  '提现成功',
] as const;
export type MarketStatus = (typeof MARKET_STATUSES)[number];

/** A topup is the only kind that fills a wallet; of the others each is a purchase. */
export const TYPE_OF_KIND: Readonly<Record<OrderKind, MarketType>> = {
  deal: 'deal',
  course: 'deal',
  package: 'deal',
  topup: 'recharge',
};

/** `action_required` reads as what has become of the money. */
const STATUS_OF_ORDER: Readonly<Record<Exclude<OrderStatus, 'action_required'>, MarketStatus>> = {
  unpaid: '未支付',
  closed: '未支付',
  paid: '已付款',
  completed: '已完成',
  partially_refunded: '已完成',
  refund_requested: '退款申请中',
  refunded: '退款成功',
};

const STATUS_OF_WITHDRAWAL: Readonly<Record<WithdrawalStatus, MarketStatus>> = {
  requested: '提现申请中',
  approved: '提现申请中',
  submitted: '提现申请中',
  awaiting_receiver: '提现申请中',
  paid: '提现成功',
  failed: '提现申请中',
  rejected: '提现申请中',
  bounced: '提现申请中',
};

/** Their money is back already. */
const IS_FAILED: Readonly<Record<WithdrawalStatus, boolean>> = {
  requested: false,
  approved: false,
  submitted: false,
  awaiting_receiver: false,
  paid: false,
  failed: true,
  rejected: true,
  bounced: true,
};

/** Statuses of ours that read as this one; `action_required` is looked at by its money. */
export function orderStatusesOf(status: MarketStatus): OrderStatus[] {
  const names = Object.keys(STATUS_OF_ORDER) as (keyof typeof STATUS_OF_ORDER)[];
  return names.filter((name) => STATUS_OF_ORDER[name] === status);
}

export function withdrawalStatusesOf(status: MarketStatus): WithdrawalStatus[] {
  const names = Object.keys(STATUS_OF_WITHDRAWAL) as WithdrawalStatus[];
  return names.filter((name) => STATUS_OF_WITHDRAWAL[name] === status);
}

function statusOf({ status, money }: Pick<OrderRow, 'status' | 'money'>): MarketStatus {
  if (status !== 'action_required') return STATUS_OF_ORDER[status];
  return money === 'released' ? '已完成' : '已付款';
}

const CHANNELS: Readonly<Record<PaymentChannel, string>> = {
  alipay: 'alipay',
  wechat: 'wx',
  wallet: 'wallet',
  pingpp: 'pingpp',
  stripe: 'stripe',
};

/** Somebody whom the document shows beside an order. */
export const personSchema = z
  .object({
    _id: z.string(),
    name: z.string(),
    avatar: z.string(),
    avatar_url: z.string(),
    skills: z.array(z.unknown()),
    careers: z.array(z.unknown()),
  })
  .meta({ id: 'MarketPerson' });
export type Person = z.infer<typeof personSchema>;

export const orderSchema = z
  .object({
    __v: z.literal(0),
    _id: z.string().meta({ example: '5552c15fa145bd880311a245' }),
    type: z.enum(MARKET_TYPES),
    status: z.enum(MARKET_STATUSES),
    receiverId: z.string(),
    userId: z.string(),
    amount: z.int().meta({ description: 'Fen.', example: 100 }),
    orderNo: z.string().meta({ example: '83aac82bbbfc084a' }),
    orderNoHash: z.string(),
    channel: z
      .string()
      .meta({ description: 'What it was paid by: `alipay`, `wx`, `wallet`; empty until then.' }),
    pingChargeId: z.string(),
    subject: z.string(),
    skillId: z.string(),
    chatId: z.string(),
    alipayName: z.string(),
    alipayNo: z.string(),
    refundReason: z.string(),
    refundedAmount: z.int().meta({ description: 'Fen.' }),
    create_at: z.iso.datetime(),
    closed: z.literal(true).optional().meta({ description: 'It expired or was cancelled, unpaid.' }),
    failed: z.literal(true).optional().meta({ description: 'A withdrawal whose money is back.' }),
  })
  .meta({ id: 'MarketOrder' });
export type MarketOrder = z.infer<typeof orderSchema>;

const hashOf = (orderNo: string): string => createHash('sha256').update(orderNo).digest('hex');

export function toMarketOrder(order: OrderRow, refundReason = ''): MarketOrder {
  return {
    __v: 0,
    _id: order.id,
    type: TYPE_OF_KIND[order.kind],
    status: statusOf(order),
    receiverId: order.sellerId ?? '',
    userId: order.buyerId,
    amount: order.amount,
    orderNo: order.orderNo,
    orderNoHash: hashOf(order.orderNo),
    channel: order.paidChannel === null ? '' : CHANNELS[order.paidChannel],
    pingChargeId: order.paymentId === null || order.paidChannel === 'wallet' ? '' : `ch_${order.paymentId}`,
    subject: order.subject,
    skillId: order.skillId ?? '',
    chatId: order.chatId ?? '',
    alipayName: '',
    alipayNo: '',
    refundReason,
    refundedAmount: order.refunded,
    create_at: order.createdAt.toISOString(),
    ...(order.status === 'closed' && { closed: true as const }),
  };
}

/** A number of the form that orders have; the withdrawal's own is its `_id`. */
const ORDER_NO_LENGTH = 16;

export function withdrawalToMarketOrder(withdrawal: WithdrawalRow): MarketOrder {
  const { id, userId, amount, channel, status, accountName, accountNo, createdAt } = withdrawal;
  const orderNo = id.slice(0, ORDER_NO_LENGTH);
  return {
    __v: 0,
    _id: id,
    type: 'withdrawals',
    status: STATUS_OF_WITHDRAWAL[status],
    receiverId: '',
    userId,
    amount,
    orderNo,
    orderNoHash: hashOf(orderNo),
    channel: CHANNELS[channel],
    pingChargeId: '',
    subject: '提现',
    skillId: '',
    chatId: '',
    alipayName: accountName,
    alipayNo: accountNo,
    refundReason: '',
    refundedAmount: 0,
    create_at: createdAt.toISOString(),
    ...(IS_FAILED[status] && { failed: true as const }),
  };
}

/** Stable, 24 hex digits as the document's, and not the user's own id. */
export const walletIdOf = (userId: string): string =>
  createHash('sha256').update(`wallet ${userId}`).digest('hex').slice(0, 24);
