import type { Channel } from '../gateway.js';
import { Refusal } from '../state/refusal.js';
import type { Store } from '../state/store.js';
import { digits, hex } from '../values/random.js';
import { dayOf, linesOf, type BillLine } from './lines.js';

/** How a bill can differ from what happened. */
export const DIFFERENCE_TYPES = ['missing', 'extra', 'amount', 'status', 'fee', 'duplicate', 'late'] as const;
export type DifferenceType = (typeof DIFFERENCE_TYPES)[number];

/** What a control call wants; `kind` and `no` narrow the choice of lines. */
export interface DifferenceWish {
  readonly type: DifferenceType;
  readonly count: number;
  readonly kind: BillLine['kind'] | null;
  readonly no: string | null;
}

/** One line that a bill tells wrongly. */
export interface Difference {
  readonly channel: Channel;
  readonly date: string;
  readonly type: DifferenceType;
  readonly kind: BillLine['kind'];
  /** The merchant's number. */
  readonly no: string;
  readonly providerNo: string;
  readonly amount: number;
  /** The made-up line of an `extra`. */
  readonly line: BillLine | null;
}

const DAY_MS = 86_400_000;

/** These make no bills: their lists of what moved money are in the place of those. */
const LISTS: ReadonlySet<Channel> = new Set<Channel>(['pingpp', 'stripe']);

/** What a bill cannot tell wrongly, because it does not tell it, or of no day of its own. */
const UNTOLD: Readonly<Record<Channel, readonly DifferenceType[]>> = {
  alipay: ['status'],
  wechat: [],
  pingpp: ['fee', 'late'],
  stripe: ['late'],
};

/** Bills, as the providers make them out of what they know, and the differences that a tester puts into them. */
export class BillDesk {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * The lines of a day's bill, oldest first, with the differences that were asked for.
   * @throws Refusal `invalid_input` when the date is none
   */
  lines(channel: Channel, date: string): BillLine[] {
    const span = spanOf(date);
    const told = this.#differences(channel, date);
    const lines = linesOf(this.#store, channel, span).flatMap((line) => toldLines(line, told));
    const extra = [...told.values()].flatMap((difference) => difference.line ?? []);
    return [...this.#lateInto(channel, span.from), ...lines, ...extra].sort((a, b) => a.at - b.at);
  }

  /** What a list tells of one line, with the differences that were asked for of its day. */
  told(channel: Channel, line: BillLine): BillLine[] {
    return toldLines(line, this.#differences(channel, dateOf(line.at)));
  }

  /** The made-up lines of all days. */
  extras(channel: Channel): BillLine[] {
    return this.list(channel).flatMap(({ line }) => line ?? []);
  }

  /**
   * Puts differences into a bill: each into a line that has none yet, the oldest first. Fewer lines than asked for
   * are touched when there are no more.
   * @returns the lines that were touched
   */
  inject(channel: Channel, date: string, wishes: readonly DifferenceWish[]): Difference[] {
    const span = spanOf(date);
    const touched = wishes.flatMap((wish) => {
      assertTold(channel, wish);
      if (wish.type === 'extra') {
        return Array.from({ length: wish.count }, () =>
          this.#keep(channel, date, 'extra', madeUp(span, wish), true),
        );
      }
      const told = this.#differences(channel, date);
      return linesOf(this.#store, channel, span)
        .filter((line) => !told.has(keyOf(line)) && matches(channel, line, wish))
        .slice(0, wish.count)
        .map((line) => this.#keep(channel, date, wish.type, line, false));
    });
    return touched;
  }

  list(channel: Channel | null): Difference[] {
    return [...this.#store.billDifferences.values()].filter(
      (difference) => channel === null || difference.channel === channel,
    );
  }

  clear(channel: Channel | null): void {
    for (const difference of this.list(channel)) this.#store.billDifferences.delete(storedKey(difference));
  }

  #keep(channel: Channel, date: string, type: DifferenceType, line: BillLine, isExtra: boolean): Difference {
    const { kind, no, providerNo, amount } = line;
    const difference = { channel, date, type, kind, no, providerNo, amount, line: isExtra ? line : null };
    return this.#store.billDifferences.set(storedKey(difference), difference);
  }

  #differences(channel: Channel, date: string): Map<string, Difference> {
    const found = this.list(channel).filter((difference) => difference.date === date);
    return new Map(found.map((difference) => [keyOf(difference), difference]));
  }

  /** What the bill of the day before left out, to tell it here. */
  #lateInto(channel: Channel, from: number): BillLine[] {
    const before = { from: from - DAY_MS, to: from };
    const late = this.#differences(channel, dateOf(before.from));
    return linesOf(this.#store, channel, before).filter((line) => late.get(keyOf(line))?.type === 'late');
  }
}

function toldLines(line: BillLine, told: ReadonlyMap<string, Difference>): BillLine[] {
  switch (told.get(keyOf(line))?.type) {
    case 'missing':
    case 'late':
      return [];
    case 'amount':
      return [{ ...line, amount: line.amount + 1 }];
    case 'fee':
      return [{ ...line, fee: line.fee + 1 }];
    case 'status':
      return [{ ...line, status: line.kind === 'refund' ? 'processing' : 'revoked' }];
    case 'duplicate':
      return [line, line];
    case 'extra':
    case undefined:
    default:
      return [line];
  }
}

/** @throws Refusal `no_such_difference` */
function assertTold(channel: Channel, { type, kind }: DifferenceWish): void {
  // A list has made-up payments alone.
  const isTold = type !== 'extra' || !LISTS.has(channel) || kind === null || kind === 'payment';
  if (isTold && !UNTOLD[channel].includes(type)) return;
  throw new Refusal(
    'no_such_difference',
    `A bill of ${channel} has no ${type} of this kind that could differ.`,
  );
}

function matches(channel: Channel, line: BillLine, { type, kind, no }: DifferenceWish): boolean {
  const isPayout = line.kind === 'payout' || line.kind === 'payout_return';
  // Payouts have neither a fee nor a status in any bill.
  if (isPayout && (type === 'fee' || type === 'status')) return false;
  // Of payments a list holds those alone that were paid; what comes back is told as it is.
  if (LISTS.has(channel) && (line.kind === 'payout_return' || (type === 'status' && line.kind === 'payment')))
    return false;
  return (kind === null || line.kind === kind) && (no === null || line.no === no);
}

/** A line about something that the merchant has never heard of. */
function madeUp(span: { from: number }, { kind, no }: DifferenceWish): BillLine {
  const isRefund = kind === 'refund';
  const at = span.from + DAY_MS / 2;
  return {
    kind: kind ?? 'payment',
    no: no ?? hex(16),
    providerNo: digits(28),
    outTradeNo: isRefund ? hex(16) : null,
    tradeNo: isRefund ? digits(28) : null,
    amount: 100,
    fee: kind === null || kind === 'payment' ? 1 : isRefund ? -1 : 0,
    createdAt: at,
    at,
    status: 'succeeded',
    scene: 'qr',
    subject: 'Unknown / 未知',
    party: '',
  };
}

function spanOf(date: string): { readonly from: number; readonly to: number } {
  const span = dayOf(date);
  if (span) return span;
  throw new Refusal('invalid_input', `date: ${date} is no day such as 2026-11-23.`);
}

/** The day of UTC+8 that a moment is in. */
function dateOf(at: number): string {
  return new Date(at + DAY_MS / 3).toISOString().slice(0, 10);
}

// A refund's number is unique within its trade only, so the trade is part of what tells lines apart.
function keyOf(line: Pick<BillLine, 'kind' | 'no' | 'providerNo'>): string {
  return `${line.kind}:${line.no}:${line.providerNo}`;
}

function storedKey(difference: Difference): string {
  return `${difference.channel}:${difference.date}:${keyOf(difference)}`;
}
