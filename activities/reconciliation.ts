/** What a reconciliation's workflow does. Every one may run twice and counts once. */
import { and, eq } from 'drizzle-orm';
import type { BillRow, Channel, KnownAttempt } from '../channels/channel.js';
import { type Channels, channelNamed } from '../channels/index.js';
import { crashPoint } from '../crash-points.js';
import {
  type Matching,
  closeGone,
  feesOfBill,
  findMissingThere,
  isBookedDay,
  lockChannel,
  matchBill,
  settleLate,
} from '../db/bill-matching.js';
import { type Db, forLongReads } from '../db/client.js';
import {
  type DifferenceRow,
  billItemRef,
  closeBillItem,
  feesDiffer,
  noteAsked,
  settleBooked,
  toBeAsked,
  updateItems,
} from '../db/differences.js';
import { insertAnswer } from '../db/inbox.js';
import { openItem } from '../db/operator-items.js';
import {
  type ChannelDay,
  type ReconciliationRow,
  beginRun,
  changeRun,
  comparedRun,
  endRun,
  findReconciliation,
  lockCompared,
  reconciliationById,
  takeStaging,
} from '../db/reconciliations.js';
import { payments, settings } from '../db/schema.js';
import { type ErrorCode, HoldfastError } from '../domain/errors.js';
import {
  BILL_WITHIN_MS,
  DAY_MS,
  ENDED,
  LATE_WITHIN_MS,
  dayBeside,
  dayStartMs,
  feeSetting,
  feesPosting,
  reconciliationId,
} from '../domain/reconciliation.js';
import { post } from '../ledger/post.js';
import { toKnown } from '../relay/attempts.js';
import { stageBill } from './bill-staging.js';

/** Trying again at once cannot help, and later it may: the workflow waits, and the reason is on record. */
const LATER = new Set<ErrorCode>(['bill_not_ready', 'channel_unknown_outcome']);
/** Nor can it help later, without somebody's doing. */
const NEVER = new Set<ErrorCode>(['channel_refused', 'channel_not_configured', 'invalid_request']);

export type Fetched =
  { state: 'staged' } | { state: 'later' | 'never'; error: { code: string; message: string } };

/** How many payments one activity asks its channel about. */
const ASKED_AT_ONCE = 20;

function dayOf({ channel, date }: ChannelDay) {
  const startsAt = new Date(dayStartMs(date));
  return { channel, date, startsAt, endsAt: new Date(startsAt.getTime() + DAY_MS) };
}

export function createReconciliationActivities(db: Db, channels: Channels) {
  return {
    /** @returns which run of that day this is */
    async beginReconciliation({ by, ...day }: ChannelDay & { by: string }): Promise<number> {
      return (await beginRun(db, day, by)).run;
    },

    /** Brings the bill into PostgreSQL; goes on where an earlier try has come to. */
    async fetchBill({ id }: { id: string }): Promise<Fetched> {
      const row = await takeStaging(db, id);
      try {
        const channel = channelNamed(channels, row.channel);
        const rows = await stageBill(db, () => billOf(channel, row.date), row);
        // To a provider that is late with it, the bill of a busy day looks like that of a day without any payment.
        if (rows === 0 && (await isBookedDay(db, dayOf(row)))) {
          const message = `${row.channel} has an empty bill of ${row.date}, and our books are not empty`;
          throw new HoldfastError('bill_not_ready', { message });
        }
        return { state: 'staged' };
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        const { code, message } = error;
        if (!LATER.has(code) && !NEVER.has(code)) throw error;
        await changeRun(db, id, { status: 'waiting', error: { code, message } });
        return { state: LATER.has(code) ? 'later' : 'never', error: { code, message } };
      }
    },

    /** The bill against our books, and the day's fees into them: one transaction. */
    async compareBill({ id, run, nowMs }: { id: string; run: number; nowMs: number }): Promise<void> {
      await changeRun(db, id, { status: 'comparing', error: null });
      const { channel } = await reconciliationById(db, id);
      await forLongReads(db).transaction(async (tx) => {
        await lockChannel(tx, channel);
        const row = await lockCompared(tx, id, run);
        const given = { ...(await matchingOf(tx, row, nowMs)), run };
        const matched = await matchBill(tx, given);
        await findMissingThere(tx, given);
        await settleLate(tx, given);
        const fees = await bookFees(tx, row, run);
        await closeGone(tx, given);
        await comparedRun(tx, id, { matched, fees });
      });
      crashPoint('reconciliation: compared');
    },

    /**
     * Asks the channel about payments that its bill has and our books have not. What it confirms goes through the
     * inbox like a notification, and drives its order forward.
     * @returns whether there are more to ask about
     * @throws HoldfastError `channel_unknown_outcome`: about some of them it gave no answer
     */
    async askAboutMissing({ id, run }: { id: string; run: number }): Promise<boolean> {
      await changeRun(db, id, { status: 'asking' });
      const day = await reconciliationById(db, id);
      const missing = await toBeAsked(db, day, run, ASKED_AT_ONCE);
      let trouble: HoldfastError | undefined;
      for (const row of missing) {
        try {
          const inboxId = await askAbout(db, channels, row);
          crashPoint('reconciliation: asked');
          await noteAsked(db, row.id, run, inboxId);
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error;
          // The others need not wait for this one.
          trouble = error;
        }
      }
      if (trouble !== undefined) throw trouble;
      return missing.length === ASKED_AT_ONCE;
    },

    /** @returns how many payments the channel has confirmed, and are not in the books yet */
    async settleMissing({ id }: { id: string }): Promise<number> {
      return settleBooked(db, await reconciliationById(db, id));
    },

    /** Opens a case for each difference that is left, closes those that are no more, and ends the run. */
    async endReconciliation({ id }: { id: string }): Promise<void> {
      await forLongReads(db).transaction(async (tx) => {
        const day = await reconciliationById(tx, id);
        const { channel, date } = day;
        await settleBooked(tx, day);
        await updateItems(tx, channel, [dayBeside(date, -1), date, dayBeside(date, 1)]);
        await closeBillItem(tx, day);
        await endRun(tx, id, { status: 'completed' });
      });
      crashPoint('reconciliation: ended');
    },

    /** There is no bill to be had: a person's. */
    async giveUpReconciliation({
      id,
      error,
    }: {
      id: string;
      error: { code: string; message: string };
    }): Promise<void> {
      await db.transaction(async (tx) => {
        const { channel, date } = await reconciliationById(tx, id);
        const details = { reconciliationId: id, channel, date, ...error };
        await openItem(tx, {
          kind: 'difference',
          ref: billItemRef({ channel, date }),
          orderNo: null,
          details,
        });
        await endRun(tx, id, { status: 'failed', error });
      });
    },
  };
}

function billOf(channel: Channel, date: string): AsyncIterable<BillRow> {
  const bill = channel.bill?.(date);
  if (bill !== undefined) return bill;
  throw new HoldfastError('invalid_request', { message: `${channel.name} has no bills` });
}

async function matchingOf(tx: Db, row: ReconciliationRow, nowMs: number): Promise<Omit<Matching, 'run'>> {
  const day = dayOf(row);
  const [rate] = await tx
    .select({ value: settings.value })
    .from(settings)
    .where(eq(settings.key, feeSetting(row.channel)));
  const [before, after] = await Promise.all(
    [-1, 1].map(async (days) => {
      const date = dayBeside(row.date, days);
      return { date, found: await findReconciliation(tx, reconciliationId(row.channel, date)) };
    }),
  );
  return {
    ...day,
    id: row.id,
    feeBps: typeof rate?.value === 'number' ? rate.value : null,
    lateWithinMs: LATE_WITHIN_MS,
    before: isUnderWay(before?.found) ? (before?.date ?? null) : null,
    after: comesYet(after?.found, nowMs - day.endsAt.getTime()) ? (after?.date ?? null) : null,
  };
}

/** The day before is looked at now; where it never was, nothing waits for it. */
function isUnderWay(found: ReconciliationRow | undefined): boolean {
  return found?.comparedAt === null && !ENDED.some((status) => status === found.status);
}

/** The day after is looked at by its schedule; where that should have been long ago, nothing waits for it. */
function comesYet(found: ReconciliationRow | undefined, sinceItsStartMs: number): boolean {
  if (found !== undefined) return found.comparedAt === null;
  return sinceItsStartMs < DAY_MS + BILL_WITHIN_MS;
}

/** Posts the day's fees, once. @returns what is posted */
async function bookFees(tx: Db, row: ReconciliationRow, run: number): Promise<number> {
  const told = await feesOfBill(tx, row.id);
  const posted = row.fees ?? 0;
  // A bill that was empty at first has left the key unused.
  if (posted === 0 && told !== 0) await post(tx, feesPosting(row.channel, row.date, told));
  else if (posted !== told) await feesDiffer(tx, row, run, { posted, told });
  return posted === 0 ? told : posted;
}

async function askAbout(db: Db, channels: Channels, { channel, no, theirs }: DifferenceRow) {
  // Nobody can be asked about money that came under no number of ours.
  if (no === '') return null;
  const [attempt] = await db
    .select()
    .from(payments)
    .where(and(eq(payments.outTradeNo, no), eq(payments.channel, channel)));
  const stranger: KnownAttempt = {
    outTradeNo: no,
    credential: null,
    createdAt: new Date(theirs?.at ?? Date.now()),
  };
  const found = await channelNamed(channels, channel).query(attempt ? toKnown(attempt) : stranger);
  return found.state === 'paid' ? insertAnswer(db, channel, found.payment) : null;
}
