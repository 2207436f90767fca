/** The posting rules of refunds (system.md, sections 2 and 3): the money goes back the way it came. */
import { type Fen, feeOf, fen } from './money.js';
import type { MoneyState } from './order-status.js';
import type { ProviderChannel } from './order.js';
import { type Leg, type OrderChange, type Posting, account } from './postings.js';

export const REFUND_STATUSES = ['requested', 'processing', 'succeeded', 'failed', 'rejected'] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];

/** What a refund takes its money from: an order's own, by what became of it, or money that fitted no order. */
export type RefundSource = 'hold' | 'seller' | 'cash' | 'sales' | 'suspense';

export interface Refund {
  id: string;
  orderNo: string | null;
  source: RefundSource;
  amountFen: Fen;
  /** The platform's part of it; only released money has one. */
  feeFen: Fen;
  sellerId: string | null;
  buyerId: string | null;
}

/**
 * The platform's fee of a released order, given back in proportion: what the fee on the money that stays is less.
 * So many small refunds give back as much as one.
 * @param stillPaid captured less what was refunded before
 */
export function feeGivenBack(stillPaid: Fen, amountFen: Fen, feeBps: number): Fen {
  return fen(feeOf(stillPaid, feeBps) - feeOf(fen(stillPaid - amountFen), feeBps));
}

/** What an order is once some of its money has gone back. Where all has, nothing is left to release. */
export function goneBack(
  { money, captured, refunded }: { money: MoneyState; captured: number; refunded: number },
  amountFen: number,
  by: 'refund' | 'chargeback',
  atMs: number,
): OrderChange {
  const isAll = refunded + amountFen === captured;
  return {
    from: [money],
    to: isAll ? 'released' : money,
    set: {
      refundedMore: amountFen,
      ...(isAll && money === 'held' && { releasedAt: new Date(atMs).toISOString(), releasedBy: by }),
    },
  };
}

function nonZero(legs: readonly Leg[]): Leg[] {
  return legs.filter((leg) => leg.amount !== 0);
}

/** Where the money is taken from, as debits that sum to the amount. */
function sourceLegs(refund: Refund): Leg[] {
  const { amountFen, feeFen } = refund;
  const { orderNo, sellerId, buyerId, source } = refund;
  const missing = (what: string): never => {
    throw new Error(`a refund from ${source} names its ${what}`);
  };
  switch (source) {
    case 'hold':
      return [{ account: account.hold(orderNo ?? missing('order')), amount: 0 - amountFen }];
    case 'seller':
      // What the seller has no more becomes the seller's debt.
      return [
        { account: account.repayment(sellerId ?? missing('seller')), amount: feeFen - amountFen },
        { account: account.fees, amount: 0 - feeFen },
      ];
    case 'cash':
      return [{ account: account.cash(buyerId ?? missing('buyer')), amount: 0 - amountFen }];
    case 'sales':
      return [{ account: account.sales, amount: 0 - amountFen }];
    case 'suspense':
    default:
      return [{ account: account.suspense, amount: 0 - amountFen }];
  }
}

/** The way back of `sourceLegs`: earnings settle the debt that the refund made. */
function returnLegs(refund: Refund): Leg[] {
  return sourceLegs(refund).map((leg) => ({
    account:
      refund.source === 'seller' && leg.account === account.repayment(refund.sellerId ?? '')
        ? account.earnings(refund.sellerId ?? '')
        : leg.account,
    amount: 0 - leg.amount,
  }));
}

/** Approved: the money leaves where it was and is on its way. */
export function approvePosting(refund: Refund): Posting {
  return {
    key: `refund/${refund.id}:approve`,
    kind: 'refund_approved',
    orderNo: refund.orderNo,
    legs: nonZero([
      ...sourceLegs(refund),
      { account: account.refunding(refund.id), amount: refund.amountFen },
    ]),
  };
}

/** A definite failure: the money is where it was before. */
export function returnPosting(refund: Refund, order: OrderChange | undefined): Posting {
  return {
    key: `refund/${refund.id}:return`,
    kind: 'refund_failed',
    orderNo: refund.orderNo,
    legs: nonZero([
      { account: account.refunding(refund.id), amount: 0 - refund.amountFen },
      ...returnLegs(refund),
    ]),
    ...(order !== undefined && { order }),
  };
}

/** An operator's word: money of no order went back by the provider's own tools, after the refund had failed here. */
export function byHandPosting(refund: Refund, channel: ProviderChannel): Posting {
  return {
    key: `refund/${refund.id}:by-hand`,
    kind: 'refund_by_hand',
    orderNo: null,
    legs: [
      { account: account.suspense, amount: 0 - refund.amountFen },
      { account: account.channel(channel), amount: refund.amountFen },
    ],
  };
}

/** The buckets of the wallet that a payment came from. */
export interface WalletParts {
  cash: number;
  withdrawable: number;
}

/**
 * A wallet payment goes back to the buckets that it came from: withdrawable first, never more than it gave.
 * @param gave what the payment took from each
 * @param returned what earlier refunds put back
 */
export function walletReturn(amountFen: Fen, gave: WalletParts, returned: WalletParts): WalletParts {
  const withdrawable = Math.min(amountFen, gave.withdrawable - returned.withdrawable);
  return { withdrawable, cash: amountFen - withdrawable };
}

/** The money has reached the payer. */
export function settlePosting(
  refund: Refund,
  to: { channel: ProviderChannel } | { buyerId: string; parts: WalletParts },
  order: OrderChange | undefined,
): Posting {
  const credits =
    'channel' in to
      ? [{ account: account.channel(to.channel), amount: refund.amountFen as number }]
      : [
          { account: account.cash(to.buyerId), amount: to.parts.cash },
          { account: account.withdrawable(to.buyerId), amount: to.parts.withdrawable },
        ];
  return {
    key: `refund/${refund.id}:settle`,
    kind: 'refund_settled',
    orderNo: refund.orderNo,
    legs: nonZero([{ account: account.refunding(refund.id), amount: 0 - refund.amountFen }, ...credits]),
    ...(order !== undefined && { order }),
    ...(refund.orderNo !== null && {
      event: {
        type: 'refund.succeeded',
        actor: 'channel' in to ? to.channel : 'wallet',
        data: { refundId: refund.id, amount: refund.amountFen },
      },
    }),
  };
}
