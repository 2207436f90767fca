import type { BillDesk } from '../bills/desk.js';
import { CHANNELS, type Channel, type Gateway } from '../gateway.js';
import type { SmsGateway } from '../gateways/sms/index.js';
import type { Faults } from '../notify/faults.js';
import type { Notifier } from '../notify/notifier.js';
import { Refusal } from '../state/refusal.js';
import type { PayoutDesk } from '../state/payouts.js';
import type { RefundDesk } from '../state/refunds.js';
import type { Store } from '../state/store.js';
import type { Trade, TradeBook } from '../state/trades.js';

/** What the control API and the cashier work with. */
export interface Desk {
  readonly home: string;
  readonly merchantFile: string;
  readonly store: Store;
  readonly trades: TradeBook;
  readonly refunds: RefundDesk;
  readonly payouts: PayoutDesk;
  readonly bills: BillDesk;
  readonly faults: Faults;
  readonly notifier: Notifier;
  readonly gateways: Readonly<Record<Channel, Gateway>>;
  readonly sms: SmsGateway;
  readonly cashierUrl: (tradeNo: string) => string;
  /** Provider time, epoch ms. */
  readonly now: () => number;
  /** Told of errors that are the sandbox's own. */
  readonly report: (error: unknown) => void;
}

/** The buyer's act; what is left out takes its usual value. */
export interface PayRequest {
  readonly buyer: string | null;
  /** Epoch ms. */
  readonly paidAt: number | null;
  /** Integer fen. */
  readonly amount: number | null;
  readonly notify: boolean;
  readonly force: boolean;
}

/** Paying as the cashier page does it: all of it, now, and the merchant hears of it. */
export const PLAIN_PAYMENT: PayRequest = {
  buyer: null,
  paidAt: null,
  amount: null,
  notify: true,
  force: false,
};

/**
 * Finds a trade by the provider's number or the merchant's; where two channels know the same merchant
 * number, the newest trade is meant.
 * @throws Refusal `trade_not_found`
 */
export function tradeOf(desk: Desk, no: string, channel: Channel | null = null): Trade {
  const found = CHANNELS.filter((name) => channel === null || name === channel)
    .map((name) => desk.trades.findByTradeNo(name, no) ?? desk.trades.find(name, no))
    .filter((trade) => trade !== null)
    .sort((a, b) => b.createdAt - a.createdAt);
  const [trade] = found;
  if (trade) return trade;
  throw new Refusal('trade_not_found', `There is no trade with the number ${no}.`);
}

/**
 * Pays a trade and lets the provider notify the merchant.
 * @returns the trade, and the notification's event id when one was sent
 * @throws Refusal when the trade cannot be paid as it stands
 */
export async function payTrade(
  desk: Desk,
  trade: Trade,
  request: PayRequest,
): Promise<{ trade: Trade; eventId: string | null }> {
  const gateway = desk.gateways[trade.channel];
  const paid = desk.trades.pay(trade, {
    buyer: request.buyer ?? trade.buyer ?? gateway.newBuyer(),
    paidAt: request.paidAt ?? desk.now(),
    amount: request.amount ?? trade.amount,
    force: request.force,
  });
  // Announced before anything is awaited: the payment and its notification reach the disk together or not at all.
  const eventId =
    request.notify && paid.notifyUrl !== null
      ? await desk.notifier.announce(paid, null, paid.notifyUrl)
      : null;
  await desk.store.commit();
  return { trade: paid, eventId };
}
