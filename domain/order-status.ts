/**
 * An order's status is derived from a few facts, never stored beside them (system.md, section 2).
 * PostgreSQL derives the same word in a generated column; a test compares the two over every combination.
 */
import { HoldfastError } from './errors.js';

export const MONEY_STATES = ['unpaid', 'held', 'released', 'closed'] as const;
export type MoneyState = (typeof MONEY_STATES)[number];

export const CHAIN_STATES = ['none', 'running', 'parked', 'done'] as const;
export type ChainState = (typeof CHAIN_STATES)[number];

export const ORDER_STATUSES = [
  'unpaid',
  'paid',
  'action_required',
  'completed',
  'refund_requested',
  'refunded',
  'partially_refunded',
  'closed',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export interface OrderFacts {
  money: MoneyState;
  chain: ChainState;
  /** Fen captured from the payer; 0 while unpaid and for a free order. */
  captured: number;
  /** Fen that went back, by refunds and chargebacks. */
  refunded: number;
  refundOpen: boolean;
}

/** The first that applies is the status. */
export function deriveStatus(facts: OrderFacts): OrderStatus {
  if (facts.money === 'closed') return 'closed';
  if (facts.money === 'unpaid') return 'unpaid';
  if (facts.captured > 0 && facts.refunded === facts.captured) return 'refunded';
  if (facts.refundOpen) return 'refund_requested';
  if (facts.chain === 'parked') return 'action_required';
  if (facts.money === 'held' || facts.chain === 'running') return 'paid';
  if (facts.refunded > 0) return 'partially_refunded';
  return 'completed';
}

/** The one transition table: where a status may go. `closed` and `refunded` absorb (promise M7). */
export const ORDER_TRANSITIONS: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  unpaid: ['paid', 'completed', 'closed'],
  paid: ['action_required', 'completed', 'refund_requested', 'refunded', 'partially_refunded'],
  action_required: ['paid', 'completed', 'refund_requested', 'refunded', 'partially_refunded'],
  completed: ['refund_requested', 'refunded', 'partially_refunded'],
  refund_requested: ['paid', 'action_required', 'completed', 'refunded', 'partially_refunded'],
  partially_refunded: ['refund_requested', 'refunded', 'action_required', 'paid'],
  refunded: [],
  closed: [],
};

export const MONEY_TRANSITIONS: Readonly<Record<MoneyState, readonly MoneyState[]>> = {
  unpaid: ['held', 'released', 'closed'],
  held: ['released'],
  released: [],
  closed: [],
};

/**
 * The only way from one status to another. Staying is always allowed, since a repeat changes nothing.
 * @throws HoldfastError `state_conflict`: a bug of ours or a race that SQL has already decided
 */
export function moveTo(from: OrderStatus, next: OrderStatus): OrderStatus {
  if (from !== next && !ORDER_TRANSITIONS[from].includes(next)) {
    throw new HoldfastError('state_conflict', { message: `an order cannot go from ${from} to ${next}` });
  }
  return next;
}
