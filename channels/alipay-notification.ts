/** Alipay's notification: a signed form (reference: asynchronous notification, signature RSA2). */
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fromYuan } from '../domain/money.js';
import type { AlipaySdk } from './alipay-sdk.js';
import type { Notification, ProviderPayment, RawNotification } from './channel.js';
import { fromChinaTime } from '../domain/china-time.js';
import { notificationRefused } from './provider-errors.js';
import { decodeUtf8, presentOnly } from './text.js';

type Parameters = Readonly<Record<string, string | undefined>>;

// Two words for paid: FINISHED is SUCCESS whose time for refunds is over.
export const PAID_STATUSES: ReadonlySet<string> = new Set(['TRADE_SUCCESS', 'TRADE_FINISHED']);

// Words for people: no payer's name, account or id among them.
const FACTS = [
  'notify_type',
  'notify_time',
  'trade_status',
  'trade_no',
  'out_trade_no',
  'out_biz_no',
  'app_id',
  'seller_id',
  'total_amount',
  'receipt_amount',
  'refund_fee',
  'gmt_create',
  'gmt_payment',
  'gmt_refund',
  'gmt_close',
] as const;

// A message of the application's gateway: its facts are in `biz_content`, as JSON.
const PAYOUT_CHANGED = 'alipay.fund.trans.order.changed';
const payoutSchema = z.object({
  out_biz_no: z.string().optional(),
  order_id: z.string().optional(),
  status: z.string().optional(),
  trans_amount: z.string().optional(),
  pay_date: z.string().optional(),
  error_code: z.string().optional(),
  fail_reason: z.string().optional(),
});

export interface AlipayNotificationContext {
  sdk: AlipaySdk;
  /** How this installation names a merchant: with the seller when one is configured. */
  merchantOf: (appId: string, sellerId: string) => string;
}

/**
 * Verifies and translates. What is verified never throws, whoever was paid: the caller keeps it for review.
 * @throws HoldfastError `notification_refused`
 */
export function verifyAlipayNotification(
  context: AlipayNotificationContext,
  raw: RawNotification,
): Notification {
  const parameters = parseForm(raw.body);
  assertSigned(context.sdk, parameters);

  const eventKey = parameters['notify_id'] ?? '';
  // The parameters that a payer's browser brings back are signed with the same key; they are no notification.
  if (eventKey === '') throw notificationRefused('alipay', 'not_a_notification');

  const common = {
    eventKey,
    outTradeNo: parameters['out_trade_no'] ?? '',
    facts: presentOnly(Object.fromEntries(FACTS.map((name) => [name, parameters[name]]))),
  };
  if (parameters['msg_method'] === PAYOUT_CHANGED) return toPayoutNotice(eventKey, parameters);
  const payment = toPayment(context, parameters);
  if (payment !== undefined) return { ...common, kind: 'paid', payment };
  const providerStatus = toProviderStatus(parameters);
  const refundNo = toRefundNo(parameters);
  return refundNo === undefined
    ? { ...common, kind: 'other', providerStatus }
    : { ...common, kind: 'refund', refundNo, providerStatus };
}

/** Each parameter once, with its value decoded once: the signature covers exactly that. */
function parseForm(body: Buffer): Parameters {
  const text = decodeUtf8(body);
  if (text === undefined) throw notificationRefused('alipay', 'malformed');
  const parameters: Record<string, string | undefined> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (parameters[name] !== undefined) throw notificationRefused('alipay', 'duplicate_parameter');
    // Signed are the values as they are, joined by `&`. So a payer who chose part of a subject could have one
    // parameter read as two, or two as one; what swallows a parameter is refused, and the order asks Alipay.
    if (/&\w+=/.test(value)) throw notificationRefused('alipay', 'ambiguous_parameter');
    parameters[name] = value;
  }
  return parameters;
}

function assertSigned(sdk: AlipaySdk, parameters: Parameters): void {
  // The client lets the sender choose: `RSA` would be a signature over SHA-1, and any other word throws.
  if (parameters['sign_type'] !== 'RSA2') throw notificationRefused('alipay', 'signature_type');
  let isGenuine: boolean;
  try {
    isGenuine = sdk.checkNotifySignV2({ ...parameters });
  } catch (cause) {
    throw notificationRefused('alipay', 'signature', cause);
  }
  if (!isGenuine) throw notificationRefused('alipay', 'signature');
}

/**
 * The payment that a notification reports, or undefined when it reports something else. A refund posts the
 * payment's own notification again, with the refund's fields: not a new payment.
 */
function toPayment(
  { merchantOf }: AlipayNotificationContext,
  parameters: Parameters,
): ProviderPayment | undefined {
  const { trade_status: status = '', out_trade_no: outTradeNo, trade_no: providerTradeNo } = parameters;
  if (!PAID_STATUSES.has(status) || hasRefund(parameters)) return undefined;
  const amountFen = toAmount(parameters['total_amount'] ?? '');
  // The payment's time may be missing; the notification's own never is.
  const paidAt = fromChinaTime(parameters['gmt_payment'] || parameters['notify_time'] || '');
  if (!outTradeNo || !providerTradeNo || amountFen === undefined || paidAt === undefined) return undefined;
  return {
    outTradeNo,
    providerTradeNo,
    amountFen,
    currency: parameters['trans_currency'] || 'CNY',
    merchant: merchantOf(parameters['app_id'] ?? '', parameters['seller_id'] ?? ''),
    paidAt,
  };
}

function hasRefund(parameters: Parameters): boolean {
  return Boolean(parameters['refund_fee']) || Boolean(parameters['gmt_refund']);
}

/**
 * The number of the refund that a notification reports. One that was made by hand at Alipay, or that names no
 * trade, has none that could be asked for.
 */
function toRefundNo(parameters: Parameters): string | undefined {
  const { out_biz_no: refundNo, out_trade_no: outTradeNo } = parameters;
  return hasRefund(parameters) && outTradeNo && refundNo ? refundNo : undefined;
}

/** What became of a payout: a hint, and what became of it is asked for. */
function toPayoutNotice(eventKey: string, parameters: Parameters): Notification {
  const facts = payoutSchema.safeParse(parseJson(parameters['biz_content'] ?? '')).data ?? {};
  const common = {
    eventKey,
    outTradeNo: '',
    facts: presentOnly({ msg_method: PAYOUT_CHANGED, app_id: parameters['app_id'], ...facts }),
  };
  const { out_biz_no: payoutNo, status: providerStatus = 'unknown' } = facts;
  return payoutNo
    ? { ...common, kind: 'payout', payoutNo, providerStatus }
    : { ...common, kind: 'other', providerStatus };
}

/** Undefined when it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Alipay's yuan as fen; undefined when it is no amount. */
export function toAmount(yuan: string): Fen | undefined {
  try {
    return fromYuan(yuan);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'invalid_amount') return undefined;
    throw error;
  }
}

/** Alipay's word; a refund's own event says `REFUND` in it, so that people see why a paid trade is no payment. */
function toProviderStatus(parameters: Parameters): string {
  const status = parameters['trade_status'] ?? parameters['notify_type'] ?? 'unknown';
  return hasRefund(parameters) ? `${status} with REFUND` : status;
}
