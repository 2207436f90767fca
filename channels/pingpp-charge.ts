/** A charge as Ping++ shows it, in answers and events alike. */
import { z } from 'zod';
import { fen, MAX_AMOUNT_FEN } from '../domain/money.js';
import type { ProviderPayment } from './channel.js';

/** An id, or the object that Ping++ puts in its place where it was asked to. */
const idSchema = z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)]);

/** Whole fen, more than nothing. */
export const amountSchema = z.int().min(1).max(MAX_AMOUNT_FEN).transform(fen);
/** Seconds since 1970. */
export const secondSchema = z
  .int()
  .min(1)
  .max(10_000_000_000)
  .transform((seconds) => new Date(seconds * 1000));

export const chargeSchema = z.object({
  id: z.string().min(1),
  object: z.literal('charge').optional(),
  created: secondSchema,
  livemode: z.boolean(),
  paid: z.boolean(),
  /** Taken back at the payer's channel: if it was paid, the money is with the payer again. */
  reversed: z.boolean().optional(),
  app: idSchema,
  channel: z.string(),
  order_no: z.string(),
  amount: amountSchema,
  currency: z.string(),
  time_paid: secondSchema.nullish(),
  time_expire: secondSchema.nullish(),
  /** Such as `{object, alipay_qr: 'https://qr.alipay.com/...'}`; nothing once it is paid. */
  credential: z.unknown(),
});

export type Charge = z.infer<typeof chargeSchema>;

/** Also by its mode: what is paid in test mode is no money, although the same key signs it. */
export function merchantOf(app: string, live: boolean): string {
  return live ? app : `${app}/test`;
}

/** @param knownAt stands in for a time of payment that Ping++ leaves out */
export function toPayment(charge: Charge, knownAt: Date): ProviderPayment {
  return {
    outTradeNo: charge.order_no,
    // Not the number of the payer's channel: charges are what is refunded, and two may have one number of ours.
    providerTradeNo: charge.id,
    amountFen: charge.amount,
    currency: charge.currency.toUpperCase(),
    merchant: merchantOf(charge.app, charge.livemode),
    paidAt: charge.time_paid ?? knownAt,
  };
}

/** Money that is here: paid, and not given back by a cancellation. */
export function isPaid(charge: Pick<Charge, 'paid' | 'reversed'>): boolean {
  return charge.paid && charge.reversed !== true;
}

const credentialSchema = z.record(z.string(), z.unknown());

/** What the charge holds for the payer's device, by its channel; undefined when it holds nothing. */
export function credentialOf({ credential, channel }: Charge): unknown {
  return credentialSchema.safeParse(credential).data?.[channel];
}
