import type { Channel } from '../gateway.js';
import type { Payout } from '../state/payouts.js';
import type { Refund } from '../state/refunds.js';
import type { Store } from '../state/store.js';
import type { Trade } from '../state/trades.js';

/** One line of a provider's bill, before it has the provider's form. Amounts in integer fen, times in epoch ms. */
export interface BillLine {
  /** A `payout_return` is a payout that came back after it was paid. */
  readonly kind: 'payment' | 'refund' | 'payout' | 'payout_return';
  /** The merchant's number: of the trade, the refund or the payout. */
  readonly no: string;
  /** The provider's number of the same. */
  readonly providerNo: string;
  /** For a refund, the numbers of the trade that it gives back. */
  readonly outTradeNo: string | null;
  readonly tradeNo: string | null;
  readonly amount: number;
  /** What the provider keeps; negative where it gives a part of it back. */
  readonly fee: number;
  readonly createdAt: number;
  readonly at: number;
  readonly status: 'succeeded' | 'processing' | 'revoked';
  readonly scene: string | null;
  readonly subject: string;
  /** The other side: buyer or receiver. */
  readonly party: string;
}

/** The usual rate of both providers, in basis points: 0.6 %, rounded to the fen. */
export const FEE_BPS = 60;

const DAY_MS = 86_400_000;

/** A day of UTC+8 such as `2026-11-23`, as the half-open span of epoch ms that it is; null when it is none. */
export function dayOf(date: string): { readonly from: number; readonly to: number } | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return null;
  const from = Date.parse(`${date}T00:00:00+08:00`);
  // Date.parse turns 31 February into 3 March.
  const isReal = !Number.isNaN(from) && new Date(from + DAY_MS / 3).toISOString().startsWith(date);
  return isReal ? { from, to: from + DAY_MS } : null;
}

/** What moved money at the provider in a span of time, oldest first. */
export function linesOf(store: Store, channel: Channel, span: { from: number; to: number }): BillLine[] {
  const within = (at: number | null): at is number => at !== null && at >= span.from && at < span.to;
  const lines: BillLine[] = [];
  for (const trade of store.trades.values()) {
    if (trade.channel !== channel || trade.paidAmount === null || !within(trade.paidAt)) continue;
    lines.push(paymentLine(trade));
  }
  for (const refund of store.refunds.values()) {
    if (refund.channel !== channel || refund.status !== 'succeeded' || !within(refund.settledAt)) continue;
    lines.push(refundLine(refund, store.trades.get(`${channel}:${refund.outTradeNo}`)));
  }
  for (const payout of store.payouts.values()) {
    if (payout.channel !== channel) continue;
    if (within(payout.paidAt)) lines.push(payoutLine(payout));
    if (payout.status === 'bounced' && within(payout.settledAt)) {
      lines.push({ ...payoutLine(payout), kind: 'payout_return', at: payout.settledAt });
    }
  }
  return lines.sort((a, b) => a.at - b.at);
}

/** Of a trade that was paid. */
export function paymentLine(trade: Trade): BillLine {
  const amount = trade.paidAmount ?? trade.amount;
  return {
    kind: 'payment',
    no: trade.outTradeNo,
    providerNo: trade.tradeNo,
    outTradeNo: null,
    tradeNo: null,
    amount,
    fee: feeOf(amount),
    createdAt: trade.createdAt,
    at: trade.paidAt ?? trade.createdAt,
    status: 'succeeded',
    scene: trade.scene,
    subject: trade.subject,
    party: trade.buyer ?? '',
  };
}

/** Of a refund that succeeded. */
export function refundLine(refund: Refund, trade: Trade | undefined): BillLine {
  return {
    kind: 'refund',
    no: refund.outRefundNo,
    providerNo: refund.refundNo,
    outTradeNo: refund.outTradeNo,
    tradeNo: refund.tradeNo,
    amount: refund.amount,
    fee: -feeOf(refund.amount),
    createdAt: refund.createdAt,
    at: refund.settledAt ?? refund.createdAt,
    status: 'succeeded',
    scene: trade?.scene ?? null,
    subject: trade?.subject ?? '',
    party: trade?.buyer ?? '',
  };
}

/** Of a payout that was paid. */
export function payoutLine(payout: Payout): BillLine {
  return {
    kind: 'payout',
    no: payout.outPayoutNo,
    providerNo: payout.payoutNo,
    outTradeNo: null,
    tradeNo: null,
    amount: payout.amount,
    fee: 0,
    createdAt: payout.createdAt,
    at: payout.paidAt ?? payout.createdAt,
    status: 'succeeded',
    scene: null,
    subject: payout.remark ?? '',
    party: payout.receiver,
  };
}

function feeOf(amount: number): number {
  return Math.floor((amount * FEE_BPS + 5_000) / 10_000);
}
