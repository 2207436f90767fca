/** Ping++ has no bill: a day's rows are what its lists show of that day in China. */
import { HoldfastError } from '../domain/errors.js';
import { z } from 'zod';
import type { BillRow } from './channel.js';
import { fromChinaTime } from '../domain/china-time.js';
import { chargeSchema, isPaid } from './pingpp-charge.js';
import type { PingppClient } from './pingpp-client.js';
import { transferSchema } from './pingpp-payout.js';
import { refundNoIn, refundSchema } from './pingpp-refund.js';

const DAY_MS = 86_400_000;
const CHARGES = '/v1/charges';
// Lists go by creation. A charge can be paid this long after its own, a refund of it this long, and a transfer this.
const PAID_WITHIN_MS = 15 * DAY_MS;
const REFUNDED_WITHIN_MS = 365 * DAY_MS;
const TRANSFERRED_WITHIN_MS = 15 * DAY_MS;
// The last payments of a day are in the lists by then.
const READY_AFTER_MS = 600_000;

// Its refunds come with it; the newest ten at most.
const refundedSchema = chargeSchema.extend({
  refunds: z.object({ has_more: z.boolean(), data: z.array(refundSchema) }).optional(),
});

interface Day {
  from: Date;
  to: Date;
}

/**
 * What was paid, refunded and paid out on a day, and what was begun on it and has not come to that. Ping++ tells no
 * fees in these.
 * @throws HoldfastError `bill_not_ready`, `channel_unknown_outcome`
 */
export async function* bill(client: PingppClient, appId: string, date: string): AsyncGenerator<BillRow> {
  const from = fromChinaTime(`${date} 00:00:00`);
  if (from === undefined) throw new Error(`${date} is no day`);
  const day = { from, to: new Date(from.getTime() + DAY_MS) };
  if (Date.now() < day.to.getTime() + READY_AFTER_MS) {
    throw new HoldfastError('bill_not_ready', {
      message: `pingpp: ${date} is not over`,
      details: { channel: 'pingpp' },
    });
  }
  yield* payments(client, appId, day);
  yield* refunds(client, appId, day);
  yield* payouts(client, appId, day);
}

const isIn = ({ from, to }: Day, at: Date): boolean => at >= from && at < to;

function createdIn(appId: string, { from, to }: Day, earlierMs: number) {
  return {
    'app[id]': appId,
    'created[gte]': Math.floor((from.getTime() - earlierMs) / 1000),
    'created[lt]': Math.floor(to.getTime() / 1000),
  };
}

async function* payments(client: PingppClient, appId: string, day: Day): AsyncGenerator<BillRow> {
  const query = { ...createdIn(appId, day, PAID_WITHIN_MS), paid: true };
  for await (const charge of client.list(CHARGES, query, chargeSchema)) {
    const at = charge.time_paid ?? charge.created;
    if (!isIn(day, at) || !isPaid(charge)) continue;
    const { order_no: no, id: providerNo, amount: amountFen } = charge;
    yield { kind: 'payment', no, outTradeNo: no, providerNo, amountFen, feeFen: 0, status: 'succeeded', at };
  }
}

async function* refunds(client: PingppClient, appId: string, day: Day): AsyncGenerator<BillRow> {
  const query = { ...createdIn(appId, day, REFUNDED_WITHIN_MS), refunded: true };
  for await (const charge of client.list(CHARGES, query, refundedSchema)) {
    const shown = charge.refunds?.has_more === false ? charge.refunds.data : undefined;
    const path = `${CHARGES}/${encodeURIComponent(charge.id)}/refunds`;
    for await (const refund of shown ?? client.list(path, {}, refundSchema)) {
      const at = refund.time_succeed ?? refund.created;
      if (!isIn(day, at)) continue;
      yield {
        kind: 'refund',
        // One that was made by hand has no number of ours.
        no: refundNoIn(refund) || refund.id,
        outTradeNo: charge.order_no,
        providerNo: refund.id,
        amountFen: refund.amount,
        feeFen: 0,
        status: STATUS[refund.status] ?? 'unknown',
        at,
      };
    }
  }
}

async function* payouts(client: PingppClient, appId: string, day: Day): AsyncGenerator<BillRow> {
  const query = createdIn(appId, day, TRANSFERRED_WITHIN_MS);
  for await (const transfer of client.list('/v1/transfers', query, transferSchema)) {
    const at = transfer.time_transferred ?? transfer.created;
    if (!isIn(day, at)) continue;
    const { order_no: no, id: providerNo, amount: amountFen } = transfer;
    const status = STATUS[transfer.status] ?? 'unknown';
    yield { kind: 'payout', no, providerNo, amountFen, feeFen: 0, status, at };
  }
}

const STATUS: Readonly<Record<string, BillRow['status']>> = {
  succeeded: 'succeeded',
  paid: 'succeeded',
  pending: 'processing',
  scheduled: 'processing',
  failed: 'failed',
  canceled: 'failed',
};
