/** Whether a verified payment is the one that an attempt asked for (promise W3). */

export interface PaymentFacts {
  channel: string;
  merchant: string | null;
  outTradeNo: string;
  amount: number | null;
  currency: string | null;
}

export type Misfit = 'no_attempt' | 'other_merchant' | 'other_currency' | 'other_amount';

/** Only the attempt's own channel, merchant, number, currency and exact amount complete it. */
export function misfitOf(paid: PaymentFacts, attempt: PaymentFacts | null): Misfit | null {
  if (attempt === null || attempt.channel !== paid.channel || attempt.outTradeNo !== paid.outTradeNo) {
    return 'no_attempt';
  }
  if (attempt.merchant !== paid.merchant) return 'other_merchant';
  if (attempt.currency !== paid.currency) return 'other_currency';
  return attempt.amount === paid.amount ? null : 'other_amount';
}

/** Money that another merchant received, or that is no CNY, is not in our books: only a person looks at it. */
export function isOurMoney(
  misfit: Misfit,
  merchant: string | null,
  ours: string | null,
  currency: string | null,
): boolean {
  return (
    misfit !== 'other_merchant' && misfit !== 'other_currency' && merchant === ours && currency === 'CNY'
  );
}
