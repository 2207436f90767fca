import { z } from 'zod';
import { account } from '../../values/keys.js';
import { base62 } from '../../values/random.js';

const ids = z.object({
  accountId: z.string(),
  /** What the merchant's calls carry. */
  secretKey: z.string(),
  /** What events are signed with. */
  webhookSecret: z.string(),
});

/** Who is who at this Stripe. A test-mode account: no real one moves money by a `sk_test_` key either. */
export type StripeAccount = z.infer<typeof ids>;

export function loadAccount(folder: string): Promise<StripeAccount> {
  return account(folder, 'stripe-account', ids, () => ({
    accountId: `acct_${base62(16)}`,
    secretKey: `sk_test_${base62(48)}`,
    webhookSecret: `whsec_${base62(32)}`,
  }));
}
