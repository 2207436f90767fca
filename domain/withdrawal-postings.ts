/** The posting rules of withdrawals: withdrawable to frozen, then out through the provider, or back (system.md, section 3). */
import type { Fen } from './money.js';
import type { ProviderChannel } from './order.js';
import { type Leg, type Posting, account } from './postings.js';

export interface Withdrawal {
  id: string;
  userId: string;
  channel: ProviderChannel;
  amountFen: Fen;
}

function posting(
  { id, amountFen }: Withdrawal,
  step: string,
  kind: string,
  [from, to]: [from: string, to: string],
): Posting {
  const legs: Leg[] = [
    { account: from, amount: 0 - amountFen },
    { account: to, amount: amountFen },
  ];
  return { key: `withdrawal/${id}:${step}`, kind, orderNo: null, legs };
}

/** Asked for: it can be spent no more. */
export function requestPosting(withdrawal: Withdrawal): Posting {
  const { userId } = withdrawal;
  return posting(withdrawal, 'request', 'withdrawal_requested', [
    account.withdrawable(userId),
    account.frozen(userId),
  ]);
}

/** The receiver has it: the provider has paid it out for us, of what it owes us or of what we gave it. */
export function paidPosting(withdrawal: Withdrawal): Posting {
  const { userId, channel } = withdrawal;
  return posting(withdrawal, 'paid', 'withdrawal_paid', [account.frozen(userId), account.channel(channel)]);
}

/**
 * Rejected, or failed for certain: it is its owner's again. One key, so that it comes back once, whoever says so. A
 * debt that a refund has made meanwhile is settled first, as by every other income.
 */
export function returnPosting(withdrawal: Withdrawal): Posting {
  const { userId } = withdrawal;
  return posting(withdrawal, 'return', 'withdrawal_returned', [
    account.frozen(userId),
    account.earnings(userId),
  ]);
}

/** It was paid, and came back to the provider. */
export function bouncePosting(withdrawal: Withdrawal): Posting {
  const { userId, channel } = withdrawal;
  return posting(withdrawal, 'bounce', 'withdrawal_bounced', [
    account.channel(channel),
    account.earnings(userId),
  ]);
}
