/** The model: what each kind of telling does, and what each class of chaos tells. Everything else follows from it. */
import type { InboxState } from '../../db/schema.js';

export interface Effect {
  answer: 'success' | 'refused';
  /** What becomes of its inbox row; null: it has none. A payment's row follows its order's fate. */
  row: InboxState | 'as the payment' | null;
  /** Whether what it tells of ends in suspense. */
  suspense: boolean;
  /** Of kind `suspense`; where an order of events is left open, it may be resolved by then. */
  item: 'open' | 'open or resolved' | null;
}

/** By what the product must take a telling for. */
export const EFFECTS = {
  /** Genuine, and fits: pays its order once, or goes back when the order has no use for it. */
  payment: { answer: 'success', row: 'as the payment', suspense: false, item: null },
  /** Genuine, and about something else than a payment: kept, and never un-pays (M7). */
  news: { answer: 'success', row: 'ignored', suspense: false, item: null },
  /** Not signed by the provider for us, now: no effect and no row (W2). */
  forged: { answer: 'refused', row: null, suspense: false, item: null },
  /** Verified money of ours that does not fit: suspense, and a person looks at it (W3). */
  stray: { answer: 'success', row: 'review', suspense: true, item: 'open' },
  /** Verified money that another merchant has, or that is no CNY: not in our books, and a person looks at it (W3). */
  foreign: { answer: 'success', row: 'review', suspense: false, item: 'open' },
  /** The very trade that pays the order, told with another amount: it is in the books once (M4). */
  mistold: { answer: 'success', row: 'review', suspense: false, item: 'open or resolved' },
} as const satisfies Record<string, Effect>;
export type EffectName = keyof typeof EFFECTS;

/** How many orders of 2,000 get each class. */
export const CLASSES = {
  duplicate: 320,
  reordered: 320,
  tampered: 320,
  'wrong key': 320,
  'wrong merchant': 250,
  'wrong channel': 250,
  'a fen more': 250,
  'a fen less': 250,
  'other currency': 250,
  replayed: 320,
  'failed after paid': 320,
  late: 130,
  second: 130,
  'before its workflow': 180,
} as const;
export type ClassName = keyof typeof CLASSES;
export const CLASS_NAMES = Object.keys(CLASSES) as ClassName[];

/** Orders that nobody pays, of 2,000. */
export const NEVER_PAID = 160;

/** What becomes of an order's genuine payment: it pays, it comes after the order has closed, or it never comes. */
export type Fate = 'paid' | 'late' | 'unpaid';

/** Which orders a class can happen to; those that are not named happen to any. */
const NEEDS: Partial<Record<ClassName, readonly Fate[]>> = {
  duplicate: ['paid', 'late'],
  reordered: ['paid', 'late'],
  replayed: ['paid', 'late'],
  late: ['late'],
  second: ['paid'],
  'failed after paid': ['paid'],
  'before its workflow': ['paid'],
};

export const mayHave = (name: ClassName, fate: Fate): boolean => NEEDS[name]?.includes(fate) ?? true;
