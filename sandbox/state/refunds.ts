import type { Channel } from '../gateway.js';
import { Refusal } from './refusal.js';
import type { Store } from './store.js';
import { type Trade, type TradeBook, TAKES_NUMBERS_AGAIN } from './trades.js';

export type RefundStatus = 'processing' | 'succeeded' | 'failed' | 'abnormal';

/** One refund as the provider knows it. Amounts in integer fen, times in epoch ms. */
export interface Refund {
  readonly channel: Channel;
  /** The provider's number. */
  readonly refundNo: string;
  /** The merchant's number (Alipay out_request_no, WeChat out_refund_no). */
  readonly outRefundNo: string;
  readonly outTradeNo: string;
  readonly tradeNo: string;
  readonly amount: number;
  readonly reason: string | null;
  readonly notifyUrl: string | null;
  readonly status: RefundStatus;
  readonly createdAt: number;
  /** Settles by itself then, real time. */
  readonly settlesAt: number;
  readonly settledAt: number | null;
}

export type RefundResult = Exclude<RefundStatus, 'processing'>;

/** What a gateway says about a new refund. */
export type NewRefund = Pick<
  Refund,
  'channel' | 'refundNo' | 'outRefundNo' | 'outTradeNo' | 'tradeNo' | 'amount' | 'reason' | 'notifyUrl'
>;

/** Told after a refund was settled, in the same commit. `notify` null leaves it to the provider's habit. */
export type RefundListener = (refund: Refund, trade: Trade, notify: boolean | null) => Promise<void>;

// The sandbox promises 2 s at most; the rest is for the timer and the disk.
const SETTLES_AFTER_MS = 1_700;

/** Refunds under way. One that nobody settles succeeds by itself, also after a restart. */
export class RefundDesk {
  readonly #store: Store;
  readonly #trades: TradeBook;
  readonly #listener: RefundListener;
  readonly #now: () => number;
  readonly #report: (error: unknown) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(parts: {
    store: Store;
    trades: TradeBook;
    listener: RefundListener;
    now: () => number;
    report: (error: unknown) => void;
  }) {
    this.#store = parts.store;
    this.#trades = parts.trades;
    this.#listener = parts.listener;
    this.#now = parts.now;
    this.#report = parts.report;
  }

  /** Takes up the refunds that were under way when the sandbox stopped. */
  resume(): void {
    for (const refund of this.#store.refunds.values()) if (refund.status === 'processing') this.#arm(refund);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** By the merchant's number, where the provider takes one. */
  find(channel: Channel, outTradeNo: string, outRefundNo: string): Refund | null {
    return this.#store.refunds.get(keyOf({ channel, outTradeNo, outRefundNo, refundNo: '' })) ?? null;
  }

  /** Newest first. */
  list(matches: (refund: Refund) => boolean): Refund[] {
    return [...this.#store.refunds.values()].filter(matches).reverse();
  }

  /** What may still be refunded, refunds under way counted as gone. */
  refundable(trade: Trade): number {
    const underWay = this.list(
      (refund) => refund.tradeNo === trade.tradeNo && refund.status === 'processing',
    ).reduce((sum, refund) => sum + refund.amount, 0);
    return (trade.paidAmount ?? 0) - trade.refundedAmount - underWay;
  }

  /** Accepts a refund; the caller has checked that it is new, or has failed, and not more than is refundable. */
  open(details: NewRefund): Refund {
    const refund = this.#store.refunds.set(keyOf(details), {
      ...details,
      status: 'processing',
      createdAt: this.#now(),
      settlesAt: Date.now() + SETTLES_AFTER_MS,
      settledAt: null,
    });
    this.#arm(refund);
    return refund;
  }

  /**
   * Ends a refund.
   * @throws Refusal `refund_settled` when it has ended already.
   */
  async settle(refund: Refund, result: RefundResult, notify: boolean | null = null): Promise<Refund> {
    if (refund.status !== 'processing') {
      throw new Refusal('refund_settled', `Refund ${refund.outRefundNo} is ${refund.status} already.`);
    }
    const key = keyOf(refund);
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    const settled = this.#store.refunds.set(key, { ...refund, status: result, settledAt: this.#now() });
    const trade = this.#trades.findByTradeNo(refund.channel, refund.tradeNo);
    if (!trade) throw new Error(`Refund ${refund.outRefundNo} has no trade.`);
    const after = result === 'succeeded' ? this.#trades.refund(trade, refund.amount) : trade;
    await this.#listener(settled, after, notify);
    await this.#store.commit();
    return settled;
  }

  #arm(refund: Refund): void {
    const key = keyOf(refund);
    const timer = setTimeout(
      () => {
        const current = this.#store.refunds.get(key);
        if (current?.status === 'processing') this.settle(current, 'succeeded').catch(this.#report);
      },
      Math.max(0, refund.settlesAt - Date.now()),
    );
    this.#timers.set(key, timer);
  }
}

// Alipay's request number is unique within a trade only, so the trade is part of the key.
function keyOf(refund: Pick<Refund, 'channel' | 'outTradeNo' | 'outRefundNo' | 'refundNo'>): string {
  const no = TAKES_NUMBERS_AGAIN.has(refund.channel) ? refund.refundNo : refund.outRefundNo;
  return `${refund.channel}:${refund.outTradeNo}:${no}`;
}
