import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Trade } from '../../state/trades.js';
import { digits } from '../../values/random.js';
import { toCst, toCstDay } from '../../values/times.js';
import { yuanFromFen } from '../../values/yuan.js';
import { businessFailed, invalidParameter } from './refusal.js';
import { logonId, readBiz, referredTrade, yuan } from './trades.js';
import type { Params } from './wire.js';

const refundOrder = z.object({
  refund_amount: yuan,
  out_request_no: z.string().min(1).max(64).optional(),
  refund_reason: z.string().max(256).optional(),
});

const refundReference = z.object({
  out_request_no: z.string().min(1),
  query_options: z.array(z.string()).optional(),
});

/**
 * alipay.trade.refund: accepted, not yet settled, so `fund_change` is N and the refund query tells the rest.
 * The same out_request_no refunds once; asked for again, a refund that came to nothing is taken up again.
 */
export function refund(context: GatewayContext, params: Params): Record<string, string> {
  const trade = referredTrade(context, params);
  const biz = readBiz(params, refundOrder);
  if (trade.paidAmount === null) throw businessFailed('TRADE_STATUS_ERROR', '交易状态不合法');
  if (biz.out_request_no === undefined && biz.refund_amount !== trade.paidAmount) {
    throw invalidParameter('out_request_no is needed for a partial refund');
  }
  const outRefundNo = biz.out_request_no ?? trade.outTradeNo;
  const known = context.refunds.find('alipay', trade.outTradeNo, outRefundNo);
  if (known) {
    if (known.amount !== biz.refund_amount) throw businessFailed('DISCORDANT_REPEAT_REQUEST', '不一致的请求');
    if (known.status === 'abnormal') {
      throw businessFailed('SELLER_BALANCE_NOT_ENOUGH', '商户的支付宝账户中无足够的资金进行撤销');
    }
    if (known.status !== 'failed') return refundAnswer(trade);
  }
  if (biz.refund_amount > context.refunds.refundable(trade)) {
    throw businessFailed('REASON_TRADE_REFUND_FEE_ERR', '退款金额无效');
  }
  context.refunds.open({
    channel: 'alipay',
    refundNo: known?.refundNo ?? `${toCstDay(context.now())}22002${digits(15)}`,
    outRefundNo,
    outTradeNo: trade.outTradeNo,
    tradeNo: trade.tradeNo,
    amount: biz.refund_amount,
    reason: biz.refund_reason ?? null,
    notifyUrl: trade.notifyUrl,
  });
  return refundAnswer(trade);
}

/** alipay.trade.fastpay.refund.query: no refund_status means not refunded, or not yet. */
export function refundQuery(context: GatewayContext, params: Params): Record<string, string> {
  const trade = referredTrade(context, params);
  const biz = readBiz(params, refundReference);
  const known = context.refunds.find('alipay', trade.outTradeNo, biz.out_request_no);
  if (known?.status !== 'succeeded') return {};
  const wantsTime = biz.query_options?.includes('gmt_refund_pay') ?? false;
  return {
    trade_no: trade.tradeNo,
    out_trade_no: trade.outTradeNo,
    out_request_no: known.outRefundNo,
    refund_status: 'REFUND_SUCCESS',
    refund_amount: yuanFromFen(known.amount),
    total_amount: yuanFromFen(trade.paidAmount ?? trade.amount),
    ...(wantsTime && known.settledAt !== null && { gmt_refund_pay: toCst(known.settledAt) }),
  };
}

/** refund_fee is what went back of the trade in all, not by this call. */
function refundAnswer(trade: Trade): Record<string, string> {
  return {
    trade_no: trade.tradeNo,
    out_trade_no: trade.outTradeNo,
    fund_change: 'N',
    refund_fee: yuanFromFen(trade.refundedAmount),
    ...(trade.buyer && { buyer_user_id: trade.buyer, buyer_logon_id: logonId(trade.buyer) }),
  };
}
