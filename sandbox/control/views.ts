import type { Delivery } from '../notify/events.js';
import type { Payout } from '../state/payouts.js';
import type { Dispute } from '../state/disputes.js';
import type { Refund } from '../state/refunds.js';
import type { Trade } from '../state/trades.js';
import type { Desk } from './desk.js';

type View = Readonly<Record<string, unknown>>;

/** A trade as control answers show it: amounts in fen, times in ISO 8601. */
export function tradeView(desk: Desk, trade: Trade): View {
  return {
    channel: trade.channel,
    tradeNo: trade.tradeNo,
    outTradeNo: trade.outTradeNo,
    amount: trade.amount,
    currency: trade.currency,
    status: trade.status,
    providerStatus: desk.gateways[trade.channel].providerStatus(trade),
    paidAmount: trade.paidAmount,
    refundedAmount: trade.refundedAmount,
    scene: trade.scene,
    subject: trade.subject,
    buyer: trade.buyer,
    createdAt: iso(trade.createdAt),
    expiresAt: iso(trade.expiresAt),
    paidAt: iso(trade.paidAt),
    closedAt: iso(trade.closedAt),
    expired: trade.expired,
    notifyUrl: trade.notifyUrl,
    returnUrl: trade.returnUrl,
    credential: trade.credential,
    cashierUrl: desk.cashierUrl(trade.tradeNo),
  };
}

export function refundView(refund: Refund): View {
  const { channel, refundNo, outRefundNo, outTradeNo, tradeNo, amount, status, reason } = refund;
  return {
    channel,
    refundNo,
    outRefundNo,
    outTradeNo,
    tradeNo,
    amount,
    status,
    reason,
    createdAt: iso(refund.createdAt),
    settledAt: iso(refund.settledAt),
  };
}

/** `settlesAt` is when it becomes something by itself; null once it has ended. */
export function payoutView(desk: Desk, payout: Payout): View {
  const { channel, payoutNo, outPayoutNo, amount, receiver, receiverName, status, reason, remark } = payout;
  return {
    channel,
    payoutNo,
    outPayoutNo,
    amount,
    receiver,
    receiverName,
    status,
    providerStatus: desk.gateways[channel].notifications.payouts?.providerStatus(payout) ?? null,
    reason,
    remark,
    notifyUrl: payout.notifyUrl,
    createdAt: iso(payout.createdAt),
    settlesAt: iso(payout.settlesAt),
    paidAt: iso(payout.paidAt),
    settledAt: iso(payout.settledAt),
  };
}

export function disputeView(dispute: Dispute, { outTradeNo }: Trade): View {
  const { createdAt, closedAt, ...known } = dispute;
  return { ...known, outTradeNo, createdAt: iso(createdAt), closedAt: iso(closedAt) };
}

/** A delivery attempt with its answer, and what becomes of the notification it belongs to. */
export function deliveryView(desk: Desk, delivery: Delivery): View {
  const event = desk.store.events.get(delivery.eventId);
  return {
    ...delivery,
    sentAt: iso(delivery.sentAt),
    state: event?.state ?? null,
    nextAttemptAt: event?.state === 'due' ? iso(event.dueAt) : null,
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
