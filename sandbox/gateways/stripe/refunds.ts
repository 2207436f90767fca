import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import { disputeOf } from '../../state/disputes.js';
import type { Refund, RefundStatus } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { base62 } from '../../values/random.js';
import { yuanFromFen } from '../../values/yuan.js';
import { chargeId, metadataOf, namedIntent } from './intents.js';
import { amount, expand, metadata, notifyUrlIn, page, type Metadata } from './params.js';
import { missing, ok, StripeRefusal, type StripeAnswer } from './refusal.js';
import { pageOf, readParams, seconds } from './wire.js';

const order = z.strictObject({
  payment_intent: z.string().min(1),
  amount: amount.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
  metadata,
  expand,
});

const STATUS = {
  processing: 'pending',
  succeeded: 'succeeded',
  failed: 'failed',
  abnormal: 'failed',
} as const satisfies Record<RefundStatus, string>;

/** POST /v1/refunds: pending at first. Each call is a refund of its own; the idempotency key alone makes it one. */
export function refund(context: GatewayContext, params: unknown): StripeAnswer {
  const biz = readParams(params, order);
  const trade = namedIntent(context, biz.payment_intent, 'payment_intent');
  if (trade.paidAmount === null) {
    throw new StripeRefusal(
      400,
      `This PaymentIntent (${trade.tradeNo}) does not have a successful charge to refund.`,
      { executed: true },
    );
  }
  const dispute = disputeOf(context.store, trade);
  if (dispute !== null && dispute.status !== 'won') {
    throw new StripeRefusal(400, `Charge ${chargeId(trade)} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
      executed: true,
    });
  }
  const left = context.refunds.refundable(trade);
  if (left === 0) {
    throw new StripeRefusal(400, 'The charge has already been refunded.', {
      code: 'charge_already_refunded',
      executed: true,
    });
  }
  const wanted = biz.amount ?? left;
  if (wanted > left) {
    throw new StripeRefusal(
      400,
      `Refund amount (¥${yuanFromFen(wanted)}) is greater than unrefunded amount on charge (¥${yuanFromFen(left)})`,
      { param: 'amount', executed: true },
    );
  }
  const refundNo = `re_${base62(24)}`;
  const { refund_no: ours = refundNo, reason } = biz.metadata;
  const isFree = context.refunds.find('stripe', trade.outTradeNo, ours) === null;
  const opened = context.refunds.open({
    channel: 'stripe',
    refundNo,
    outRefundNo: isFree ? ours : refundNo,
    outTradeNo: trade.outTradeNo,
    tradeNo: trade.tradeNo,
    amount: wanted,
    reason: reason ?? null,
    notifyUrl: notifyUrlIn(biz.metadata) ?? trade.notifyUrl,
  });
  return ok(refundObject(opened, trade));
}

/** GET /v1/refunds */
export function list(context: GatewayContext, query: unknown): StripeAnswer {
  const biz = readParams(query, z.strictObject({ ...page, payment_intent: z.string().optional() }));
  const found = context.refunds.list(
    (one) =>
      one.channel === 'stripe' && (biz.payment_intent === undefined || one.tradeNo === biz.payment_intent),
  );
  return pageOf(
    '/v1/refunds',
    found.map((one) => refundObject(one, tradeOf(context, one))),
    biz,
  );
}

/** GET /v1/refunds/{id} */
export function retrieve(context: GatewayContext, id: string): StripeAnswer {
  const [found] = context.refunds.list((one) => one.channel === 'stripe' && one.refundNo === id);
  if (!found) throw missing('refund', id, 'refund');
  return ok(refundObject(found, tradeOf(context, found)));
}

export function tradeOf(context: GatewayContext, { tradeNo }: Refund): Trade {
  return namedIntent(context, tradeNo);
}

/** The refund: what calls answer and what an event holds. */
export function refundObject(refund: Refund, trade: Trade): Readonly<Record<string, unknown>> {
  return {
    id: refund.refundNo,
    object: 'refund',
    amount: refund.amount,
    created: seconds(refund.createdAt),
    currency: 'cny',
    ...(STATUS[refund.status] === 'failed' && { failure_reason: FAILURES[refund.status] }),
    metadata: refundMetadata(refund, trade),
    payment_intent: refund.tradeNo,
    reason: 'requested_by_customer',
    status: STATUS[refund.status],
  };
}

const FAILURES: Readonly<Record<RefundStatus, string | null>> = {
  processing: null,
  succeeded: null,
  failed: 'declined',
  abnormal: 'unknown',
};

function refundMetadata(refund: Refund, trade: Trade): Metadata {
  const { out_trade_no } = metadataOf(trade);
  return {
    ...(refund.outRefundNo !== refund.refundNo && { refund_no: refund.outRefundNo }),
    ...(out_trade_no !== undefined && { out_trade_no }),
    ...(refund.notifyUrl !== null && { notify_url: refund.notifyUrl }),
    ...(refund.reason !== null && { reason: refund.reason }),
  };
}
