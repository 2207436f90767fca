/** A Stripe PaymentIntent, as a call answers it and as an event carries it: the same object. */
import { z } from 'zod';
import { fen } from '../domain/money.js';
import type { ProviderPayment } from './channel.js';

/** Seconds since 1970, as Stripe writes every time. */
export const secondsSchema = z.int().nonnegative();

export function toDate(seconds: number): Date {
  return new Date(seconds * 1000);
}

export const intentSchema = z.object({
  id: z.string().min(1),
  object: z.literal('payment_intent'),
  status: z.string(),
  amount: z.int(),
  amount_received: z.int().nonnegative().default(0),
  currency: z.string().min(1),
  livemode: z.boolean(),
  metadata: z.record(z.string(), z.string()).default({}),
  client_secret: z.string().nullish(),
  // Its id; or the charge itself where it was asked for.
  latest_charge: z.union([z.string(), z.object({ created: secondsSchema })]).nullish(),
  next_action: z
    .object({
      wechat_pay_display_qr_code: z.object({ data: z.string().min(1) }).optional(),
      alipay_handle_redirect: z.object({ url: z.url() }).optional(),
      redirect_to_url: z.object({ url: z.url() }).optional(),
    })
    .nullish(),
});

export type Intent = z.infer<typeof intentSchema>;

/**
 * Who is paid. Stripe's objects do not name their own account: the key and the webhook's secret vouch for that. What
 * they do name is whether the money is real, and, in events of connected accounts, whose it is.
 */
export function toMerchant(livemode: boolean, account?: string): string {
  return `${account ?? 'stripe'}/${livemode ? 'live' : 'test'}`;
}

/**
 * The payment of an intent that succeeded. Undefined when it is none of ours, or has no time.
 * @param seenAt where the intent holds no charge: when Stripe saw it succeed
 */
export function toPayment(intent: Intent, account?: string, seenAt?: number): ProviderPayment | undefined {
  const { out_trade_no: outTradeNo } = intent.metadata;
  const { latest_charge: charge } = intent;
  const at = typeof charge === 'object' && charge !== null ? charge.created : seenAt;
  if (intent.status !== 'succeeded' || !outTradeNo || at === undefined) return undefined;
  return {
    outTradeNo,
    providerTradeNo: intent.id,
    amountFen: fen(intent.amount_received),
    // Whatever it is: an amount in another currency must not pass for fen.
    currency: intent.currency.toUpperCase(),
    merchant: toMerchant(intent.livemode, account),
    paidAt: toDate(at),
  };
}
