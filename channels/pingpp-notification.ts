/** Ping++'s event: JSON, signed in a header over its very bytes. */
import { type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import type { Notification, RawNotification } from './channel.js';
import { chargeSchema, isPaid, toPayment } from './pingpp-charge.js';
import { transferSchema } from './pingpp-payout.js';
import { refundNoIn, refundSchema } from './pingpp-refund.js';
import { notificationRefused } from './provider-errors.js';
import { decodeUtf8, presentOnly } from './text.js';

const eventSchema = z.object({
  id: z.string().min(1),
  created: z.int().optional(),
  livemode: z.boolean().optional(),
  type: z.string().min(1),
  data: z.object({ object: z.unknown() }),
});

// What is kept for people: no payer's account, no credential.
const wordsSchema = z.object({
  id: z.string().optional().catch(undefined),
  order_no: z.string().optional().catch(undefined),
  charge_order_no: z.string().optional().catch(undefined),
  charge: z.string().optional().catch(undefined),
  channel: z.string().optional().catch(undefined),
  amount: z.number().optional().catch(undefined),
  status: z.string().optional().catch(undefined),
  transaction_no: z.string().optional().catch(undefined),
  failure_code: z.string().optional().catch(undefined),
});

/**
 * Verifies and translates. What is verified never throws, whoever was paid: the caller keeps it for review.
 * An event carries no time that its signature makes fresh, so a replay is met by its id, which stays the same.
 * @throws HoldfastError `notification_refused`
 */
export function verifyPingppNotification(publicKey: KeyObject, raw: RawNotification): Notification {
  const event = readSigned(publicKey, raw);
  const { object } = event.data;
  const words = wordsSchema.safeParse(object).data ?? {};
  const common = {
    eventKey: event.id,
    outTradeNo: words.charge_order_no ?? words.order_no ?? '',
    facts: presentOnly({
      event_type: event.type,
      livemode: event.livemode?.toString(),
      ...words,
      amount: words.amount?.toString(),
    }),
  };
  return { ...common, ...meaningOf(event.type, object, raw.receivedAt) };
}

type Meaning =
  | Pick<Extract<Notification, { kind: 'paid' }>, 'kind' | 'payment'>
  | Pick<Extract<Notification, { kind: 'refund' }>, 'kind' | 'refundNo' | 'providerStatus'>
  | Pick<Extract<Notification, { kind: 'payout' }>, 'kind' | 'payoutNo' | 'providerStatus' | 'outTradeNo'>
  | Pick<Extract<Notification, { kind: 'other' }>, 'kind' | 'providerStatus'>;

/** By its type and by what it holds: paid is only what both say is paid. */
function meaningOf(type: string, object: unknown, receivedAt: Date): Meaning {
  if (type === 'charge.succeeded') {
    const charge = chargeSchema.safeParse(object);
    if (charge.success && isPaid(charge.data)) {
      return { kind: 'paid', payment: toPayment(charge.data, receivedAt) };
    }
  } else if (type.startsWith('refund.')) {
    const refund = refundSchema.safeParse(object).data;
    const refundNo = refund === undefined ? '' : refundNoIn(refund);
    if (refundNo !== '' && refund?.charge_order_no) return { kind: 'refund', refundNo, providerStatus: type };
  } else if (type.startsWith('transfer.')) {
    const transfer = transferSchema.safeParse(object);
    if (transfer.success) {
      return { kind: 'payout', payoutNo: transfer.data.order_no, outTradeNo: '', providerStatus: type };
    }
  }
  return { kind: 'other', providerStatus: type };
}

function readSigned(publicKey: KeyObject, raw: RawNotification): z.infer<typeof eventSchema> {
  const given = raw.headers['x-pingplusplus-signature'];
  // Node joins repeats by a comma, which no signature contains.
  if (typeof given !== 'string' || given === '') {
    throw notificationRefused('pingpp', 'headers_missing');
  }
  if (!verify('RSA-SHA256', raw.body, publicKey, Buffer.from(given, 'base64'))) {
    throw notificationRefused('pingpp', 'signature');
  }
  const text = decodeUtf8(raw.body);
  if (text === undefined) throw notificationRefused('pingpp', 'malformed');
  try {
    return eventSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw notificationRefused('pingpp', 'malformed', cause);
  }
}
