/**
 * Ping++'s refunds. It knows them by numbers of its own alone and makes a new one of every call, so ours goes into the
 * description, and is looked for before anything is posted (promise M6).
 */
import { z } from 'zod';
import type { Posting, RefundRequest, RefundState } from './channel.js';
import { amountSchema, chargeSchema, isPaid, secondSchema } from './pingpp-charge.js';
import { type PingppClient, isFinal } from './pingpp-client.js';
import { channelRefused, unknownOutcome } from './provider-errors.js';
import { cutText } from './text.js';

const LONGEST_DESCRIPTION = 255;
// A posting has to be on its way this soon after its beginning, or it waits: the process may have been stopped for
// longer than anybody takes it to be under way.
const POSTED_WITHIN_MS = 10_000;
const REFUND = 'POST /v1/charges/ch_/refunds';

export const refundSchema = z.object({
  id: z.string().min(1),
  object: z.literal('refund').optional(),
  amount: amountSchema,
  created: secondSchema,
  status: z.string(),
  time_succeed: secondSchema.nullish(),
  description: z.string().nullish(),
  failure_code: z.string().nullish(),
  charge: z.string(),
  charge_order_no: z.string().nullish(),
});

export type Refund = z.infer<typeof refundSchema>;

/** Our number in a refund's description; a refund that was made by hand has some other word there. */
export function refundNoIn({ description }: Pick<Refund, 'description'>): string {
  return /^\w{1,64}(?= |$)/.exec(description ?? '')?.[0] ?? '';
}

export async function refund(
  client: PingppClient,
  request: RefundRequest,
  posting: Posting,
): Promise<RefundState> {
  const begunAtMs = Date.now();
  if (!(await posting.begin())) {
    const found = await find(client, request);
    if (found === undefined) throw unknownOutcome(toFacts('an earlier call may be under way'));
    return found;
  }
  const found = await ended(posting, find(client, request));
  if (found !== undefined) return found;
  if (Date.now() - begunAtMs > POSTED_WITHIN_MS) {
    await posting.end();
    throw unknownOutcome(toFacts('it was not posted in time'));
  }
  const path = `${pathOf(request)}/refunds`;
  // Without an answer it stays begun: it may come to something, however late.
  const answer = await client.post(path, toOrder(request), refundSchema);
  await posting.end();
  if (answer.ok) return toState(request, answer.body);
  if (isFinal(answer.refusal) && (await isPaidFor(client, request))) throw channelRefused(answer.refusal);
  // Our key, our balance, a payer's channel that is down, or a charge whose money we hold and Ping++ calls unpaid.
  throw unknownOutcome(answer.refusal);
}

export async function queryRefund(client: PingppClient, request: RefundRequest): Promise<RefundState> {
  return (await find(client, request)) ?? { state: 'unknown', providerStatus: 'no such refund' };
}

/** Ends the posting too, where the search shows or fails to show that nothing has to be posted. */
async function ended(
  posting: Posting,
  search: Promise<RefundState | undefined>,
): Promise<RefundState | undefined> {
  let goesOn = false;
  try {
    const found = await search;
    goesOn = found === undefined;
    return found;
  } finally {
    if (!goesOn) await posting.end();
  }
}

function pathOf({ providerTradeNo }: RefundRequest): string {
  return `/v1/charges/${encodeURIComponent(providerTradeNo)}`;
}

function toOrder({ refundNo, reason, amountFen }: RefundRequest) {
  return {
    amount: amountFen,
    description: cutText(reason === '' ? refundNo : `${refundNo} ${reason}`, LONGEST_DESCRIPTION),
  };
}

async function isPaidFor(client: PingppClient, request: RefundRequest): Promise<boolean> {
  const answer = await client.get(pathOf(request), {}, chargeSchema);
  return answer.ok && isPaid(answer.body);
}

/**
 * The refund as Ping++ shows it; undefined when the charge has none of this number. Should there be two after all,
 * the one that moves money counts: to call that failed would let a third one be asked for.
 */
async function find(client: PingppClient, request: RefundRequest): Promise<RefundState | undefined> {
  let found: RefundState | undefined;
  for await (const one of client.list(`${pathOf(request)}/refunds`, {}, refundSchema)) {
    if (refundNoIn(one) !== request.refundNo) continue;
    const state = toState(request, one);
    if (state.state === 'succeeded') return state;
    if (found === undefined || found.state === 'failed') found = state;
  }
  return found;
}

function toState(request: RefundRequest, answered: Refund): RefundState {
  const { id, charge, amount, status, time_succeed: settledAt, failure_code: failure } = answered;
  const isSame =
    charge === request.providerTradeNo &&
    amount === request.amountFen &&
    refundNoIn(answered) === request.refundNo;
  if (!isSame) throw unknownOutcome(toFacts('the answer is about another refund'));
  switch (status) {
    case 'succeeded':
      // Ping++ may leave the time out; the refund is then as old as our knowledge of it.
      return { state: 'succeeded', providerRefundNo: id, settledAt: settledAt ?? new Date() };
    case 'pending':
      return { state: 'processing' };
    case 'failed':
      return { state: 'failed', providerStatus: failure ?? status };
    default:
      return { state: 'unknown', providerStatus: status };
  }
}

function toFacts(providerMessage: string) {
  return { channel: 'pingpp', operation: REFUND, providerMessage } as const;
}
