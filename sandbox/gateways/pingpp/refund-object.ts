import type { GatewayContext } from '../../gateway.js';
import type { Refund, RefundStatus } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { toSecond } from './wire.js';

const STATUS = {
  processing: 'pending',
  succeeded: 'succeeded',
  failed: 'failed',
  abnormal: 'failed',
} as const satisfies Record<RefundStatus, string>;

export type RefundObject = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly created: number;
};

/** Newest first. @param told what is told of each */
export function refundsOf(
  context: GatewayContext,
  trade: Trade,
  told: (context: GatewayContext, refund: Refund, trade: Trade) => Refund[] = (_context, refund) => [refund],
): RefundObject[] {
  return context.refunds
    .list((refund) => refund.channel === 'pingpp' && refund.tradeNo === trade.tradeNo)
    .flatMap((refund) => told(context, refund, trade))
    .map(refundObject);
}

/** The refund object: in answers, in its charge and in events. */
export function refundObject(refund: Refund): RefundObject {
  const succeed = refund.status === 'succeeded';
  const failed = STATUS[refund.status] === 'failed';
  return {
    id: refund.refundNo,
    object: 'refund',
    order_no: refund.refundNo.slice(3),
    amount: refund.amount,
    created: toSecond(refund.createdAt),
    succeed,
    status: STATUS[refund.status],
    time_succeed: succeed ? toSecond(refund.settledAt ?? refund.createdAt) : null,
    description: refund.reason ?? '',
    failure_code: failed ? 'refund_channel_failed' : null,
    failure_msg: failed ? '渠道退款失败' : null,
    metadata: {},
    charge: refund.tradeNo,
    charge_order_no: refund.outTradeNo,
    transaction_no: succeed ? refund.tradeNo.slice(3) : null,
  };
}
