/** What a refund's workflow and an order's do with refunds. Every one may run twice and counts once. */
import { crashPoint } from '../crash-points.js';
import type { Posting, RefundRequest, RefundState } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import type { Standing } from '../domain/order.js';
import { failRefund, settleRefund } from '../ledger/refund-ends.js';
import { type RefundRow, beginPosting, endPosting, refundById, tradeOf } from '../db/refunds.js';
import { standingOf } from '../ledger/refund-rows.js';
import { approveRefund, rejectRefund, requestRefund } from '../ledger/refunds.js';

/** A refusal is an answer: the workflow tells it to who asked. */
export type Refusal = { refused: { code: string; message: string } };

const REFUSALS = new Set<string>([
  'refund_not_possible',
  'refund_decided',
  'refund_not_found',
  'already_spent',
]);

export function createRefundLedgerActivities(db: Db) {
  /** How the order stands after the work, or why it was refused. */
  async function standingAfter(orderNo: string, work: Promise<unknown>): Promise<Standing | Refusal> {
    try {
      await work;
    } catch (error) {
      if (error instanceof HoldfastError && REFUSALS.has(error.code)) {
        return { refused: { code: error.code, message: error.message } };
      }
      throw error;
    }
    return standingOf(db, orderNo);
  }

  return {
    readStanding: ({ orderNo }: { orderNo: string }): Promise<Standing> => standingOf(db, orderNo),

    requestRefund: (input: {
      refundId: string;
      orderNo: string;
      amountFen: number | null;
      reason: string;
      by: string;
      windowMs: number;
      nowMs: number;
    }): Promise<Standing | Refusal> => {
      const amountFen = input.amountFen === null ? null : fen(input.amountFen);
      return standingAfter(input.orderNo, requestRefund(db, { ...input, amountFen }));
    },

    decideRefund: ({
      orderNo,
      refundId,
      approve,
      ...verdict
    }: {
      orderNo: string;
      refundId: string;
      approve: boolean;
      by: string;
      reason: string;
      nowMs: number;
    }): Promise<Standing | Refusal> => {
      const decide = approve ? approveRefund : rejectRefund;
      return standingAfter(orderNo, decide(db, refundId, verdict));
    },

    async settleRefund({
      refundId,
      ...done
    }: {
      refundId: string;
      providerRefundNo: string;
      settledAtMs: number;
      nowMs: number;
    }): Promise<void> {
      await settleRefund(db, refundId, done);
      crashPoint('refund: settled');
    },

    async failRefund({
      refundId,
      ...failure
    }: {
      refundId: string;
      error: { code: string; message: string };
      nowMs: number;
    }): Promise<void> {
      await failRefund(db, refundId, failure);
      crashPoint('refund: failed');
    },
  };
}

export type RefundProgress =
  | { state: 'succeeded'; providerRefundNo: string; settledAtMs: number }
  | { state: 'processing' }
  | { state: 'failed'; error: { code: string; message: string } };

export function createRefundProviderActivities(db: Db, channels: Channels, publicUrl: string) {
  const requestOf = async (row: RefundRow): Promise<RefundRequest> => ({
    outTradeNo: row.outTradeNo,
    providerTradeNo: await tradeOf(db, row),
    refundNo: row.id,
    amountFen: fen(row.amount),
    capturedFen: fen(row.captured),
    currency: 'CNY',
    reason: row.reason,
    notifyUrl: `${publicUrl}/webhooks/${row.channel}`,
  });

  const postingOf = (refundId: string): Posting => ({
    async begin() {
      const isFree = await beginPosting(db, refundId);
      crashPoint('refund: begun');
      return isFree;
    },
    end: () => endPosting(db, refundId),
  });

  return {
    /**
     * Posts the refund, or asks about one that was posted, always under the same number, so that a retry refunds
     * once. An answer that nobody knows is retried until somebody does.
     */
    async driveRefund({ refundId, posted }: { refundId: string; posted: boolean }): Promise<RefundProgress> {
      const row = await refundById(db, refundId);
      if (row.channel === 'wallet')
        throw new HoldfastError('internal', { message: 'a wallet refund needs no provider' });
      const channel = channelNamed(channels, row.channel);
      if (channel.refund === undefined || channel.queryRefund === undefined) {
        return failed('channel_refused', `${row.channel} has no refunds`);
      }
      const request = await requestOf(row);
      try {
        crashPoint('refund: before the provider');
        const known = posted ? await channel.queryRefund(request) : null;
        // The provider does not know of it: the same number again is the same refund.
        const isKnown = known !== null && known.state !== 'unknown';
        const state = isKnown ? known : await channel.refund(request, postingOf(refundId));
        crashPoint('refund: provider has it');
        return toProgress(state);
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'channel_refused')
          return failed(error.code, error.message);
        throw error;
      }
    },
  };
}

function failed(code: string, message: string): RefundProgress {
  return { state: 'failed', error: { code, message } };
}

function toProgress(state: RefundState): RefundProgress {
  if (state.state === 'succeeded') {
    return {
      state: 'succeeded',
      providerRefundNo: state.providerRefundNo,
      settledAtMs: state.settledAt.getTime(),
    };
  }
  if (state.state === 'failed') return failed('channel_refused', `the provider says ${state.providerStatus}`);
  return { state: 'processing' };
}
