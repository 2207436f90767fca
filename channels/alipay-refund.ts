/** Alipay's refunds: the call that asks for one, and the query that alone says that it was made. */
import { z } from 'zod';
import { toYuan } from '../domain/money.js';
import {
  type AlipayClient,
  type AlipayRefusal,
  assertSameTrade,
  toRefusalError,
  toUnanswered,
} from './alipay-client.js';
import { toAmount } from './alipay-notification.js';
import type { RefundRequest, RefundState } from './channel.js';
import { fromChinaTime } from '../domain/china-time.js';
import { unknownOutcome } from './provider-errors.js';
import { cutText } from './text.js';

const REFUND = 'alipay.trade.refund';
const REFUND_QUERY = 'alipay.trade.fastpay.refund.query';
const LONGEST_REASON = 256;

// No for good: the trade can be refunded no more, or not by this amount. Every other word leaves the refund open,
// also one of a later version: to repeat it is harmless, to give it up wrongly is not. Open in this way are a
// balance that is too low today (SELLER_BALANCE_NOT_ENOUGH), a frozen trade, a number that came before with
// another amount (DISCORDANT_REPEAT_REQUEST), keys or permissions that must be mended, and a trade that was
// never paid or never was: we hold its money, so whoever says that is not the one who got it.
const FINAL_SUBCODES: ReadonlySet<string> = new Set([
  'ACQ.TRADE_HAS_FINISHED',
  'ACQ.TRADE_HAS_CLOSE',
  'ACQ.TRADE_NOT_ALLOW_REFUND',
  'ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND',
  'ACQ.NOT_ALLOW_PARTIAL_REFUND',
  'ACQ.REASON_TRADE_REFUND_FEE_ERR',
  'ACQ.REFUND_AMT_NOT_EQUAL_TOTAL',
  'ACQ.REFUND_FEE_ERROR',
  'ACQ.INVALID_PARAMETER',
]);

const acceptedSchema = z.object({ out_trade_no: z.string().optional() });

/**
 * Asks for the refund, and then what became of it. The answer to the call does not say that: `refund_fee` is the
 * trade's total over all refunds, `fund_change` N stands for a repeat as well as for a refund under way, and the
 * answer names no refund.
 */
export async function refund(client: AlipayClient, request: RefundRequest): Promise<RefundState> {
  const answer = await client.call(REFUND, toBizContent(request), acceptedSchema);
  if (answer.ok) {
    assertSameTrade(REFUND, request.outTradeNo, answer.fields.out_trade_no ?? request.outTradeNo);
  } else if (!isFinal(answer.refusal)) {
    throw toUnanswered(answer.refusal);
  }
  const found = await find(client, request);
  if (found !== undefined) return found;
  // Refused, and an earlier call with this number, whose answer was lost, has refunded nothing either.
  if (!answer.ok) throw toRefusalError(answer.refusal);
  return { state: 'processing' };
}

/**
 * Without a status the refund never came, came to nothing, or is not through yet: Alipay has no words to tell
 * these apart, and the answer to all three is to post the same refund again.
 */
export async function queryRefund(client: AlipayClient, request: RefundRequest): Promise<RefundState> {
  return (await find(client, request)) ?? { state: 'unknown', providerStatus: 'no refund_status' };
}

function toBizContent({ outTradeNo, refundNo, amountFen, reason }: RefundRequest): Record<string, string> {
  return {
    out_trade_no: outTradeNo,
    out_request_no: refundNo,
    refund_amount: toYuan(amountFen),
    ...(reason ? { refund_reason: cutText(reason, LONGEST_REASON) } : {}),
  };
}

function isFinal({ subCode }: AlipayRefusal): boolean {
  return subCode !== undefined && FINAL_SUBCODES.has(subCode);
}

const refundSchema = z.object({
  out_trade_no: z.string().optional(),
  out_request_no: z.string().optional(),
  refund_status: z.string().optional(),
  refund_amount: z.string().optional(),
  gmt_refund_pay: z.string().optional(),
});

/** The refund as Alipay shows it; undefined when it shows none of this number. */
async function find(client: AlipayClient, request: RefundRequest): Promise<RefundState | undefined> {
  const { outTradeNo, refundNo } = request;
  const bizContent = {
    out_trade_no: outTradeNo,
    out_request_no: refundNo,
    query_options: ['gmt_refund_pay'],
  };
  const answer = await client.call(REFUND_QUERY, bizContent, refundSchema);
  if (!answer.ok) throw toUnanswered(answer.refusal);
  const { refund_status: status } = answer.fields;
  if (!status) return undefined;
  if (status !== 'REFUND_SUCCESS') return { state: 'unknown', providerStatus: status };
  assertSameRefund(request, answer.fields);
  return {
    state: 'succeeded',
    // Alipay gives refunds no number of its own: in its bill, too, they go by ours.
    providerRefundNo: refundNo,
    // Alipay may leave the time out; the refund is then as old as our knowledge of it.
    settledAt: fromChinaTime(answer.fields.gmt_refund_pay ?? '') ?? new Date(),
  };
}

/** A signed answer about another refund is an old one that somebody plays again. */
function assertSameRefund(
  { outTradeNo, refundNo, amountFen }: RefundRequest,
  answered: z.infer<typeof refundSchema>,
): void {
  assertSameTrade(REFUND_QUERY, outTradeNo, answered.out_trade_no ?? '');
  if (answered.out_request_no !== refundNo || toAmount(answered.refund_amount ?? '') !== amountFen) {
    throw unknownOutcome({
      channel: 'alipay',
      operation: REFUND_QUERY,
      providerMessage: 'the answer is about another refund',
    });
  }
}
