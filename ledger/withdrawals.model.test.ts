/** Random lives of people who withdraw, against a small model of the rules, as the application's own role. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { withdrawalById } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { UNDER_WAY, WITHDRAWAL_LIMITS, type WithdrawalStatus } from '../domain/withdrawals.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { approve, ask, bucketsOf, earner, newId, reject, toldOf } from '../test/support/withdrawals.js';
import { insertOrder } from '../test/support/world.js';
import { proveLedger } from './balances.js';
import { post } from './post.js';
import {
  acceptWithdrawal,
  bounceWithdrawal,
  failWithdrawal,
  noteTrouble,
  settleWithdrawal,
  submitWithdrawal,
} from './withdrawal-ends.js';

const EARNED = 1_000;
const LIMITS = { ...WITHDRAWAL_LIMITS, max: 700, autoApprove: 100, twoOperators: 500, perDay: 1_500 };

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase(8);
  db = database.db;
});
afterAll(() => database.close());

interface Known {
  id: string;
  amount: number;
  status: WithdrawalStatus;
  approvals: string[];
  told: string[];
}

interface Model {
  withdrawable: number;
  /** What went to receivers and stayed there. */
  gone: number;
  spent: number;
  known: Known[];
}

interface Real {
  userId: string;
  orderNo: string;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

const isUnderWay = ({ status }: Known): boolean => UNDER_WAY.some((one) => one === status);
const no = { error: { code: 'channel_refused', message: 'no' }, nowMs: Date.now() };

/** What may be asked for now, by the rules. */
function expectedOf({ withdrawable, known }: Model, amount: number): string {
  const today = known
    .filter(({ status }) => !['rejected', 'failed', 'bounced'].includes(status))
    .reduce((sum, one) => sum + one.amount, 0);
  if (amount < LIMITS.min || amount > LIMITS.max || today + amount > LIMITS.perDay) return 'withdrawal_limit';
  return amount > withdrawable ? 'insufficient_funds' : 'done';
}

const needed = (amount: number): number =>
  amount <= LIMITS.autoApprove ? 0 : amount > LIMITS.twoOperators ? 2 : 1;

interface Step {
  name: string;
  run: (model: Model, real: Real) => Promise<void>;
}

const asking = (amount: number): Step => ({
  name: `ask(${amount})`,
  run: async (model, { userId }) => {
    const withdrawalId = newId();
    const expected = expectedOf(model, amount);
    const wish = () => ask(db, userId, amount, { withdrawalId, limits: LIMITS });
    expect(await codeOf(wish())).toBe(expected);
    if (expected !== 'done') return;
    expect(await codeOf(wish())).toBe('done');
    const auto = needed(amount) === 0;
    model.withdrawable -= amount;
    model.known.push({
      id: withdrawalId,
      amount,
      status: auto ? 'approved' : 'requested',
      approvals: [],
      told: auto ? ['requested', 'approved'] : ['requested'],
    });
  },
});

/** Something that happens to one of the withdrawals that there are. */
const about = (name: string, pick: number, act: (model: Model, one: Known) => Promise<void>): Step => ({
  name: `${name}(${pick})`,
  run: async (model) => {
    const one = model.known[pick % Math.max(1, model.known.length)];
    if (one !== undefined) await act(model, one);
  },
});

const approving = (pick: number, by: string): Step =>
  about(`${by} approves `, pick, async (_model, one) => {
    const row = await withdrawalById(db, one.id);
    const repeated = one.status === 'requested' && one.approvals.includes(by);
    const expected = repeated
      ? 'another_operator_needed'
      : one.status === 'rejected'
        ? 'withdrawal_decided'
        : 'done';
    expect(await codeOf(approve(db, row, by))).toBe(expected);
    if (expected !== 'done' || one.status !== 'requested') return;
    one.approvals.push(by);
    if (one.approvals.length < needed(one.amount)) return;
    one.status = 'approved';
    one.told.push('approved');
  });

const rejecting = (pick: number): Step =>
  about('reject', pick, async (model, one) => {
    const possible = one.status === 'requested' || one.status === 'rejected';
    const row = await withdrawalById(db, one.id);
    expect(await codeOf(reject(db, row))).toBe(possible ? 'done' : 'withdrawal_decided');
    if (one.status !== 'requested') return;
    one.status = 'rejected';
    one.told.push('rejected');
    model.withdrawable += one.amount;
  });

const submitting = (pick: number, packageInfo: string | null | undefined): Step =>
  about('submit', pick, async (_model, one) => {
    if (!isUnderWay(one)) return;
    await submitWithdrawal(db, one.id, Date.now());
    if (one.status === 'approved') one.status = 'submitted';
    // Whatever is said that is no answer, its money stays where it is.
    if (packageInfo === undefined) await noteTrouble(db, one.id, { code: 'x', message: 'no answer' });
    else await acceptWithdrawal(db, one.id, { packageInfo, nowMs: Date.now() });
    if (typeof packageInfo === 'string') one.status = 'awaiting_receiver';
  });

const paying = (pick: number): Step =>
  about('pay', pick, async (model, one) => {
    const isSubmitted = isUnderWay(one) && one.status !== 'approved';
    const possible = isSubmitted || one.status === 'paid' || one.status === 'bounced';
    const done = { providerPayoutNo: one.id, paidAtMs: Date.now(), nowMs: Date.now() };
    expect(await codeOf(settleWithdrawal(db, one.id, done))).toBe(possible ? 'done' : 'state_conflict');
    if (!isSubmitted) return;
    one.status = 'paid';
    one.told.push('paid');
    model.gone += one.amount;
  });

const failing = (pick: number): Step =>
  about('fail', pick, async (model, one) => {
    const possible = isUnderWay(one) || one.status === 'failed';
    expect(await codeOf(failWithdrawal(db, one.id, no))).toBe(possible ? 'done' : 'state_conflict');
    if (!isUnderWay(one)) return;
    one.status = 'failed';
    one.told.push('failed');
    model.withdrawable += one.amount;
  });

const bouncing = (pick: number): Step =>
  about('bounce', pick, async (model, one) => {
    const wasPaid = one.status === 'paid';
    const isSubmitted = isUnderWay(one) && one.status !== 'approved';
    const possible = wasPaid || isSubmitted || one.status === 'bounced';
    expect(await codeOf(bounceWithdrawal(db, one.id, no))).toBe(possible ? 'done' : 'state_conflict');
    if (!possible || one.status === 'bounced') return;
    if (wasPaid) model.gone -= one.amount;
    else one.told.push('paid');
    one.status = 'bounced';
    one.told.push('bounced');
    model.withdrawable += one.amount;
  });

const spending = (amount: number): Step => ({
  name: `spend(${amount})`,
  run: async (model, { userId, orderNo }) => {
    const work = post(db, chargePosting(newId(), userId, fen(amount), orderNo));
    const possible = amount <= model.withdrawable;
    expect(await codeOf(work)).toBe(possible ? 'done' : 'insufficient_funds');
    if (!possible) return;
    model.withdrawable -= amount;
    model.spent += amount;
  },
});

async function assertEqual({ withdrawable, gone, spent, known }: Model, { userId }: Real): Promise<void> {
  const frozen = known
    .filter((one) => one.status === 'requested' || isUnderWay(one))
    .reduce((sum, { amount }) => sum + amount, 0);
  expect(await bucketsOf(db, userId)).toEqual({ withdrawable, frozen, debt: 0 });
  expect(withdrawable + frozen + gone + spent).toBe(EARNED);
  for (const one of known) {
    expect(await withdrawalById(db, one.id)).toMatchObject({ status: one.status, approvedBy: one.approvals });
    expect(await toldOf(db, one)).toEqual(one.told);
  }
}

describe('M1 M3 M4 M7 M9 any life of somebody who withdraws', () => {
  it('leaves what the rules say, and the books balance', async () => {
    const pick = fc.nat({ max: 5 });
    const packageInfo = fc.constantFrom('package', null, undefined);
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 800 }).map(asking) },
      {
        weight: 3,
        arbitrary: fc.tuple(pick, fc.constantFrom('user:a', 'user:b')).map((given) => approving(...given)),
      },
      { weight: 2, arbitrary: fc.tuple(pick, packageInfo).map((given) => submitting(...given)) },
      pick.map(rejecting),
      pick.map(paying),
      pick.map(failing),
      pick.map(bouncing),
      fc.integer({ min: 1, max: EARNED }).map(spending),
    );
    const lives = fc.array(step, { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(lives, async (steps) => {
        const userId = await earner(db, EARNED);
        const { orderNo } = await insertOrder(db, { buyerId: userId });
        const model: Model = { withdrawable: EARNED, gone: 0, spent: 0, known: [] };
        for (const { run } of steps) await run(model, { userId, orderNo });
        await assertEqual(model, { userId, orderNo });
      }),
      { numRuns: 200 },
    );
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});
