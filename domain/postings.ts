/**
 * The posting rules: which accounts a fact moves, and what it does to the order (system.md, section 3).
 * Credits are positive, debits negative. The key of a posting comes from ids and never from an attempt or a run.
 */
import { chatClosesAt, releasesAt } from './deadlines.js';
import { type Fen, feeOf } from './money.js';
import type { MoneyState } from './order-status.js';
import { type OrderKind, type PaymentChannel, type ProviderChannel, isHeldKind } from './order.js';

export interface Leg {
  account: string;
  /** Fen, signed. */
  amount: number;
}

export interface OrderEvent {
  type: string;
  actor: string;
  reason?: string;
  data?: Record<string, string | number | boolean | null>;
}

export interface Posting {
  key: string;
  kind: string;
  orderNo: string | null;
  legs: readonly Leg[];
  /** What else makes this posting the one that it is: the same key with another identity is refused. */
  identity?: string;
  order?: OrderChange;
  inboxId?: number;
  event?: OrderEvent;
  /** The key of a posting to suspense: the same money told wrongly. What is still there of it is taken back. */
  supersedes?: string;
}

export interface OrderChange {
  from: readonly MoneyState[];
  to: MoneyState;
  /** When given, the order must have an open refund, or none. */
  refundOpen?: boolean;
  set: OrderPatch;
}

/** Times are ISO 8601. Only what is named is changed. */
export interface OrderPatch {
  captured?: number;
  /** Fen that went back now; added to what went back before. */
  refundedMore?: number;
  refundOpen?: boolean;
  paidAt?: string;
  receivedAt?: string;
  paidChannel?: PaymentChannel;
  paymentId?: string;
  providerTradeNo?: string;
  chatClosesAt?: string;
  releaseDueAt?: string;
  releasedAt?: string;
  releasedBy?: string;
  closedAt?: string;
  closedReason?: string;
}

export const account = {
  channel: (name: ProviderChannel): string => `channel:${name}`,
  hold: (orderNo: string): string => `hold:${orderNo}`,
  cash: (userId: string): string => `user:${userId}:cash`,
  withdrawable: (userId: string): string => `user:${userId}:withdrawable`,
  frozen: (userId: string): string => `user:${userId}:frozen`,
  debt: (userId: string): string => `user:${userId}:debt`,
  /** Deposits that can be returned. */
  deposit: (userId: string): string => `user:${userId}:deposit`,
  /** A debit that takes cash first, then withdrawable. */
  spendable: (userId: string): string => `user:${userId}:spendable`,
  /** A credit that settles the seller's debt first; the rest is withdrawable. */
  earnings: (userId: string): string => `user:${userId}:earnings`,
  /** A debit that takes withdrawable first; what is missing becomes the seller's debt. */
  repayment: (userId: string): string => `user:${userId}:repayment`,
  refunding: (refundId: string): string => `refunding:${refundId}`,
  fees: 'platform:fees',
  sales: 'platform:sales',
  suspense: 'platform:suspense',
  /** What providers keep: debits. */
  channelFees: 'platform:channel_fees',
} as const;

export interface PayableOrder {
  orderNo: string;
  kind: OrderKind;
  buyerId: string;
  amountFen: Fen;
  chatWindowMs: number | null;
  autoConfirmAfterMs: number | null;
}

export interface ReceivedPayment {
  /** Null for a free order. */
  paymentId: string | null;
  channel: PaymentChannel | null;
  providerTradeNo: string | null;
  inboxId: number | null;
  paidAtMs: number;
  receivedAtMs: number;
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

function payee(order: PayableOrder): string {
  if (isHeldKind(order.kind)) return account.hold(order.orderNo);
  return order.kind === 'topup' ? account.cash(order.buyerId) : account.sales;
}

function payer(order: PayableOrder, channel: PaymentChannel): string {
  return channel === 'wallet' ? account.spendable(order.buyerId) : account.channel(channel);
}

/** Nothing where the amount is 0. */
export function move(from: string, to: string, amountFen: Fen): Leg[] {
  return amountFen === 0
    ? []
    : [
        { account: from, amount: 0 - amountFen },
        { account: to, amount: amountFen },
      ];
}

/** A signed notification with a wrong amount may have come first: one trade is in the books once (promise M4). */
function supersededBy({ channel, providerTradeNo }: ReceivedPayment): Pick<Posting, 'supersedes'> {
  if (channel === null || channel === 'wallet' || providerTradeNo === null) return {};
  return { supersedes: suspenseKey({ channel, providerTradeNo }) };
}

/** A verified payment becomes a hold (deal, course), the payer's balance (topup) or the platform's sale (package). */
export function paymentPosting(order: PayableOrder, payment: ReceivedPayment): Posting {
  const windows = { ...order, ...payment };
  const chatCloses = chatClosesAt(windows);
  const held = isHeldKind(order.kind);
  const releaseDue = releasesAt(windows);
  return {
    key: `order/${order.orderNo}:payment`,
    kind: 'payment',
    orderNo: order.orderNo,
    // With the channel's name the provider's number is the key of the money: another one is a second payment.
    identity: `${payment.channel ?? 'free'}/${payment.providerTradeNo ?? ''}`,
    legs: payment.channel === null ? [] : move(payer(order, payment.channel), payee(order), order.amountFen),
    order: {
      from: ['unpaid'],
      to: held ? 'held' : 'released',
      set: {
        captured: order.amountFen,
        paidAt: iso(payment.paidAtMs),
        receivedAt: iso(payment.receivedAtMs),
        ...(payment.channel !== null && { paidChannel: payment.channel }),
        ...(payment.paymentId !== null && { paymentId: payment.paymentId }),
        ...(payment.providerTradeNo !== null && { providerTradeNo: payment.providerTradeNo }),
        ...(chatCloses !== null && { chatClosesAt: iso(chatCloses) }),
        ...(!held && { releasedAt: iso(payment.receivedAtMs), releasedBy: 'payment' }),
        ...(held && releaseDue !== Infinity && { releaseDueAt: iso(releaseDue) }),
      },
    },
    ...(payment.inboxId !== null && { inboxId: payment.inboxId }),
    ...supersededBy(payment),
    event: {
      type: 'payment.received',
      actor: payment.channel ?? 'system',
      data: { amount: order.amountFen, channel: payment.channel, paidAt: iso(payment.paidAtMs) },
    },
  };
}

export interface Release {
  orderNo: string;
  sellerId: string;
  amountFen: Fen;
  feeBps: number;
  /** A party or a back end that confirmed, or `auto-confirm`. */
  by: string;
  atMs: number;
}

/** The hold becomes the seller's withdrawable, less the platform's fee, floored, on the amount released. */
export function releasePosting(release: Release): Posting {
  const feeFen = feeOf(release.amountFen, release.feeBps);
  const legs = [
    { account: account.hold(release.orderNo), amount: 0 - release.amountFen },
    { account: account.earnings(release.sellerId), amount: release.amountFen - feeFen },
    { account: account.fees, amount: feeFen },
  ].filter((leg) => leg.amount !== 0);
  return {
    key: `order/${release.orderNo}:release`,
    kind: 'release',
    orderNo: release.orderNo,
    legs,
    order: {
      from: ['held'],
      to: 'released',
      // A refund that was asked for in time stops the release, whoever is faster (promise M8).
      refundOpen: false,
      set: { releasedAt: iso(release.atMs), releasedBy: release.by },
    },
    event: { type: 'money.released', actor: release.by, data: { amount: release.amountFen, fee: feeFen } },
  };
}

/** Moves no money: an order that nobody paid closes, unless its payment was faster. */
export function closePosting(orderNo: string, reason: string, by: string, atMs: number): Posting {
  return {
    key: `order/${orderNo}:close`,
    kind: 'close',
    orderNo,
    legs: [],
    order: { from: ['unpaid'], to: 'closed', set: { closedAt: iso(atMs), closedReason: reason } },
    event: { type: 'close.decided', actor: by, reason },
  };
}

export interface SuspenseMoney {
  channel: ProviderChannel;
  providerTradeNo: string;
  amountFen: Fen;
}

/** One provider trade is in suspense once, whatever is told of it. */
export function suspenseKey(trade: Pick<SuspenseMoney, 'channel' | 'providerTradeNo'>): string {
  return `suspense/${trade.channel}/${trade.providerTradeNo}`;
}

/** The one way out of suspense: back to the payer, to the platform, or taken back. Its key lets only one be taken. */
export function wayOutKey(key: string): string {
  return `${key}:out`;
}

/** Verified money that fits no unpaid order: it is ours to give back, and a person's to look at. */
export function suspensePosting(money: SuspenseMoney): Posting {
  return {
    key: suspenseKey(money),
    kind: 'suspense',
    orderNo: null,
    legs: move(account.channel(money.channel), account.suspense, money.amountFen),
  };
}

/** The same trade as in `suspensePosting`, told with another amount before: this one counts. */
export function correctedSuspensePosting(money: SuspenseMoney): Posting {
  return {
    ...suspensePosting(money),
    key: `${suspenseKey(money)}:corrected`,
    supersedes: suspenseKey(money),
  };
}

/** An operator's word: money that fitted no order is the platform's income. */
export function keepPosting(key: string, amountFen: Fen): Posting {
  return {
    key: wayOutKey(key),
    kind: 'suspense_kept',
    orderNo: null,
    legs: move(account.suspense, account.sales, amountFen),
  };
}
