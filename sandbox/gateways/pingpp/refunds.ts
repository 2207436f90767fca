import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import { base62 } from '../../values/random.js';
import { tradeOf } from './charges.js';
import { refundObject, refundsOf } from './refund-object.js';
import { invalidRequest, notFound, type PingppAnswer } from './refusal.js';
import { readBody, readList, toPage } from './wire.js';

const order = z.object({
  amount: z.int().min(1).optional(),
  description: z.string().min(1).max(255),
  metadata: z.record(z.string(), z.unknown()).default({}),
  funding_source: z.enum(['unsettled_funds', 'recharge_funds']).optional(),
});

/** POST /v1/charges/{id}/refunds: a refund of its own each time, whatever its description says. */
export function refund(context: GatewayContext, id: string, body: string): PingppAnswer {
  const asked = readBody(body, order);
  const trade = tradeOf(context, id);
  if (trade.paidAmount === null) throw invalidRequest('charge_unpaid', 'charge 未支付，不能退款');
  const left = context.refunds.refundable(trade);
  const amount = asked.amount ?? left;
  if (amount < 1 || amount > left) {
    throw invalidRequest('refund_amount_invalid', '退款金额超过可退金额', 'amount');
  }
  const refundNo = `re_${base62(24)}`;
  const opened = context.refunds.open({
    channel: 'pingpp',
    refundNo,
    // Merchants who want to find their refund again write its number first.
    outRefundNo: /^[\w-]{1,64}(?= |$)/.exec(asked.description)?.[0] ?? refundNo,
    outTradeNo: trade.outTradeNo,
    tradeNo: trade.tradeNo,
    amount,
    reason: asked.description,
    notifyUrl: trade.notifyUrl,
  });
  return { status: 200, body: refundObject(opened) };
}

/** GET /v1/charges/{id}/refunds */
export function refundList(
  context: GatewayContext,
  appId: string,
  id: string,
  originalUrl: string,
): PingppAnswer {
  const trade = tradeOf(context, id);
  const query = readList(originalUrl, appId);
  return toPage(`/v1/charges/${id}/refunds`, refundsOf(context, trade), query, context.now());
}

/** GET /v1/charges/{id}/refunds/{refund id} */
export function refundQuery(context: GatewayContext, id: string, refundId: string): PingppAnswer {
  const found = refundsOf(context, tradeOf(context, id)).find((one) => one.id === refundId);
  if (!found) throw notFound('refund', refundId);
  return { status: 200, body: found };
}
