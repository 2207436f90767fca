import type { Channel } from '../gateway.js';
import { Refusal } from './refusal.js';
import type { Store } from './store.js';
import type { Trade } from './trades.js';

/** A payer's bank takes a payment back, or asks to. Amounts in integer fen, times in epoch ms. */
export interface Dispute {
  readonly channel: Channel;
  /** The provider's number. */
  readonly disputeNo: string;
  readonly tradeNo: string;
  readonly amount: number;
  readonly reason: string;
  readonly status: DisputeStatus;
  readonly createdAt: number;
  readonly closedAt: number | null;
}

export const DISPUTE_STATUSES = ['opened', 'won', 'lost'] as const;
export type DisputeStatus = (typeof DISPUTE_STATUSES)[number];

/** The dispute of a trade; there is one at most. */
export function disputeOf(store: Store, trade: Pick<Trade, 'channel' | 'tradeNo'>): Dispute | null {
  return store.disputes.get(keyOf(trade)) ?? null;
}

/** @throws Refusal `trade_<status>` when nothing was paid, `dispute_exists` */
export function openDispute(
  store: Store,
  trade: Trade,
  wish: Pick<Dispute, 'disputeNo' | 'reason'> & { readonly amount: number | null; readonly at: number },
): Dispute {
  if (trade.paidAmount === null) {
    throw new Refusal(
      `trade_${trade.status}`,
      `Trade ${trade.outTradeNo} was not paid, so nobody takes it back.`,
    );
  }
  if (disputeOf(store, trade)) {
    throw new Refusal('dispute_exists', `Trade ${trade.outTradeNo} is disputed already.`);
  }
  const { channel, tradeNo } = trade;
  const { disputeNo, reason, at } = wish;
  const amount = wish.amount ?? trade.paidAmount;
  return store.disputes.set(keyOf(trade), {
    channel,
    disputeNo,
    tradeNo,
    amount,
    reason,
    status: 'opened',
    createdAt: at,
    closedAt: null,
  });
}

/** @throws Refusal `dispute_not_open` */
export function closeDispute(store: Store, trade: Trade, status: 'won' | 'lost', at: number): Dispute {
  const open = disputeOf(store, trade);
  if (open?.status !== 'opened') {
    throw new Refusal('dispute_not_open', `Trade ${trade.outTradeNo} has no dispute that is open.`);
  }
  return store.disputes.set(keyOf(trade), { ...open, status, closedAt: at });
}

function keyOf({ channel, tradeNo }: Pick<Trade, 'channel' | 'tradeNo'>): string {
  return `${channel}:${tradeNo}`;
}
