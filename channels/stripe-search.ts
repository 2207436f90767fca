/** Stripe's search and lists: how an object of ours is found by our own number. */
import type { Stripe } from 'stripe';
import { z } from 'zod';
import { unknownOutcome } from './provider-errors.js';
import type { StripeClient } from './stripe-client.js';

const PAGE = 100;
// More than this of one payment's refunds, or of one payout's transfers, is nothing that we made.
const MOST_PAGES = 20;

const foundSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1),
      status: z.string(),
      metadata: z.record(z.string(), z.string()),
    }),
  ),
});

/**
 * The intent of an attempt, by a search: it shows what is about a minute old and older.
 * @returns its id; the paid one, if there were ever several
 * @throws HoldfastError `channel_unknown_outcome`
 */
export async function findIntent(client: StripeClient, outTradeNo: string): Promise<string | undefined> {
  const value = outTradeNo.replaceAll(/["\\]/g, String.raw`\$&`);
  const answer = await client.call('paymentIntents.search', foundSchema, (api) =>
    api.paymentIntents.search({ query: `metadata["out_trade_no"]:"${value}"`, limit: PAGE }),
  );
  if (!answer.ok) throw unknownOutcome(answer.refusal);
  const ours = answer.body.data.filter(({ metadata }) => metadata['out_trade_no'] === outTradeNo);
  return (ours.find(({ status }) => status === 'succeeded') ?? ours[0])?.id;
}

/**
 * Every object of a list, page by page. Lists, unlike searches, show what was made a moment ago.
 * @throws HoldfastError `channel_unknown_outcome`
 */
export async function* listAll<T extends { id: string }>(
  client: StripeClient,
  operation: string,
  item: z.ZodType<T>,
  list: (api: Stripe, page: { limit: number; starting_after?: string }) => Promise<unknown>,
  mostPages = MOST_PAGES,
): AsyncGenerator<T> {
  const schema = z.object({ data: z.array(item), has_more: z.boolean() });
  let last: string | undefined;
  for (let page = 0; page < mostPages; page += 1) {
    const after = last === undefined ? {} : { starting_after: last };
    const answer = await client.call(operation, schema, (api) => list(api, { limit: PAGE, ...after }));
    if (!answer.ok) throw unknownOutcome(answer.refusal);
    const { data, has_more } = answer.body;
    yield* data;
    last = data.at(-1)?.id;
    if (!has_more || last === undefined) return;
  }
  throw unknownOutcome({ channel: 'stripe', operation, providerMessage: 'the list does not end' });
}
