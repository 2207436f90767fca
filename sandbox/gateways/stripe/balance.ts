import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type BillLine, paymentLine, payoutLine, refundLine } from '../../bills/lines.js';
import type { GatewayContext } from '../../gateway.js';
import type { Payout } from '../../state/payouts.js';
import type { Refund } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { chargeId, chargeObject } from './intents.js';
import { created, isWithin, page } from './params.js';
import { refundObject, tradeOf } from './refunds.js';
import { type StripeAnswer } from './refusal.js';
import { isReversed, transferObject } from './transfers.js';
import { pageOf, readParams, seconds } from './wire.js';

// Of Alipay and WeChat Pay at Stripe, in parts of ten thousand. It is not given back with a refund.
const FEE_BPS = 220;

interface Movement {
  readonly type: string;
  /** Signed fen, before the fee. */
  readonly amount: number;
  readonly fee: number;
  /** Epoch ms. */
  readonly at: number;
  readonly source: string;
  readonly object: () => Readonly<Record<string, unknown>>;
}

/** GET /v1/balance_transactions: whatever moved the merchant's balance, newest first. */
export function list(context: GatewayContext, query: unknown): StripeAnswer {
  const biz = readParams(query, z.strictObject({ ...page, created, type: z.string().optional() }));
  const withSource = biz.expand.includes('data.source');
  const found = movements(context)
    .filter(({ type, at }) => isWithin(seconds(at), biz.created) && (biz.type ?? type) === type)
    .sort((a, b) => b.at - a.at)
    .map((movement) => transactionObject(movement, withSource));
  return pageOf('/v1/balance_transactions', found, biz);
}

function movements(context: GatewayContext): Movement[] {
  const paid = context.trades.list(({ channel, paidAt }) => channel === 'stripe' && paidAt !== null);
  const refunds = context.refunds.list(({ channel }) => channel === 'stripe');
  const payouts = context.payouts.list(({ channel }) => channel === 'stripe');
  return [
    ...paid.flatMap((trade) => paymentsOf(context, trade)),
    ...context.bills.extras('stripe').map(madeUp),
    ...refunds.flatMap((refund) => {
      const trade = tradeOf(context, refund);
      return toldRefunds(context, refund, trade).flatMap((told) => refundOf(told, trade));
    }),
    ...payouts.flatMap((payout) => toldPayouts(context, payout)).flatMap(transferOf),
  ];
}

const feeOf = (amount: number): number => Math.round((amount * FEE_BPS) / 10_000);

/** The one payment of a trade, or what a tester wants to be told in its place. */
function paymentsOf({ bills }: GatewayContext, trade: Trade): Movement[] {
  const line = paymentLine(trade);
  return bills.told('stripe', line).map(({ amount, fee, at }) => ({
    type: 'payment',
    amount,
    fee: feeOf(line.amount) + fee - line.fee,
    at,
    source: chargeId(trade),
    object: () => chargeObject({ ...trade, paidAmount: amount }),
  }));
}

/** A payment that never was. */
function madeUp({ no, providerNo, amount, at }: BillLine): Movement {
  const id = `py_${providerNo}`;
  const object = {
    id,
    object: 'charge',
    amount,
    currency: 'cny',
    metadata: { out_trade_no: no },
    payment_intent: `pi_${providerNo}`,
    status: 'succeeded',
  };
  return { type: 'payment', amount, fee: feeOf(amount), at, source: id, object: () => object };
}

function toldRefunds({ bills }: GatewayContext, refund: Refund, trade: Trade): Refund[] {
  if (refund.status !== 'succeeded') return [refund];
  return bills.told('stripe', refundLine(refund, trade)).map(({ amount, status }) => ({
    ...refund,
    amount,
    status: status === 'processing' ? status : refund.status,
  }));
}

function toldPayouts({ bills }: GatewayContext, payout: Payout): Payout[] {
  if (payout.paidAt === null) return [payout];
  return bills.told('stripe', payoutLine(payout)).map(({ amount }) => ({ ...payout, amount }));
}

/** A refund leaves the balance when it is asked for, and comes back when it fails. */
function refundOf(refund: Refund, trade: Trade): Movement[] {
  const common = { fee: 0, source: refund.refundNo, object: () => refundObject(refund, trade) };
  const out = { ...common, type: 'payment_refund', amount: 0 - refund.amount, at: refund.createdAt };
  if (refund.status !== 'failed' && refund.status !== 'abnormal') return [out];
  const at = refund.settledAt ?? refund.createdAt;
  return [out, { ...common, type: 'payment_failure_refund', amount: refund.amount, at }];
}

function transferOf(payout: Payout): Movement[] {
  const common = { fee: 0, source: payout.payoutNo, object: () => transferObject(payout) };
  const out = { ...common, type: 'transfer', amount: 0 - payout.amount, at: payout.createdAt };
  if (!isReversed(payout)) return [out];
  return [out, { ...common, type: 'transfer_refund', amount: payout.amount, at: payout.updatedAt }];
}

function transactionObject({ type, amount, fee, at, source, object }: Movement, withSource: boolean) {
  // The same movement has the same id in every list, though none is kept.
  const id = createHash('sha256').update(`${type}:${source}`).digest('hex').slice(0, 24);
  return {
    id: `txn_${id}`,
    object: 'balance_transaction',
    amount,
    created: seconds(at),
    currency: 'cny',
    exchange_rate: null,
    fee,
    net: amount - fee,
    source: withSource ? object() : source,
    status: 'available',
    type,
  };
}
