import { describe, expect, it } from 'vitest';
import { HoldfastError } from './errors.js';
import { fen } from './money.js';
import { account } from './postings.js';
import { bouncePosting, paidPosting, requestPosting, returnPosting } from './withdrawal-postings.js';
import {
  WITHDRAWAL_LIMITS,
  WITHDRAWAL_STATUSES,
  WITHDRAWAL_TRANSITIONS,
  approvalsNeeded,
  assertWithinLimits,
  chinaDayStartMs,
  withdrawalMovesTo,
} from './withdrawals.js';

const all = WITHDRAWAL_STATUSES.flatMap((from) => WITHDRAWAL_STATUSES.map((next) => ({ from, next })));

describe('M7 the statuses of a withdrawal', () => {
  it.each(all)('$from to $next is as the table says', ({ from, next }) => {
    const moving = () => withdrawalMovesTo(from, next);
    if (from === next || WITHDRAWAL_TRANSITIONS[from].includes(next)) expect(moving()).toBe(next);
    else expect(moving).toThrow(HoldfastError);
  });

  it('end for good as failed, rejected and bounced, and what was paid can only bounce', () => {
    const ends = WITHDRAWAL_STATUSES.filter((status) => WITHDRAWAL_TRANSITIONS[status].length === 0);
    expect(ends).toEqual(['failed', 'rejected', 'bounced']);
    expect(WITHDRAWAL_TRANSITIONS.paid).toEqual(['bounced']);
  });

  it('M9 lead to a return of the money by a definite word alone', () => {
    const returning = all.filter(
      ({ from, next }) =>
        WITHDRAWAL_TRANSITIONS[from].includes(next) && ['failed', 'rejected', 'bounced'].includes(next),
    );
    expect(returning).toEqual([
      { from: 'requested', next: 'rejected' },
      { from: 'approved', next: 'failed' },
      { from: 'submitted', next: 'failed' },
      { from: 'awaiting_receiver', next: 'failed' },
      { from: 'paid', next: 'bounced' },
    ]);
  });
});

const limits = { min: 10, max: 500, perDay: 800, autoApprove: 50, twoOperators: 300 };
const reasonOf = (amount: number, today: number): unknown => {
  try {
    assertWithinLimits(fen(amount), fen(today), limits);
    return null;
  } catch (error) {
    return error instanceof HoldfastError && [error.code, error.details['reason'], error.details['limit']];
  }
};

describe('the limits of withdrawals', () => {
  it.each([
    [9, 0, ['withdrawal_limit', 'too_little', 10]],
    [10, 0, null],
    [500, 0, null],
    [501, 0, ['withdrawal_limit', 'too_much', 500]],
    [500, 300, null],
    [500, 301, ['withdrawal_limit', 'too_much_today', 800]],
  ])('%d fen after %d today', (amount, today, expected) => {
    expect(reasonOf(amount, today)).toEqual(expected);
  });

  it.each([
    [50, 0],
    [51, 1],
    [300, 1],
    [301, 2],
  ])('%d fen need %d approvals', (amount, needed) => {
    expect(approvalsNeeded(fen(amount), limits)).toBe(needed);
  });

  it('let nothing go without a person where nothing is set', () => {
    expect(approvalsNeeded(fen(10), WITHDRAWAL_LIMITS)).toBe(1);
  });

  it.each([
    ['2026-11-24T15:59:59.999Z', '2026-11-23T16:00:00.000Z'],
    ['2026-11-24T16:00:00.000Z', '2026-11-24T16:00:00.000Z'],
    ['2026-11-25T15:59:59.999Z', '2026-11-24T16:00:00.000Z'],
  ])('at %s the day in China began at %s', (now, began) => {
    expect(new Date(chinaDayStartMs(Date.parse(now))).toISOString()).toBe(began);
  });
});

describe('M1 the postings of a withdrawal', () => {
  const withdrawal = { id: 'w1', userId: 'u', channel: 'wechat' as const, amountFen: fen(70) };
  const moves = (from: string, to: string) => [
    { account: from, amount: -70 },
    { account: to, amount: 70 },
  ];

  it.each([
    [requestPosting, 'withdrawal/w1:request', account.withdrawable('u'), account.frozen('u')],
    [paidPosting, 'withdrawal/w1:paid', account.frozen('u'), account.channel('wechat')],
    [returnPosting, 'withdrawal/w1:return', account.frozen('u'), account.earnings('u')],
    [bouncePosting, 'withdrawal/w1:bounce', account.channel('wechat'), account.earnings('u')],
  ])('%o has the key %s', (rule, key, from, to) => {
    expect(rule(withdrawal)).toMatchObject({ key, orderNo: null, legs: moves(from, to) });
  });
});
