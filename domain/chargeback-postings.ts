/** The posting rules of chargebacks: a payer's bank takes money back from the channel, and whoever had it pays. */
import type { Fen } from './money.js';
import { type OrderKind, type ProviderChannel, isHeldKind } from './order.js';
import { type Posting, account } from './postings.js';

export interface Chargeback {
  channel: ProviderChannel;
  disputeNo: string;
  amountFen: Fen;
  order: { orderNo: string; kind: OrderKind; buyerId: string; sellerId: string | null };
}

export function chargebackKey({ channel, disputeNo }: Pick<Chargeback, 'channel' | 'disputeNo'>): string {
  return `chargeback/${channel}/${disputeNo}`;
}

/**
 * Who pays. Of a deal or a course the seller, whether the money is held or released: what is not withdrawable becomes
 * debt, and what is released later settles it. Of a top-up the payer, and of a package the platform that sold it.
 */
function payerOf({ order: { orderNo, kind, sellerId, buyerId } }: Chargeback): string {
  if (kind === 'topup') return account.spendable(buyerId);
  if (!isHeldKind(kind)) return account.sales;
  if (sellerId === null) throw new Error(`order ${orderNo} has no seller`);
  return account.repayment(sellerId);
}

/** The channel has given the money back: it holds so much less for us. */
export function chargebackPosting(chargeback: Chargeback): Posting {
  return taking(chargeback, payerOf(chargeback));
}

/** Where the payer of a top-up has spent it: it is owed. */
export function owedChargebackPosting(chargeback: Chargeback): Posting {
  return taking(chargeback, account.repayment(chargeback.order.buyerId));
}

function taking(chargeback: Chargeback, from: string): Posting {
  const { channel, disputeNo, amountFen, order } = chargeback;
  return {
    key: chargebackKey(chargeback),
    kind: 'chargeback',
    orderNo: order.orderNo,
    legs: [
      { account: from, amount: 0 - amountFen },
      { account: account.channel(channel), amount: amountFen },
    ],
    event: { type: 'payment.charged_back', actor: channel, data: { disputeNo, amount: amountFen } },
  };
}

/**
 * The bank has decided for us after all: the channel has the money again, and so has whoever paid.
 * @param cashFen of the payer's topped-up money, which stays such; the rest settles a debt first
 */
export function chargebackReturnPosting(chargeback: Chargeback, cashFen: Fen): Posting {
  const { channel, disputeNo, amountFen, order } = chargeback;
  const person = order.kind === 'topup' ? order.buyerId : order.sellerId;
  const rest = amountFen - cashFen;
  const legs = [
    { account: account.channel(channel), amount: 0 - amountFen },
    { account: account.cash(order.buyerId), amount: cashFen as number },
    { account: person === null ? account.sales : account.earnings(person), amount: rest },
  ];
  return {
    key: `${chargebackKey(chargeback)}:return`,
    kind: 'chargeback_returned',
    orderNo: order.orderNo,
    legs: legs.filter(({ amount }) => amount !== 0),
    event: { type: 'payment.chargeback_returned', actor: channel, data: { disputeNo, amount: amountFen } },
  };
}
