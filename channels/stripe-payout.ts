/** Payouts by Stripe Connect: a transfer from our balance to a connected account, which is there at once. */
import { z } from 'zod';
import type { PayoutRequest, PayoutState } from './channel.js';
import { channelRefused, unknownOutcome } from './provider-errors.js';
import type { StripeClient, StripeRefusal } from './stripe-client.js';
import { secondsSchema, toDate } from './stripe-intent.js';
import { listAll } from './stripe-search.js';

const CREATE = 'transfers.create';
const NOT_THERE = 'no such transfer';

// No for good: there is no such account, or it cannot be paid. A balance that is too low today is not among them.
const FINAL_CODES: ReadonlySet<string> = new Set([
  'account_invalid',
  'insufficient_capabilities_for_transfer',
  'transfers_not_allowed',
]);

const transferSchema = z.object({
  id: z.string().min(1),
  amount: z.int(),
  amount_reversed: z.int(),
  reversed: z.boolean(),
  currency: z.string(),
  created: secondsSchema,
  destination: z.string().nullish(),
  metadata: z.record(z.string(), z.string()),
});

type Transfer = z.infer<typeof transferSchema>;

export async function payout(client: StripeClient, request: PayoutRequest): Promise<PayoutState> {
  // The idempotency key alone holds for a day, and a payout may be asked for again after a week.
  const known = await find(client, request);
  if (known !== undefined) return toState(request, known);
  const answer = await client.call(CREATE, transferSchema, (api) =>
    api.transfers.create(toOrder(request), { idempotencyKey: `payout-${request.payoutNo}` }),
  );
  if (answer.ok) return toState(request, answer.body);
  if (!isFinal(answer.refusal)) throw unknownOutcome(answer.refusal);
  const found = await find(client, request);
  if (found === undefined) throw channelRefused(answer.refusal);
  return toState(request, found);
}

export async function queryPayout(client: StripeClient, request: PayoutRequest): Promise<PayoutState> {
  const found = await find(client, request);
  return found === undefined ? { state: 'unknown', providerStatus: NOT_THERE } : toState(request, found);
}

function toOrder({ payoutNo, amountFen, account, remark, notifyUrl }: PayoutRequest) {
  return {
    amount: amountFen,
    currency: 'cny',
    destination: account.no,
    ...(remark && { description: remark }),
    // Transfers can be listed by their group, and by nothing else of ours.
    transfer_group: payoutNo,
    metadata: { payout_no: payoutNo, notify_url: notifyUrl },
  };
}

function isFinal({ providerCode = '', param }: StripeRefusal): boolean {
  return FINAL_CODES.has(providerCode) || (providerCode === 'resource_missing' && param === 'destination');
}

async function find(client: StripeClient, { payoutNo }: PayoutRequest): Promise<Transfer | undefined> {
  const all = listAll(client, 'transfers.list', transferSchema, (api, page) =>
    api.transfers.list({ transfer_group: payoutNo, ...page }),
  );
  for await (const one of all) if (one.metadata['payout_no'] === payoutNo) return one;
  return undefined;
}

function toState({ payoutNo, amountFen, account }: PayoutRequest, transfer: Transfer): PayoutState {
  const { id, amount, currency, destination, metadata, created, reversed, amount_reversed } = transfer;
  if (
    amount !== amountFen ||
    currency !== 'cny' ||
    destination !== account.no ||
    metadata['payout_no'] !== payoutNo
  ) {
    throw unknownOutcome({
      channel: 'stripe',
      operation: CREATE,
      providerMessage: 'the answer is about another transfer',
    });
  }
  if (reversed) {
    return { state: 'bounced', providerStatus: 'reversed', message: 'the transfer was taken back in full' };
  }
  // Somebody took a part of it back, by hand: neither all paid nor all ours.
  if (amount_reversed > 0) return { state: 'unknown', providerStatus: 'partially reversed' };
  return { state: 'paid', providerPayoutNo: id, paidAt: toDate(created) };
}
