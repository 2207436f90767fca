/** Stripe's bill of one day: what moved its balance, listed page by page, with what each movement is about. */
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import type { BillRow } from './channel.js';
import type { StripeClient } from './stripe-client.js';
import { secondsSchema, toDate } from './stripe-intent.js';
import { listAll } from './stripe-search.js';

const DAY_MS = 24 * 60 * 60_000;
// 5 million movements a day: beyond that a list that does not end is the likelier reason.
const MOST_PAGES = 50_000;

const metadataSchema = z
  .record(z.string(), z.string())
  .nullish()
  .transform((given) => given ?? {});

// A charge, a refund or a transfer; of each the fields that it has.
const sourceSchema = z.object({
  id: z.string(),
  amount: z.int().nonnegative(),
  currency: z.string(),
  status: z.string().nullish(),
  payment_intent: z.string().nullish(),
  // Of a transfer: all of it was taken back.
  reversed: z.boolean().nullish(),
  metadata: metadataSchema,
});

const movementSchema = z.object({
  id: z.string().min(1),
  type: z.string(),
  amount: z.int(),
  currency: z.string(),
  exchange_rate: z.number().nullish(),
  fee: z.int(),
  created: secondsSchema,
  source: z.union([sourceSchema, z.string()]).nullish(),
});

type Movement = z.infer<typeof movementSchema>;
type Source = z.infer<typeof sourceSchema>;

/**
 * @throws HoldfastError `bill_not_ready`: the day is not over
 * @throws HoldfastError `channel_unknown_outcome`
 */
export async function* bill(client: StripeClient, date: string): AsyncGenerator<BillRow> {
  const from = Date.parse(`${date}T00:00:00+08:00`);
  if (Number.isNaN(from)) {
    throw new HoldfastError('invalid_request', { message: `${date} is no day`, details: { field: 'date' } });
  }
  if (Date.now() < from + DAY_MS) {
    throw new HoldfastError('bill_not_ready', {
      message: `stripe: ${date} is not over`,
      details: { channel: 'stripe' },
    });
  }
  const created = { gte: from / 1000, lt: (from + DAY_MS) / 1000 };
  const movements = listAll(
    client,
    'balanceTransactions.list',
    movementSchema,
    (api, page) => api.balanceTransactions.list({ created, expand: ['data.source'], ...page }),
    MOST_PAGES,
  );
  for await (const movement of movements) {
    const row = toRow(movement);
    if (row !== undefined) yield row;
  }
}

/**
 * Undefined for what is about none of our payments: Stripe's own fees, payouts to our bank, disputes, and money of a
 * refund or transfer that came back, whose own row says so by its status.
 */
function toRow(movement: Movement): BillRow | undefined {
  const { type, source, created } = movement;
  if (typeof source !== 'object' || source === null) return undefined;
  const { metadata, id } = source;
  const common = {
    providerNo: id,
    // What was paid, refunded or transferred. The movement's own amount is in the account's currency.
    amountFen: fen(source.amount),
    feeFen: feeOf(movement, source),
    at: toDate(created),
  };
  switch (type) {
    case 'charge':
    case 'payment': {
      const providerNo = source.payment_intent ?? id;
      const no = metadata['out_trade_no'] ?? providerNo;
      return { ...common, kind: 'payment', no, providerNo, status: 'succeeded' };
    }
    case 'refund':
    case 'payment_refund': {
      const { refund_no: no = id, out_trade_no: outTradeNo } = metadata;
      const status = REFUND_STATUS.get(source.status ?? '') ?? 'unknown';
      return { ...common, kind: 'refund', no, status, ...(outTradeNo && { outTradeNo }) };
    }
    case 'transfer':
      return {
        ...common,
        kind: 'payout',
        no: metadata['payout_no'] ?? id,
        status: source.reversed === true ? 'failed' : 'succeeded',
      };
    default:
      return undefined;
  }
}

const REFUND_STATUS: ReadonlyMap<string, BillRow['status']> = new Map([
  ['succeeded', 'succeeded'],
  ['pending', 'processing'],
  ['requires_action', 'processing'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** In fen of what was paid; at the movement's own rate where the account keeps its balance in another currency. */
function feeOf({ fee, currency, exchange_rate }: Movement, source: Source): number {
  return currency === source.currency || !exchange_rate ? fee : Math.round(fee / exchange_rate);
}
