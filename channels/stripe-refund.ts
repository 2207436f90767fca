/** Stripe's refunds. Our number is in their metadata: a payment's refunds are listed before one is posted. */
import { z } from 'zod';
import type { RefundRequest, RefundState } from './channel.js';
import { channelRefused, unknownOutcome } from './provider-errors.js';
import type { StripeClient, StripeRefusal } from './stripe-client.js';
import { secondsSchema, toDate } from './stripe-intent.js';
import { listAll } from './stripe-search.js';
import { cutText } from './text.js';

const CREATE = 'refunds.create';
const LONGEST_METADATA = 500;
// As the answer to a query: no such refund (yet).
const NOT_THERE = 'no such refund';

// No for good: all of it went back, or the payer's bank took it. Every other word leaves the refund open, also one of
// a later version: to repeat it is harmless, to give it up wrongly is not.
const FINAL_CODES: ReadonlySet<string> = new Set(['charge_already_refunded', 'charge_disputed']);

const refundSchema = z.object({
  id: z.string().min(1),
  amount: z.int(),
  currency: z.string(),
  created: secondsSchema,
  status: z.string().nullish(),
  failure_reason: z.string().nullish(),
  payment_intent: z.string().nullish(),
  metadata: z
    .record(z.string(), z.string())
    .nullish()
    .transform((given) => given ?? {}),
});

type StripeRefund = z.infer<typeof refundSchema>;

export async function refund(client: StripeClient, request: RefundRequest): Promise<RefundState> {
  // The idempotency key alone holds for a day, and a refund may be asked for again after a week.
  const known = await find(client, request);
  if (known !== undefined) return toState(request, known);
  const answer = await client.call(CREATE, refundSchema, (api) =>
    api.refunds.create(toOrder(request), { idempotencyKey: `refund-${request.refundNo}` }),
  );
  if (answer.ok) return toState(request, answer.body);
  if (!isFinal(answer.refusal)) throw unknownOutcome(answer.refusal);
  // Posted by somebody else in the same moment, it would be refused here for that very reason.
  const found = await find(client, request);
  if (found === undefined) throw channelRefused(answer.refusal);
  return toState(request, found);
}

/** A refund that is not there never came, or is still on its way: the answer to both is to post the same one again. */
export async function queryRefund(client: StripeClient, request: RefundRequest): Promise<RefundState> {
  const found = await find(client, request);
  return found === undefined ? { state: 'unknown', providerStatus: NOT_THERE } : toState(request, found);
}

function toOrder({ refundNo, outTradeNo, providerTradeNo, amountFen, reason, notifyUrl }: RefundRequest) {
  return {
    payment_intent: providerTradeNo,
    amount: amountFen,
    reason: 'requested_by_customer' as const,
    metadata: {
      refund_no: refundNo,
      out_trade_no: outTradeNo,
      notify_url: notifyUrl,
      // An empty text would be the order to remove the key.
      ...(reason && { reason: cutText(reason, LONGEST_METADATA) }),
    },
  };
}

/** More than is left is refused by its field alone; all other refusals have a word of their own. */
function isFinal({ providerCode = '', param, httpStatus }: StripeRefusal): boolean {
  return (
    FINAL_CODES.has(providerCode) ||
    (providerCode === 'invalid_request_error' && param === 'amount' && httpStatus === 400)
  );
}

async function find(
  client: StripeClient,
  { providerTradeNo, refundNo }: RefundRequest,
): Promise<StripeRefund | undefined> {
  const all = listAll(client, 'refunds.list', refundSchema, (api, page) =>
    api.refunds.list({ payment_intent: providerTradeNo, ...page }),
  );
  for await (const one of all) if (one.metadata['refund_no'] === refundNo) return one;
  return undefined;
}

function toState(request: RefundRequest, answered: StripeRefund): RefundState {
  const { id, amount, currency, created, payment_intent, metadata, failure_reason } = answered;
  if (
    amount !== request.amountFen ||
    currency !== 'cny' ||
    payment_intent !== request.providerTradeNo ||
    metadata['refund_no'] !== request.refundNo
  ) {
    throw unknownOutcome({
      channel: 'stripe',
      operation: CREATE,
      providerMessage: 'the answer is about another refund',
    });
  }
  const status = answered.status ?? 'none';
  switch (status) {
    case 'succeeded':
      // The only time that Stripe tells of a refund is when it was asked for: then it left the balance, too.
      return { state: 'succeeded', providerRefundNo: id, settledAt: toDate(created) };
    case 'pending':
    // The payer is asked, by e-mail, where it is to go.
    case 'requires_action':
      return { state: 'processing' };
    case 'failed':
    case 'canceled':
      return { state: 'failed', providerStatus: failure_reason ? `${status}: ${failure_reason}` : status };
    default:
      return { state: 'unknown', providerStatus: status };
  }
}
