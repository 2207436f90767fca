/** WeChat Pay's notification: JSON, signed in its headers, with an encrypted resource (API v3). */
import { Aes, Formatter, Hash, Rsa } from 'wechatpay-axios-plugin';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Notification, ProviderPayment, RawNotification } from './channel.js';
import { notificationRefused } from './provider-errors.js';
import { decodeUtf8, presentOnly } from './text.js';
import { toPayment, tradeSchema } from './wechat-trade.js';

// Five minutes both ways, as WeChat Pay asks for: an older signature may be a replay.
const LONGEST_OFFSET_S = 300;
const SIGNATURE_TYPE = 'WECHATPAY2-SHA256-RSA2048';
const PROBE_PREFIX = 'WECHATPAY/SIGNTEST/';

export interface WechatNotificationKeys {
  apiV3Key: string;
  publicKeyId: string;
  publicKey: KeyObject;
}

const envelopeSchema = z.object({
  id: z.string().min(1),
  create_time: z.string().optional(),
  event_type: z.string(),
  resource: z.object({
    algorithm: z.literal('AEAD_AES_256_GCM'),
    original_type: z.string().optional(),
    ciphertext: z.string().min(1),
    nonce: z.string().min(1),
    associated_data: z.string().default(''),
  }),
});

// Refunds and payouts have other resources; of those only numbers and words for people are kept, and no payer's id.
const factsSchema = z.object({
  appid: z.string().optional(),
  mchid: z.string().optional(),
  out_trade_no: z.string().optional(),
  transaction_id: z.string().optional(),
  trade_type: z.string().optional(),
  trade_state: z.string().optional(),
  success_time: z.string().optional(),
  out_refund_no: z.string().optional(),
  refund_id: z.string().optional(),
  refund_status: z.string().optional(),
  out_bill_no: z.string().optional(),
  transfer_bill_no: z.string().optional(),
  state: z.string().optional(),
  fail_reason: z.string().optional(),
  amount: z
    .object({ total: z.number().optional(), refund: z.number().optional(), currency: z.string().optional() })
    .optional(),
});

/**
 * Verifies and translates. What is verified never throws, whoever was paid: the caller keeps it for review.
 * @throws HoldfastError `notification_refused`
 */
export function verifyWechatNotification(keys: WechatNotificationKeys, raw: RawNotification): Notification {
  const text = assertSigned(keys, raw);
  const envelope = parseAs(envelopeSchema, text);
  const resource: unknown = parseAs(z.unknown(), decrypt(keys, envelope.resource));
  const facts = factsSchema.safeParse(resource).data ?? {};
  const common = {
    // Not promised to stay the same over re-sends; the payment's own key then makes the repeat harmless.
    eventKey: envelope.id,
    outTradeNo: facts.out_trade_no ?? '',
    facts: toFacts(envelope, facts),
  };
  const { event_type, resource: sealed } = envelope;
  const payment = sealed.original_type === 'transaction' ? toPaidTrade(resource) : undefined;
  if (payment !== undefined) return { ...common, kind: 'paid', payment };
  const { out_refund_no: refundNo } = facts;
  // By its type, whatever the event's word: the word is a hint, and the refund is asked for.
  if (sealed.original_type === 'refund' && facts.out_trade_no && refundNo) {
    return { ...common, kind: 'refund', refundNo, providerStatus: event_type };
  }
  const { out_bill_no: payoutNo, state } = facts;
  if (sealed.original_type === 'mch_payment' && payoutNo) {
    return { ...common, kind: 'payout', payoutNo, providerStatus: state ?? event_type };
  }
  return { ...common, kind: 'other', providerStatus: facts.trade_state ?? event_type };
}

/** The body as text, once its signature counts. */
function assertSigned(keys: WechatNotificationKeys, raw: RawNotification): string {
  const serial = readHeader(raw, 'wechatpay-serial');
  const signature = readHeader(raw, 'wechatpay-signature');
  const timestamp = readHeader(raw, 'wechatpay-timestamp');
  const nonce = readHeader(raw, 'wechatpay-nonce');
  const signatureType = readHeader(raw, 'wechatpay-signature-type');

  if (signature.startsWith(PROBE_PREFIX)) throw notificationRefused('wechat', 'signature_probe');
  if (signatureType !== SIGNATURE_TYPE) throw notificationRefused('wechat', 'signature_type');
  if (!isFresh(timestamp, raw.receivedAt)) throw notificationRefused('wechat', 'stale');
  if (!Hash.equals(keys.publicKeyId, serial)) throw notificationRefused('wechat', 'unknown_serial');
  const text = decodeUtf8(raw.body);
  if (text === undefined) throw notificationRefused('wechat', 'malformed');
  if (!Rsa.verify(Formatter.response(timestamp, nonce, text), signature, keys.publicKey)) {
    throw notificationRefused('wechat', 'signature');
  }
  return text;
}

/** A header that is there once; Node joins repeats by a comma, which no signed value contains. */
function readHeader(raw: RawNotification, name: string): string {
  const value = raw.headers[name];
  if (typeof value !== 'string' || value === '') throw notificationRefused('wechat', 'headers_missing');
  return value;
}

function isFresh(timestamp: string, receivedAt: Date): boolean {
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  return Math.abs(receivedAt.getTime() / 1000 - Number(timestamp)) <= LONGEST_OFFSET_S;
}

function decrypt(
  { apiV3Key }: WechatNotificationKeys,
  resource: z.infer<typeof envelopeSchema>['resource'],
): string {
  try {
    return Aes.AesGcm.decrypt(resource.ciphertext, apiV3Key, resource.nonce, resource.associated_data);
  } catch (cause) {
    throw notificationRefused('wechat', 'decryption', cause);
  }
}

function parseAs<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw notificationRefused('wechat', 'malformed', cause);
  }
}

/** Paid only by the one word that says so. A refunded trade's notification is no new payment. */
function toPaidTrade(resource: unknown): ProviderPayment | undefined {
  const trade = tradeSchema.safeParse(resource);
  return trade.success && trade.data.trade_state === 'SUCCESS' ? toPayment(trade.data) : undefined;
}

function toFacts(
  envelope: z.infer<typeof envelopeSchema>,
  { amount, ...facts }: z.infer<typeof factsSchema>,
): Record<string, string> {
  return presentOnly({
    event_type: envelope.event_type,
    create_time: envelope.create_time,
    ...facts,
    amount_total: amount?.total?.toString(),
    amount_refund: amount?.refund?.toString(),
    amount_currency: amount?.currency,
  });
}
