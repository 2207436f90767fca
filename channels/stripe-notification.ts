/** Stripe's event: JSON, with an HMAC over its time and its bytes in one header. */
import { z } from 'zod';
import type { Notification, RawNotification } from './channel.js';
import { notificationRefused } from './provider-errors.js';
import type { StripeClient } from './stripe-client.js';
import { intentSchema, secondsSchema, toPayment } from './stripe-intent.js';
import { decodeUtf8, presentOnly } from './text.js';

// Stripe's own tolerance; the library applies it to the past alone.
const LONGEST_OFFSET_S = 300;
const UNSIGNED = 'StripeSignatureVerificationError';

const eventSchema = z.object({
  id: z.string().min(1),
  object: z.literal('event'),
  type: z.string().min(1),
  created: secondsSchema,
  livemode: z.boolean(),
  // Only in events of connected accounts.
  account: z.string().min(1).optional(),
  data: z.object({ object: z.record(z.string(), z.unknown()) }),
});

type StripeEvent = z.infer<typeof eventSchema>;

// Of whatever the event is about, only numbers and words for people: no client secret, and nothing of the payer.
const factsSchema = z.object({
  id: z.string().optional().catch(undefined),
  status: z.string().optional().catch(undefined),
  amount: z.number().optional().catch(undefined),
  amount_received: z.number().optional().catch(undefined),
  currency: z.string().optional().catch(undefined),
  payment_intent: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  failure_reason: z.string().optional().catch(undefined),
  metadata: z.record(z.string(), z.string()).optional().catch(undefined),
});

/**
 * Verifies and translates. What is verified never throws, whoever was paid: the caller keeps it for review.
 * @throws HoldfastError `notification_refused`
 */
export function verifyStripeNotification(
  client: Pick<StripeClient, 'webhooks' | 'webhookSecret'>,
  raw: RawNotification,
): Notification {
  const event = readEvent(readSigned(client, raw));
  const facts = factsSchema.parse(event.data.object);
  const { out_trade_no: outTradeNo = '', refund_no: refundNo, payout_no: payoutNo } = facts.metadata ?? {};
  const common = { eventKey: event.id, outTradeNo, facts: toFacts(event, facts) };
  const providerStatus = facts.status === undefined ? event.type : `${event.type} with ${facts.status}`;
  if (event.type === 'payment_intent.succeeded') {
    const intent = intentSchema.safeParse(event.data.object).data;
    const payment = intent && toPayment(intent, event.account, event.created);
    if (payment !== undefined) return { ...common, kind: 'paid', payment };
  }
  // By what it is about, whatever became of it: the word is a hint, and the refund or payout is asked for.
  const [about] = event.type.split('.');
  if ((about === 'refund' || event.type === 'charge.refund.updated') && outTradeNo && refundNo) {
    return { ...common, kind: 'refund', refundNo, providerStatus };
  }
  if ((about === 'transfer' || about === 'payout') && payoutNo) {
    return { ...common, kind: 'payout', payoutNo, providerStatus };
  }
  const dispute = toDispute(event);
  if (dispute !== undefined) return { ...common, kind: 'dispute', dispute };
  return { ...common, kind: 'other', providerStatus };
}

const disputeSchema = z.object({
  id: z.string().min(1),
  amount: z.int().nonnegative(),
  currency: z.string().min(1),
  payment_intent: z.string().min(1),
  reason: z.string().default(''),
  status: z.string(),
});

// `warning_closed`: the bank had only asked. Every other word at the end of a dispute decides nothing yet.
const DISPUTE_ENDS: ReadonlyMap<string, 'won' | 'lost'> = new Map([
  ['won', 'won'],
  ['warning_closed', 'won'],
  ['lost', 'lost'],
]);

/** A dispute that begins or ends. It names the payment by Stripe's number, and nothing of ours. */
function toDispute({ type, data }: StripeEvent) {
  if (type !== 'charge.dispute.created' && type !== 'charge.dispute.closed') return undefined;
  const read = disputeSchema.safeParse(data.object);
  if (!read.success) return undefined;
  const { id, payment_intent, currency, status, amount, reason } = read.data;
  const end = type === 'charge.dispute.closed' ? DISPUTE_ENDS.get(status) : undefined;
  return {
    disputeNo: id,
    providerTradeNo: payment_intent,
    amount,
    currency: currency.toUpperCase(),
    status: end ?? ('opened' as const),
    reason,
  };
}

/** The event, once its signature counts. */
function readSigned(
  { webhooks, webhookSecret }: Pick<StripeClient, 'webhooks' | 'webhookSecret'>,
  { body, headers, receivedAt }: RawNotification,
): unknown {
  const header = headers['stripe-signature'];
  if (typeof header !== 'string' || header === '') throw notificationRefused('stripe', 'headers_missing');
  // What is no UTF-8 would be verified, and read, with replacements for it.
  const text = decodeUtf8(body);
  if (text === undefined) throw notificationRefused('stripe', 'malformed');
  assertFresh(header, receivedAt);
  try {
    return webhooks.constructEvent(
      text,
      header,
      webhookSecret,
      LONGEST_OFFSET_S,
      undefined,
      receivedAt.getTime(),
    );
  } catch (error) {
    const isForged = error instanceof Error && 'type' in error && error.type === UNSIGNED;
    // The library hangs the whole event on its error.
    throw notificationRefused('stripe', isForged ? 'signature' : 'malformed');
  }
}

/** Both ways: a signature from the future would stay good for as long as it lies ahead. */
function assertFresh(header: string, receivedAt: Date): void {
  const times = header.split(',').filter((part) => part.startsWith('t='));
  const [time = ''] = times;
  // Of several times the library would take the last one, and compare the signature with that.
  if (times.length !== 1 || !/^t=\d{1,12}$/.test(time))
    throw notificationRefused('stripe', 'headers_missing');
  if (Math.abs(receivedAt.getTime() / 1000 - Number(time.slice(2))) > LONGEST_OFFSET_S) {
    throw notificationRefused('stripe', 'stale');
  }
}

function readEvent(signed: unknown): StripeEvent {
  const event = eventSchema.safeParse(signed);
  if (!event.success) throw notificationRefused('stripe', 'not_a_notification');
  return event.data;
}

function toFacts(
  { type, created, livemode, account }: StripeEvent,
  { metadata = {}, amount, amount_received, ...facts }: z.infer<typeof factsSchema>,
): Record<string, string> {
  return presentOnly({
    type,
    created: new Date(created * 1000).toISOString(),
    livemode: String(livemode),
    account,
    ...facts,
    amount: amount?.toString(),
    amount_received: amount_received?.toString(),
    out_trade_no: metadata['out_trade_no'],
    refund_no: metadata['refund_no'],
    payout_no: metadata['payout_no'],
  });
}
