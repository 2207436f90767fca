/** WeChat Pay's refunds (API v3, domestic): asked for, and asked about, with the same object as the answer. */
import { z } from 'zod';
import type { RefundRequest, RefundState } from './channel.js';
import { type ProviderFacts, channelRefused, unknownOutcome } from './provider-errors.js';
import { cutText } from './text.js';
import type { WechatClient } from './wechat-client.js';

const REFUNDS = 'v3/refund/domestic/refunds';
const LONGEST_REASON = 80;

// As a refusal of the refund itself: no such order, or not paid. As the answer to a query: no such refund (yet).
const NOT_EXISTS = 'RESOURCE_NOT_EXISTS';

// No for good: against the rules, such as more than is left of the payment, or a payer whose account is gone.
// Every other word leaves the refund open, also one of a later version: to repeat it is harmless, to give it up
// wrongly is not. Open in this way are a balance that is too low today (NOT_ENOUGH), too many calls, keys or
// permissions that must be mended, and an order that WeChat Pay does not know: we hold its money, so whoever
// says that is not the one who got it.
const FINAL_CODES: ReadonlySet<string> = new Set(['INVALID_REQUEST', 'PARAM_ERROR', 'USER_ACCOUNT_ABNORMAL']);

export async function refund(client: WechatClient, request: RefundRequest): Promise<RefundState> {
  const answer = await client.post(REFUNDS, toOrder(request), refundSchema);
  if (answer.ok) return toState(request, answer.body);
  if (!isFinal(answer.refusal)) throw unknownOutcome(answer.refusal);
  // One word for many rules, also for a number that was used before. So it counts only if there is no refund.
  const found = await find(client, request);
  if (found === undefined) throw channelRefused(answer.refusal);
  return found;
}

/** A refund that is not there never came, or is not seen yet: the answer to both is to post the same one again. */
export async function queryRefund(client: WechatClient, request: RefundRequest): Promise<RefundState> {
  return (await find(client, request)) ?? { state: 'unknown', providerStatus: NOT_EXISTS };
}

function toOrder(request: RefundRequest) {
  const { outTradeNo, refundNo, amountFen, capturedFen, currency, reason, notifyUrl } = request;
  return {
    out_trade_no: outTradeNo,
    out_refund_no: refundNo,
    ...(reason ? { reason: cutText(reason, LONGEST_REASON) } : {}),
    notify_url: notifyUrl,
    amount: { refund: amountFen, total: capturedFen, currency },
  };
}

function isFinal({ providerCode }: ProviderFacts): boolean {
  return providerCode !== undefined && FINAL_CODES.has(providerCode);
}

/** The refund as WeChat Pay shows it; undefined when it shows none of this number. */
async function find(client: WechatClient, request: RefundRequest): Promise<RefundState | undefined> {
  const path = `${REFUNDS}/${encodeURIComponent(request.refundNo)}`;
  const answer = await client.get(path, {}, refundSchema);
  if (answer.ok) return toState(request, answer.body);
  if (answer.refusal.providerCode === NOT_EXISTS) return undefined;
  throw unknownOutcome(answer.refusal);
}

const refundSchema = z.object({
  refund_id: z.string().min(1),
  out_refund_no: z.string(),
  out_trade_no: z.string(),
  status: z.string(),
  success_time: z.string().optional(),
  amount: z.object({ refund: z.number() }),
});
const timeSchema = z.iso.datetime({ offset: true });

function toState(request: RefundRequest, answered: z.infer<typeof refundSchema>): RefundState {
  const facts = { channel: 'wechat', operation: REFUNDS } as const;
  const { out_trade_no, out_refund_no, amount, status } = answered;
  // A signed answer about another refund is an old one that somebody plays again.
  if (
    out_trade_no !== request.outTradeNo ||
    out_refund_no !== request.refundNo ||
    amount.refund !== request.amountFen
  ) {
    throw unknownOutcome({ ...facts, providerMessage: 'the answer is about another refund' });
  }
  switch (status) {
    case 'SUCCESS': {
      const settledAt = timeSchema.safeParse(answered.success_time);
      if (!settledAt.success) throw unknownOutcome({ ...facts, providerCode: status });
      return {
        state: 'succeeded',
        providerRefundNo: answered.refund_id,
        settledAt: new Date(settledAt.data),
      };
    }
    case 'PROCESSING':
      return { state: 'processing' };
    case 'CLOSED':
    // The payer's card is dead: the money stays at WeChat Pay until somebody says there where it goes.
    case 'ABNORMAL':
      return { state: 'failed', providerStatus: status };
    default:
      return { state: 'unknown', providerStatus: status };
  }
}
