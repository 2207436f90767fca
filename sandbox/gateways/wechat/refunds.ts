import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Refund, RefundStatus } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { digits } from '../../values/random.js';
import { toCstDay, toRfc3339 } from '../../values/times.js';
import { invalidRequest, paramError, WechatRefusal, type WechatAnswer } from './refusal.js';
import { notifyUrl, readBody } from './trades.js';

const refundOrder = z.object({
  transaction_id: z.string().min(1).optional(),
  out_trade_no: z.string().min(1).optional(),
  out_refund_no: z.string().regex(/^[0-9A-Za-z_\-|*@]{1,64}$/, 'takes up to 64 letters, digits and _-|*@'),
  reason: z.string().max(80).optional(),
  notify_url: notifyUrl.optional(),
  amount: z.object({ refund: z.int().min(1), total: z.int().min(1), currency: z.literal('CNY') }),
});
type RefundOrder = z.infer<typeof refundOrder>;

const STATUS = {
  processing: 'PROCESSING',
  succeeded: 'SUCCESS',
  failed: 'CLOSED',
  abnormal: 'ABNORMAL',
} as const satisfies Record<RefundStatus, string>;

/** POST /v3/refund/domestic/refunds: PROCESSING at first; the same out_refund_no refunds once. */
export function refund(context: GatewayContext, body: string): WechatAnswer {
  const biz = readBody(body, refundOrder);
  if (!biz.transaction_id && !biz.out_trade_no) {
    throw paramError('/transaction_id', 'or out_trade_no is needed');
  }
  const trade = biz.transaction_id
    ? context.trades.findByTradeNo('wechat', biz.transaction_id)
    : context.trades.find('wechat', biz.out_trade_no ?? '');
  if (!trade || trade.paidAmount === null) {
    throw new WechatRefusal(404, 'RESOURCE_NOT_EXISTS', '订单不存在或未支付');
  }
  const known = findRefund(context, biz.out_refund_no);
  if (known) {
    if (known.tradeNo !== trade.tradeNo || known.amount !== biz.amount.refund) {
      throw invalidRequest('商户退款单号重复，请核实参数与原请求是否一致');
    }
    return { status: 200, body: refundObject(known, trade) };
  }
  return { status: 200, body: refundObject(openRefund(context, trade, biz), trade) };
}

/** GET /v3/refund/domestic/refunds/{out_refund_no} */
export function refundQuery(context: GatewayContext, outRefundNo: string): WechatAnswer {
  const known = findRefund(context, outRefundNo);
  const trade = known && context.trades.findByTradeNo('wechat', known.tradeNo);
  if (!known || !trade) throw new WechatRefusal(404, 'RESOURCE_NOT_EXISTS', '退款单不存在');
  return { status: 200, body: refundObject(known, trade) };
}

/** What a refund's notification holds. */
export function refundResource(refund: Refund, trade: Trade, mchId: string): Record<string, unknown> {
  return {
    mchid: mchId,
    out_trade_no: trade.outTradeNo,
    transaction_id: refund.tradeNo,
    out_refund_no: refund.outRefundNo,
    refund_id: refund.refundNo,
    refund_status: STATUS[refund.status],
    ...(refund.status === 'succeeded' && successTime(refund)),
    user_received_account: '支付用户零钱',
    amount: amounts(refund, trade),
  };
}

export function refundEventType(refund: Refund): string {
  return `REFUND.${STATUS[refund.status]}`;
}

function openRefund(context: GatewayContext, trade: Trade, biz: RefundOrder): Refund {
  if (biz.amount.total !== trade.paidAmount) throw paramError('/amount/total', 'is not the order amount');
  if (biz.amount.refund > context.refunds.refundable(trade)) {
    throw invalidRequest('退款金额超过可退金额');
  }
  return context.refunds.open({
    channel: 'wechat',
    refundNo: `503000${digits(4)}${toCstDay(context.now())}${digits(12)}`,
    outRefundNo: biz.out_refund_no,
    outTradeNo: trade.outTradeNo,
    tradeNo: trade.tradeNo,
    amount: biz.amount.refund,
    reason: biz.reason ?? null,
    notifyUrl: biz.notify_url ?? null,
  });
}

// WeChat's refund number is unique for the merchant, whatever the order.
function findRefund(context: GatewayContext, outRefundNo: string): Refund | undefined {
  return context.refunds.list(
    (refund) => refund.channel === 'wechat' && refund.outRefundNo === outRefundNo,
  )[0];
}

function refundObject(refund: Refund, trade: Trade): Record<string, unknown> {
  return {
    refund_id: refund.refundNo,
    out_refund_no: refund.outRefundNo,
    transaction_id: refund.tradeNo,
    out_trade_no: refund.outTradeNo,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    ...(refund.status === 'succeeded' && successTime(refund)),
    create_time: toRfc3339(refund.createdAt),
    status: STATUS[refund.status],
    funds_account: 'AVAILABLE',
    amount: {
      ...amounts(refund, trade),
      settlement_total: trade.paidAmount,
      settlement_refund: refund.amount,
      discount_refund: 0,
      currency: trade.currency,
      from: [],
    },
    promotion_detail: [],
  };
}

function successTime(refund: Refund): Record<string, string> {
  return { success_time: toRfc3339(refund.settledAt ?? refund.createdAt) };
}

function amounts(refund: Refund, trade: Trade): Record<string, number> {
  const total = trade.paidAmount ?? trade.amount;
  return { total, refund: refund.amount, payer_total: total, payer_refund: refund.amount };
}
