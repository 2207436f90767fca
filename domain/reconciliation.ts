/** The daily proof that our books equal a provider's: its words, its days and its one posting (system.md, section 4). */
import type { ProviderChannel } from './order.js';
import { type Posting, account } from './postings.js';

/** What a bill's rows are about. */
const BILL_KINDS = ['payment', 'refund', 'payout'] as const;
export type BillKind = (typeof BILL_KINDS)[number];

/** What differences are about: a row of a bill, or the sum of a day's fees. */
export const DIFFERENCE_KINDS = [...BILL_KINDS, 'fees'] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

export const DIFFERENCE_TYPES = [
  /** The provider has it and our books have not. */
  'missing_here',
  /** Our books have it and the provider's bill has not. */
  'missing_there',
  'amount_differs',
  'status_differs',
  'fee_differs',
  /** The provider's bill has it more than once. */
  'duplicate',
  /** Of another day there than here: no difference, once both bills were looked at. */
  'late',
] as const;
export type DifferenceType = (typeof DIFFERENCE_TYPES)[number];

/**
 * matched (the other day's bill has it), missing (that one has it neither), booked (our books have it now), gone (a
 * later look found no difference), by_hand (an operator's word).
 */
export type DifferenceResolution = 'matched' | 'missing' | 'booked' | 'gone' | 'by_hand';

export const RECONCILIATION_STATUSES = [
  /** Asked for; its workflow is being started. */
  'requested',
  'fetching',
  /** The provider has not made the bill yet, or gives no answer: it is asked again. */
  'waiting',
  'comparing',
  /** The channel is asked about payments that are missing here. */
  'asking',
  'completed',
  'failed',
] as const;
export type ReconciliationStatus = (typeof RECONCILIATION_STATUSES)[number];

export const ENDED = ['completed', 'failed'] as const satisfies readonly ReconciliationStatus[];

const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** A provider's day is one in China, which has had no other offset than UTC+8 since 1991. */
const CHINA_OFFSET_MS = 8 * HOUR_MS;

/** The day in China at that moment, such as `2026-11-23`. */
export function chinaDayOf(atMs: number): string {
  return new Date(atMs + CHINA_OFFSET_MS).toISOString().slice(0, 10);
}

/** When that day begins in China. Epoch ms. */
export function dayStartMs(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) - CHINA_OFFSET_MS;
}

/** @param days 1 for the day after, -1 for the day before */
export function dayBeside(date: string, days: number): string {
  return chinaDayOf(dayStartMs(date) + days * DAY_MS);
}

/** Whether it is a day of the calendar: the 30th of February is none. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const startMs = dayStartMs(text);
  return !Number.isNaN(startMs) && chinaDayOf(startMs) === text;
}

/** A provider makes the bill of a day after that day. */
export function isOver(date: string, nowMs: number): boolean {
  return nowMs >= dayStartMs(date) + DAY_MS;
}

export function reconciliationId(channel: ProviderChannel, date: string): string {
  return `${channel}-${date}`;
}

/** So close to midnight a row may be in the bill of the day beside its own: the two clocks, and what was asked late. */
export const LATE_WITHIN_MS = HOUR_MS;

/** A bill that is not there so long after its day, or after it was asked for, is a person's. */
export const BILL_WITHIN_MS = 3 * DAY_MS;

/** How long to wait before a bill is asked for again: half a minute at first, half an hour at most. */
export function gapBeforeLookMs(looks: number): number {
  return Math.min(30_000 * 2 ** looks, HOUR_MS / 2);
}

/** What a provider takes, by contract, in hundredths of a percent: the setting of a channel. */
export function feeSetting(channel: ProviderChannel): string {
  return `fee.channelBps.${channel}`;
}

export function feesKey(channel: ProviderChannel, date: string): string {
  return `reconciliation/${channel}/${date}:fees`;
}

/**
 * What a provider kept of a day's payments, net of what it gave back with refunds: it owes us that much less. One
 * posting a day and channel, whatever a later bill of the same day says.
 * @param feeFen negative where it gave back more than it kept
 */
export function feesPosting(channel: ProviderChannel, date: string, feeFen: number): Posting {
  return {
    key: feesKey(channel, date),
    kind: 'channel_fees',
    orderNo: null,
    legs: [
      { account: account.channelFees, amount: 0 - feeFen },
      { account: account.channel(channel), amount: feeFen },
    ],
  };
}
