import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Payout, PayoutStatus } from '../../state/payouts.js';
import { parsedJson } from '../../values/json.js';
import { base62 } from '../../values/random.js';
import { amount, currency, expand, metadata, notifyUrlIn, page } from './params.js';
import { missing, ok, type StripeAnswer } from './refusal.js';
import { pageOf, readParams, seconds } from './wire.js';

const order = z.strictObject({
  amount,
  currency,
  destination: z.string().min(1),
  description: z.string().max(1_000).optional(),
  transfer_group: z.string().max(200).optional(),
  metadata,
  expand,
});

/** The merchant's money is its own again. Elsewhere a payout fails or bounces; a transfer is there, and is reversed. */
const REVERSED: readonly PayoutStatus[] = ['failed', 'cancelled', 'bounced'];

/** POST /v1/transfers: to a connected account, which has it at once. */
export function transfer(context: GatewayContext, params: unknown): StripeAnswer {
  const biz = readParams(params, order);
  if (!/^acct_\w+$/.test(biz.destination)) throw missing('destination', biz.destination, 'destination', 400);
  const payoutNo = `tr_${base62(24)}`;
  const ours = biz.metadata['payout_no'] ?? biz.transfer_group ?? payoutNo;
  const isFree = context.payouts.find('stripe', ours) === null;
  const opened = context.payouts.open({
    channel: 'stripe',
    payoutNo,
    outPayoutNo: isFree ? ours : payoutNo,
    amount: biz.amount,
    receiver: biz.destination,
    receiverName: null,
    remark: biz.description ?? null,
    notifyUrl: notifyUrlIn(biz.metadata),
    request: JSON.stringify(biz),
    receiverHasMs: null,
  });
  return ok(transferObject(opened));
}

/** GET /v1/transfers */
export function list(context: GatewayContext, query: unknown): StripeAnswer {
  const biz = readParams(
    query,
    z.strictObject({ ...page, transfer_group: z.string().optional(), destination: z.string().optional() }),
  );
  const found = context.payouts
    .list(({ channel }) => channel === 'stripe')
    .map(transferObject)
    .filter(
      (one) =>
        (biz.transfer_group === undefined || one.transfer_group === biz.transfer_group) &&
        (biz.destination === undefined || one.destination === biz.destination),
    );
  return pageOf('/v1/transfers', found, biz);
}

/** GET /v1/transfers/{id} */
export function retrieve(context: GatewayContext, id: string): StripeAnswer {
  const [found] = context.payouts.list((one) => one.channel === 'stripe' && one.payoutNo === id);
  if (!found) throw missing('transfer', id, 'transfer');
  return ok(transferObject(found));
}

export const isReversed = ({ status }: Payout): boolean => REVERSED.includes(status);

const asked = z.object({ transfer_group: z.string().optional(), metadata: z.record(z.string(), z.string()) });

/** The transfer: what calls answer and what an event holds. */
export function transferObject(payout: Payout) {
  const given = asked.safeParse(parsedJson(payout.request)).data ?? { metadata: {} };
  const reversed = isReversed(payout);
  return {
    id: payout.payoutNo,
    object: 'transfer',
    amount: payout.amount,
    amount_reversed: reversed ? payout.amount : 0,
    created: seconds(payout.createdAt),
    currency: 'cny',
    description: payout.remark,
    destination: payout.receiver,
    livemode: false,
    metadata:
      'payout_no' in given.metadata && payout.outPayoutNo !== payout.payoutNo
        ? { ...given.metadata, payout_no: payout.outPayoutNo }
        : given.metadata,
    reversed,
    transfer_group: given.transfer_group ?? null,
  };
}
