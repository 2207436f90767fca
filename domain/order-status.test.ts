import { describe, expect, it } from 'vitest';
import { HoldfastError } from './errors.js';
import {
  CHAIN_STATES,
  type ChainState,
  MONEY_STATES,
  MONEY_TRANSITIONS,
  ORDER_STATUSES,
  ORDER_TRANSITIONS,
  type OrderFacts,
  type OrderStatus,
  deriveStatus,
  moveTo,
} from './order-status.js';

/** Captured and refunded, as far as the status tells them apart. */
const AMOUNTS = [
  { captured: 0, refunded: 0 },
  { captured: 100, refunded: 0 },
  { captured: 100, refunded: 1 },
  { captured: 100, refunded: 99 },
  { captured: 100, refunded: 100 },
];

const EVERY_FACT: OrderFacts[] = MONEY_STATES.flatMap((money) =>
  CHAIN_STATES.flatMap((chain) =>
    AMOUNTS.flatMap((amounts) =>
      [false, true].map((refundOpen) => ({ money, chain, ...amounts, refundOpen })),
    ),
  ),
);

const CHAIN_MOVES: Record<ChainState, ChainState[]> = {
  none: [],
  running: ['parked', 'done'],
  parked: ['running', 'done'],
  done: [],
};

/** Facts that an order can have: nothing is captured, refunded or run before it is paid. */
function isPossible({ money, chain, captured, refunded, refundOpen }: OrderFacts): boolean {
  if (money === 'held' || money === 'released') return !(refundOpen && refunded === captured);
  return captured === 0 && refunded === 0 && !refundOpen && (chain === 'none' || chain === 'running');
}

/** What the facts can be after one of them has changed. A payment captures as it holds. */
function oneStepFrom(facts: OrderFacts): OrderFacts[] {
  const paid = facts.money === 'held' || facts.money === 'released';
  const money = MONEY_TRANSITIONS[facts.money].flatMap((next) => {
    const moved = { ...facts, money: next };
    return facts.money === 'unpaid' && next !== 'closed' ? [moved, { ...moved, captured: 100 }] : [moved];
  });
  const chain = paid ? CHAIN_MOVES[facts.chain].map((next) => ({ ...facts, chain: next })) : [];
  const opened = { ...facts, refundOpen: true };
  const decided = [facts.refunded, facts.refunded + 1, facts.captured]
    .filter((refunded) => refunded <= facts.captured)
    .map((refunded) => ({ ...facts, refunded, refundOpen: false }));
  const refund = !paid || facts.refunded === facts.captured ? [] : facts.refundOpen ? decided : [opened];
  return [...money, ...chain, ...refund];
}

describe('the status of an order', () => {
  it.each<[string, Partial<OrderFacts>, OrderStatus]>([
    ['an order nobody paid', { money: 'unpaid', captured: 0 }, 'unpaid'],
    [
      'an order nobody paid, with a chain to come',
      { money: 'unpaid', captured: 0, chain: 'running' },
      'unpaid',
    ],
    ['a closed order', { money: 'closed', captured: 0 }, 'closed'],
    ['a closed order whose chain never ran', { money: 'closed', captured: 0, chain: 'running' }, 'closed'],
    ['held money', {}, 'paid'],
    ['held money with its chain done', { chain: 'done' }, 'paid'],
    ['released money', { money: 'released' }, 'completed'],
    ['released money whose chain still runs', { money: 'released', chain: 'running' }, 'paid'],
    ['released money with its chain done', { money: 'released', chain: 'done' }, 'completed'],
    ['a parked step', { chain: 'parked' }, 'action_required'],
    ['a parked step after the release', { money: 'released', chain: 'parked' }, 'action_required'],
    ['an open refund', { refundOpen: true }, 'refund_requested'],
    ['an open refund beside a parked step', { refundOpen: true, chain: 'parked' }, 'refund_requested'],
    ['all of it refunded', { refunded: 100 }, 'refunded'],
    ['all of it refunded beside a parked step', { refunded: 100, chain: 'parked' }, 'refunded'],
    ['a part refunded while held', { refunded: 1 }, 'paid'],
    ['a part refunded and the rest released', { money: 'released', refunded: 1 }, 'partially_refunded'],
    ['a free order', { captured: 0 }, 'paid'],
    ['a free order that is over', { captured: 0, money: 'released' }, 'completed'],
  ])('of %s', (_what, facts, status) => {
    const rest: OrderFacts = { money: 'held', chain: 'none', captured: 100, refunded: 0, refundOpen: false };
    expect(deriveStatus({ ...rest, ...facts })).toBe(status);
  });

  it('is one of the eight words for every combination of facts, and every word is used', () => {
    const seen = new Set(EVERY_FACT.map(deriveStatus));
    expect([...seen].sort()).toEqual([...ORDER_STATUSES].sort());
  });

  it('moves only along the transition table when one fact changes', () => {
    const missing = new Set<string>();
    for (const facts of EVERY_FACT.filter(isPossible)) {
      const from = deriveStatus(facts);
      for (const next of oneStepFrom(facts)) {
        const to = deriveStatus(next);
        if (from !== to && !ORDER_TRANSITIONS[from].includes(to)) missing.add(`${from} -> ${to}`);
      }
    }
    expect([...missing]).toEqual([]);
  });

  it('M7 never leaves closed or refunded, whatever fact changes', () => {
    expect(ORDER_TRANSITIONS.closed).toEqual([]);
    expect(ORDER_TRANSITIONS.refunded).toEqual([]);
    expect(MONEY_TRANSITIONS.closed).toEqual([]);
    expect(MONEY_TRANSITIONS.released).toEqual([]);
    for (const facts of EVERY_FACT.filter(isPossible)) {
      const status = deriveStatus(facts);
      if (status !== 'closed' && status !== 'refunded') continue;
      expect(oneStepFrom(facts).map(deriveStatus)).toEqual(oneStepFrom(facts).map(() => status));
    }
  });

  it('M7 never becomes unpaid again', () => {
    expect(Object.values(ORDER_TRANSITIONS).flat()).not.toContain('unpaid');
    expect(Object.values(MONEY_TRANSITIONS).flat()).not.toContain('unpaid');
  });
});

describe('moveTo', () => {
  const pairs = ORDER_STATUSES.flatMap((from) => ORDER_STATUSES.map((next) => [from, next] as const));
  const allowed = pairs.filter(([from, next]) => from === next || ORDER_TRANSITIONS[from].includes(next));
  const refused = pairs.filter((pair) => !allowed.includes(pair));

  it.each(allowed)('goes from %s to %s', (from, next) => {
    expect(moveTo(from, next)).toBe(next);
  });

  it.each(refused)('refuses to go from %s to %s', (from, next) => {
    expect(() => moveTo(from, next)).toThrow(
      new HoldfastError('state_conflict', { message: `an order cannot go from ${from} to ${next}` }),
    );
  });
});
