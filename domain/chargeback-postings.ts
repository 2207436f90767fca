/** The posting rules of chargebacks: a payer's bank takes money back from the channel, and whoever had it pays. */
import { type Fen, feeOf } from './money.js';
import type { MoneyState } from './order-status.js';
import { type OrderKind, type ProviderChannel, isHeldKind } from './order.js';
import { type Leg, type Posting, account } from './postings.js';
import { goneBack } from './refund-postings.js';

export interface Chargeback {
  channel: ProviderChannel;
  disputeNo: string;
  amountFen: Fen;
  order: ChargedOrder;
}

/** The order as it is under its row's lock. Amounts are fen. */
export interface ChargedOrder {
  orderNo: string;
  kind: OrderKind;
  buyerId: string;
  sellerId: string | null;
  money: MoneyState;
  captured: number;
  /** What has gone back before, by refunds and chargebacks. */
  refunded: number;
  feeBps: number;
}

export function chargebackKey({ channel, disputeNo }: Pick<Chargeback, 'channel' | 'disputeNo'>): string {
  return `chargeback/${channel}/${disputeNo}`;
}

/** Whether so much of the order's money is still here: together nothing takes more than was paid (promise M6). */
export function isCovered({ amountFen, order }: Chargeback): boolean {
  return amountFen >= 1 && amountFen <= order.captured - order.refunded;
}

function sellerOf({ orderNo, sellerId }: ChargedOrder): string {
  if (sellerId === null) throw new Error(`order ${orderNo} has no seller`);
  return sellerId;
}

/**
 * Who pays. Of a deal or a course its hold, and once that is released the seller: what is not withdrawable becomes
 * debt. Of a top-up the payer, and of a package the platform that sold it.
 */
function payerOf({ order }: Chargeback): string {
  if (order.kind === 'topup') return account.spendable(order.buyerId);
  if (!isHeldKind(order.kind)) return account.sales;
  return order.money === 'held' ? account.hold(order.orderNo) : account.repayment(sellerOf(order));
}

/** The channel has given the money back: it holds so much less for us, and the order has so much less to release. */
export function chargebackPosting(chargeback: Chargeback, atMs: number): Posting {
  return taking(chargeback, payerOf(chargeback), atMs);
}

/** Where the payer of a top-up has spent it: it is owed. */
export function owedChargebackPosting(chargeback: Chargeback, atMs: number): Posting {
  return taking(chargeback, account.repayment(chargeback.order.buyerId), atMs);
}

function taking(chargeback: Chargeback, from: string, atMs: number): Posting {
  const { channel, disputeNo, amountFen, order } = chargeback;
  return {
    key: chargebackKey(chargeback),
    kind: 'chargeback',
    orderNo: order.orderNo,
    legs: [
      { account: from, amount: 0 - amountFen },
      { account: account.channel(channel), amount: amountFen },
    ],
    // What an open refund asks for, or has under way, may be the same money.
    order: { ...goneBack(order, amountFen, 'chargeback', atMs), refundOpen: false },
    event: { type: 'payment.charged_back', actor: channel, data: { disputeNo, amount: amountFen } },
  };
}

/**
 * The bank has decided for us after all: the channel has the money again, and so has whoever paid. While the order is
 * held it is held again; a released order keeps what it says of money that went back (promise M7).
 * @param taken the entries of the posting that is given back
 */
export function chargebackReturnPosting(chargeback: Chargeback, taken: readonly Leg[]): Posting {
  const { channel, disputeNo, amountFen, order } = chargeback;
  const receivers = receiversOf(chargeback, taken);
  const isHeld = receivers.some((leg) => leg.account === account.hold(order.orderNo));
  return {
    key: `${chargebackKey(chargeback)}:return`,
    kind: 'chargeback_returned',
    orderNo: order.orderNo,
    legs: [{ account: account.channel(channel), amount: 0 - amountFen }, ...receivers].filter(
      ({ amount }) => amount !== 0,
    ),
    ...(isHeld && { order: { from: ['held'], to: 'held', set: { refundedMore: 0 - amountFen } } }),
    event: { type: 'payment.chargeback_returned', actor: channel, data: { disputeNo, amount: amountFen } },
  };
}

function receiversOf({ amountFen, order }: Chargeback, taken: readonly Leg[]): Leg[] {
  const tookFrom = (name: string): number =>
    Math.abs(taken.find((entry) => entry.account === name)?.amount ?? 0);
  if (tookFrom(account.hold(order.orderNo)) > 0) {
    if (order.money === 'held') return [{ account: account.hold(order.orderNo), amount: amountFen }];
    // Its release had to do without it, so this is the release of this part.
    const feeFen = feeOf(amountFen, order.feeBps);
    return [
      { account: account.earnings(sellerOf(order)), amount: amountFen - feeFen },
      { account: account.fees, amount: feeFen },
    ];
  }
  // Topped-up money stays such; the rest settles a debt first.
  const cash = tookFrom(account.cash(order.buyerId));
  const person = order.kind === 'topup' ? order.buyerId : order.sellerId;
  return [
    { account: account.cash(order.buyerId), amount: cash },
    { account: person === null ? account.sales : account.earnings(person), amount: amountFen - cash },
  ];
}
