/** What a withdrawal's workflow does. Every one may run twice and counts once. */
import type { Channel, PayoutRequest, PayoutState } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { type WithdrawalRow, payoutRequestOf, withdrawalById } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { type WithdrawalStatus, isUnderWay } from '../domain/withdrawals.js';
import {
  acceptWithdrawal,
  bounceWithdrawal,
  failWithdrawal,
  noteTrouble,
  settleWithdrawal,
  submitWithdrawal,
} from '../ledger/withdrawal-ends.js';

/** No document and no person's words: those stay in SQL (promise S4). */
export interface PayoutProgress {
  status: WithdrawalStatus;
  /** Until when its receiver may take it, where one has to. Epoch ms. */
  receiverUntilMs: number | null;
}

type Payouts = Channel & Required<Pick<Channel, 'payout' | 'queryPayout'>>;

function canPayOut(channel: Channel): channel is Payouts {
  return channel.payout !== undefined && channel.queryPayout !== undefined;
}

function progressOf({ status, receiverUntil }: WithdrawalRow): PayoutProgress {
  return { status, receiverUntilMs: receiverUntil?.getTime() ?? null };
}

const messageOf = ({ providerStatus, message }: { providerStatus: string; message: string }): string =>
  `the provider says ${providerStatus}: ${message}`;

export function createWithdrawalActivities(db: Db, channels: Channels, publicUrl: string) {
  /** Only a definite "no" gives the money back (promise M9). */
  async function book(id: string, found: PayoutState, nowMs: number): Promise<WithdrawalRow> {
    switch (found.state) {
      case 'paid': {
        const { providerPayoutNo, paidAt } = found;
        const paid = await settleWithdrawal(db, id, { providerPayoutNo, paidAtMs: paidAt.getTime(), nowMs });
        crashPoint('payout: settled');
        return paid;
      }
      case 'failed': {
        const error = { code: 'channel_refused', message: messageOf(found) };
        const failed = await failWithdrawal(db, id, { error, nowMs });
        crashPoint('payout: failed');
        return failed;
      }
      case 'bounced': {
        const error = { code: 'channel_refused', message: messageOf(found) };
        return bounceWithdrawal(db, id, { error, nowMs });
      }
      case 'awaiting_receiver':
        return acceptWithdrawal(db, id, { packageInfo: found.packageInfo, nowMs });
      case 'processing':
        return acceptWithdrawal(db, id, { packageInfo: null, nowMs });
      case 'unknown':
      default: {
        const message = `the provider says ${found.providerStatus}`;
        return noteTrouble(db, id, { code: 'channel_unknown_outcome', message });
      }
    }
  }

  return {
    /**
     * Posts the payout, or asks about one that was posted, always under the same number, and books what the provider
     * says. A receiver who did not take it in time is called back. Where the provider gives no answer the status is
     * what it was, and the workflow asks again later.
     * @param nowMs the workflow's clock
     */
    async drivePayout({
      withdrawalId,
      nowMs,
    }: {
      withdrawalId: string;
      nowMs: number;
    }): Promise<PayoutProgress> {
      const before = await withdrawalById(db, withdrawalId);
      if (!isUnderWay(before.status)) return progressOf(before);
      try {
        const channel = channelNamed(channels, before.channel);
        if (!canPayOut(channel)) return progressOf(await book(withdrawalId, nowhere(before), nowMs));
        const row = await submitWithdrawal(db, withdrawalId, nowMs);
        crashPoint('payout: before the provider');
        const request = payoutRequestOf(row, publicUrl);
        const found = await standingOf(channel, request, {
          isPosted: before.status !== 'approved',
          isAccepted: row.acceptedAt !== null,
          isQuiet: isQuiet(before),
          isOverdue: row.receiverUntil !== null && nowMs >= row.receiverUntil.getTime(),
        });
        crashPoint('payout: provider has it');
        return progressOf(await book(withdrawalId, found, nowMs));
      } catch (error) {
        if (!(error instanceof HoldfastError) || !NO_ANSWER.has(error.code)) throw error;
        const { code, message } = error;
        return progressOf(await noteTrouble(db, withdrawalId, { code, message }));
      }
    },
  };
}

/** The workflow asks again, with its own back-off; the database's troubles are retried by Temporal. */
const NO_ANSWER = new Set<string>(['channel_unknown_outcome', 'channel_not_configured']);

/** Nobody was asked to pay what was never submitted; of anything else nothing is known here (promise M9). */
function nowhere({ status, channel }: WithdrawalRow): PayoutState {
  const message = `${channel} pays nothing out here`;
  return status === 'approved'
    ? { state: 'failed', providerStatus: 'nothing', message }
    : { state: 'unknown', providerStatus: message };
}

/** How the payout stands at its provider, after what has to be done about it there. */
async function standingOf(
  channel: Payouts,
  request: PayoutRequest,
  is: { isPosted: boolean; isAccepted: boolean; isQuiet: boolean; isOverdue: boolean },
): Promise<PayoutState> {
  if (is.isPosted) {
    const known = await channel.queryPayout(request);
    if (known.state === 'awaiting_receiver' && is.isOverdue && channel.cancelPayout !== undefined) {
      return channel.cancelPayout(request);
    }
    // What the provider once said to have is never posted again, whatever it shows now.
    if (known.state !== 'unknown' || is.isAccepted) return known;
  }
  return postPayout(channel, request, is.isQuiet);
}

/** A provider may still be at work on an earlier call that had no answer: for this long it is not believed to be over. */
const QUIET_MS = 540_000;

function isQuiet({ askedAt }: WithdrawalRow): boolean {
  return askedAt === null || Date.now() - askedAt.getTime() >= QUIET_MS;
}

async function postPayout(
  channel: Payouts,
  request: PayoutRequest,
  isBelieved: boolean,
): Promise<PayoutState> {
  try {
    return await channel.payout(request);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'channel_refused') throw error;
    const { message } = error;
    return isBelieved
      ? { state: 'failed', providerStatus: 'no', message }
      : { state: 'unknown', providerStatus: `no (${message}), and may be at work on an earlier call` };
  }
}
