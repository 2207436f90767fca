/** What Ping++'s lists tell of what moved money, where a tester wants them to tell something else. */
import { type BillLine, paymentLine, payoutLine, refundLine } from '../../bills/lines.js';
import type { GatewayContext } from '../../gateway.js';
import type { Payout } from '../../state/payouts.js';
import type { Refund } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';

/** Of trades that were paid, and with made-up ones. */
export function toldTrades({ bills }: GatewayContext, trades: readonly Trade[]): Trade[] {
  const told = trades.flatMap((trade) => {
    if (trade.paidAt === null) return [trade];
    return bills.told('pingpp', paymentLine(trade)).map(({ amount }) => ({ ...trade, paidAmount: amount }));
  });
  return [...told, ...bills.extras('pingpp').map(madeUp)];
}

export function toldRefunds({ bills }: GatewayContext, refund: Refund, trade: Trade): Refund[] {
  if (refund.status !== 'succeeded') return [refund];
  return bills.told('pingpp', refundLine(refund, trade)).map(({ amount, status }) => ({
    ...refund,
    amount,
    status: status === 'processing' ? status : refund.status,
  }));
}

export function toldPayouts({ bills }: GatewayContext, payout: Payout): Payout[] {
  if (payout.paidAt === null) return [payout];
  return bills.told('pingpp', payoutLine(payout)).map(({ amount }) => ({ ...payout, amount }));
}

/** A trade that never was: in the list of what was paid, and nowhere else. */
function madeUp({ no, providerNo, amount, subject, at }: BillLine): Trade {
  return {
    channel: 'pingpp',
    tradeNo: `ch_${providerNo}`,
    outTradeNo: no,
    scene: 'direct',
    amount,
    currency: 'CNY',
    subject,
    body: null,
    attach: null,
    status: 'paid',
    paidAmount: amount,
    refundedAmount: 0,
    buyer: null,
    notifyUrl: null,
    returnUrl: null,
    createdAt: at,
    expiresAt: at,
    paidAt: at,
    closedAt: null,
    expired: false,
    request: '',
    credential: {},
    credentialAt: at,
  };
}
