import type { Channel } from '../gateway.js';
import { Refusal } from './refusal.js';
import type { Store } from './store.js';

export type PayoutStatus = 'processing' | 'awaiting_receiver' | 'paid' | 'failed' | 'cancelled' | 'bounced';

/** One payout as the provider knows it. Amounts in integer fen, times in epoch ms. */
export interface Payout {
  readonly channel: Channel;
  /** The provider's number. */
  readonly payoutNo: string;
  /** The merchant's number (Alipay out_biz_no, WeChat out_bill_no). */
  readonly outPayoutNo: string;
  readonly amount: number;
  /** Who gets it, as the provider knows them: a login or user id, an openid, a bank account. */
  readonly receiver: string;
  readonly receiverName: string | null;
  readonly remark: string | null;
  readonly notifyUrl: string | null;
  /** The call's parameters in one canonical text, to tell a repeat from another payout under the same number. */
  readonly request: string;
  readonly status: PayoutStatus;
  /** What it becomes by itself; null once it has ended. A `processing` one that becomes `cancelled` is being cancelled. */
  readonly becomes: Ending | null;
  /** When, in real time. */
  readonly settlesAt: number | null;
  /** Why it failed, was cancelled or came back; each provider has its own word for it. */
  readonly reason: PayoutReason | null;
  readonly createdAt: number;
  /** When it was last changed. */
  readonly updatedAt: number;
  /** When it was paid; kept when it bounces later. */
  readonly paidAt: number | null;
  /** When it ended. */
  readonly settledAt: number | null;
}

/** `refused`: nobody says why; `receiver_abnormal`: their account cannot take it; `overdue`: nobody took it in time. */
export type PayoutReason =
  'refused' | 'receiver_abnormal' | 'name_mismatch' | 'overdue' | 'merchant_cancelled' | 'returned';

/** How a payout ends, and why when it is not paid. */
export interface Ending {
  readonly status: Exclude<PayoutStatus, 'processing' | 'awaiting_receiver'>;
  readonly reason: PayoutReason | null;
}

const PAID: Ending = { status: 'paid', reason: null };
const OVERDUE: Ending = { status: 'failed', reason: 'overdue' };
const CANCELLED: Ending = { status: 'cancelled', reason: 'merchant_cancelled' };

/**
 * How a control call ends a payout. `confirm`: the receiver takes it, and it is paid within 2 s; `success`: taken and
 * paid at once; `abnormal`: the receiver's account cannot take it, which is a bounce when it was paid already;
 * `expire`: the receiver's time is over; `bounce`: the receiver's bank sends it back.
 */
export const PAYOUT_RESULTS = [
  'success',
  'confirm',
  'fail',
  'abnormal',
  'expire',
  'cancel',
  'bounce',
] as const;
export type PayoutResult = (typeof PAYOUT_RESULTS)[number];

/** What a gateway says about a new payout. */
export type NewPayout = Pick<
  Payout,
  | 'channel'
  | 'payoutNo'
  | 'outPayoutNo'
  | 'amount'
  | 'receiver'
  | 'receiverName'
  | 'remark'
  | 'notifyUrl'
  | 'request'
> & {
  /** Provider time in ms that the receiver has to take it; null when nobody has to. */
  readonly receiverHasMs: number | null;
  /** Accepted, and ended in this way within 2 s; paid when left out. */
  readonly ends?: Ending;
};

/**
 * Told after a payout has become anything, in the same commit; the gateway says whether its provider tells of that.
 * `notify` null leaves it to the provider's habit.
 */
export type PayoutListener = (payout: Payout, notify: boolean | null) => Promise<void>;

// The sandbox promises 2 s at most; the rest is for the timer and the disk.
const SETTLES_AFTER_MS = 1_700;
// setTimeout takes no longer delay; a slowed-down day is waited for in pieces.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const OPEN: readonly PayoutStatus[] = ['processing', 'awaiting_receiver'];

/** From which statuses a result leads where; without an ending it is under way from then on. */
interface Outcome {
  readonly from: readonly PayoutStatus[];
  readonly ends: Ending | null;
}

const OUTCOMES: Readonly<Record<PayoutResult, readonly Outcome[]>> = {
  success: [{ from: OPEN, ends: PAID }],
  confirm: [{ from: ['awaiting_receiver'], ends: null }],
  fail: [{ from: OPEN, ends: { status: 'failed', reason: 'refused' } }],
  abnormal: [
    { from: OPEN, ends: { status: 'failed', reason: 'receiver_abnormal' } },
    { from: ['paid'], ends: { status: 'bounced', reason: 'returned' } },
  ],
  expire: [{ from: ['awaiting_receiver'], ends: OVERDUE }],
  cancel: [{ from: OPEN, ends: CANCELLED }],
  bounce: [{ from: ['paid'], ends: { status: 'bounced', reason: 'returned' } }],
};

/** Payouts of all providers. One that nobody settles succeeds by itself, also after a restart. */
export class PayoutDesk {
  readonly #store: Store;
  readonly #listener: PayoutListener;
  readonly #now: () => number;
  readonly #speed: number;
  readonly #report: (error: unknown) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(parts: {
    store: Store;
    listener: PayoutListener;
    now: () => number;
    /** Divides the time that a receiver has. */
    speed: number;
    report: (error: unknown) => void;
  }) {
    this.#store = parts.store;
    this.#listener = parts.listener;
    this.#now = parts.now;
    this.#speed = parts.speed;
    this.#report = parts.report;
  }

  /** Takes up the payouts that were under way when the sandbox stopped. */
  resume(): void {
    for (const payout of this.#store.payouts.values()) this.#arm(payout);
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** By the merchant's number, which every provider takes once. */
  find(channel: Channel, outPayoutNo: string): Payout | null {
    return this.#store.payouts.get(`${channel}:${outPayoutNo}`) ?? null;
  }

  /** Newest first. */
  list(matches: (payout: Payout) => boolean): Payout[] {
    return [...this.#store.payouts.values()].filter(matches).reverse();
  }

  /** Accepts a payout; the caller has checked that its number is new. */
  open({ receiverHasMs, ends = PAID, ...details }: NewPayout): Payout {
    const waits = receiverHasMs !== null;
    const now = this.#now();
    return this.#keep({
      ...details,
      status: waits ? 'awaiting_receiver' : 'processing',
      becomes: waits ? OVERDUE : ends,
      settlesAt: Date.now() + (waits ? receiverHasMs / this.#speed : SETTLES_AFTER_MS),
      reason: null,
      createdAt: now,
      updatedAt: now,
      paidAt: null,
      settledAt: null,
    });
  }

  /**
   * The merchant takes back what its receiver has not taken: cancelled within 2 s, by itself. The caller commits.
   * @throws Refusal `payout_<status>` when it is too late for that
   */
  cancel(payout: Payout): Payout {
    if (payout.becomes?.status === 'cancelled') return payout;
    if (payout.status !== 'awaiting_receiver') throw refusalOf(payout, 'cancel');
    return this.#keep({
      ...payout,
      status: 'processing',
      becomes: CANCELLED,
      settlesAt: Date.now() + SETTLES_AFTER_MS,
      updatedAt: this.#now(),
    });
  }

  /**
   * Ends a payout, or lets its receiver take it.
   * @throws Refusal `payout_<status>` when it cannot become that any more
   */
  async settle(payout: Payout, result: PayoutResult, notify: boolean | null = null): Promise<Payout> {
    const outcome = OUTCOMES[result].find(({ from }) => from.includes(payout.status));
    if (outcome === undefined) throw refusalOf(payout, result);
    if (outcome.ends !== null) return this.#end(payout, outcome.ends, notify);
    const taken = this.#keep({
      ...payout,
      status: 'processing',
      becomes: PAID,
      settlesAt: Date.now() + SETTLES_AFTER_MS,
      updatedAt: this.#now(),
    });
    return this.#tell(taken, notify);
  }

  #end(payout: Payout, { status, reason }: Ending, notify: boolean | null): Promise<Payout> {
    const now = this.#now();
    const ended = this.#keep({
      ...payout,
      status,
      reason,
      becomes: null,
      settlesAt: null,
      updatedAt: now,
      paidAt: status === 'paid' ? now : payout.paidAt,
      settledAt: now,
    });
    return this.#tell(ended, notify);
  }

  async #tell(payout: Payout, notify: boolean | null): Promise<Payout> {
    // Announced before anything is awaited: the change and its notification reach the disk together or not at all.
    await this.#listener(payout, notify);
    await this.#store.commit();
    return payout;
  }

  #keep(payout: Payout): Payout {
    const key = keyOf(payout);
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#store.payouts.set(key, payout);
    this.#arm(payout);
    return payout;
  }

  #arm(payout: Payout): void {
    const { settlesAt } = payout;
    if (settlesAt === null) return;
    const key = keyOf(payout);
    const delay = Math.min(Math.max(0, settlesAt - Date.now()), LONGEST_TIMER_MS);
    this.#timers.set(
      key,
      setTimeout(() => this.#fire(key), delay),
    );
  }

  #fire(key: string): void {
    const payout = this.#store.payouts.get(key);
    if (!payout || payout.becomes === null || payout.settlesAt === null) return;
    if (payout.settlesAt - Date.now() > 1) return this.#arm(payout);
    this.#end(payout, payout.becomes, null).catch(this.#report);
  }
}

function keyOf(payout: Pick<Payout, 'channel' | 'outPayoutNo'>): string {
  return `${payout.channel}:${payout.outPayoutNo}`;
}

function refusalOf(payout: Payout, wish: string): Refusal {
  return new Refusal(
    `payout_${payout.status}`,
    `Payout ${payout.outPayoutNo} is ${payout.status}, so "${wish}" is too late or too early.`,
  );
}
