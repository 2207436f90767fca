/** Random postings against a small model of the rules, and many at once against the promises. */
import * as fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { HoldfastError } from '../domain/errors.js';
import { fen, feeOf } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { type Leg, type Posting, account, suspensePosting } from '../domain/postings.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { proveLedger } from './balances.js';
import { post } from './post.js';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
});
afterAll(() => database.close());

const move = (from: string, to: string, amount: number): Leg[] => [
  { account: from, amount: -amount },
  { account: to, amount },
];

const posting = (key: string, legs: Leg[]): Posting => ({ key, kind: 'test', orderNo: null, legs });

/** One step of a random life of three users and two holds. `again` names an earlier step to repeat. */
type Act =
  | { do: 'topup' | 'charge' | 'owe'; user: number; amount: number }
  | { do: 'hold'; user: number; hold: number; amount: number }
  | { do: 'release'; user: number; hold: number; amount: number; feeBps: number }
  | { do: 'suspense'; amount: number }
  | { do: 'again'; step: number };

const user = fc.nat(2);
const hold = fc.nat(1);
const amount = fc.integer({ min: 1, max: 300 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constantFrom('topup', 'charge', 'owe' as const), user, amount }),
  fc.record({ do: fc.constant('hold' as const), user, hold, amount }),
  fc.record({
    do: fc.constant('release' as const),
    user,
    hold,
    amount,
    feeBps: fc.constantFrom(0, 100, 10_000),
  }),
  fc.record({ do: fc.constant('suspense' as const), amount }),
  fc.record({ do: fc.constant('again' as const), step: fc.nat(20) }),
);

function postingOf(life: string, step: number, given: Exclude<Act, { do: 'again' }>): Posting {
  const key = `${life}/${step}`;
  const id = 'user' in given ? `${life}-${given.user}` : '';
  const held = 'hold' in given ? account.hold(`${life}-${given.hold}`) : '';
  switch (given.do) {
    case 'topup':
      return posting(key, move(account.channel('alipay'), account.cash(id), given.amount));
    case 'charge':
      return { ...chargePosting(key, id, fen(given.amount), 'none'), orderNo: null };
    case 'owe':
      return posting(key, move(account.debt(id), account.channel('alipay'), given.amount));
    case 'hold':
      return posting(key, move(account.spendable(id), held, given.amount));
    case 'release': {
      const fee = feeOf(fen(given.amount), given.feeBps);
      const legs = [
        { account: held, amount: -given.amount },
        { account: account.earnings(id), amount: given.amount - fee },
        { account: account.fees, amount: fee },
      ];
      return posting(
        key,
        legs.filter((leg) => leg.amount !== 0),
      );
    }
    case 'suspense':
      break;
  }
  return suspensePosting({
    channel: 'wechat',
    providerTradeNo: key,
    amountFen: fen(given.amount),
  });
}

/** The rules in a few lines. @returns whether the posting goes through; if not, nothing has changed */
function applyToModel(balances: Map<string, number>, legs: readonly Leg[]): boolean {
  const next = new Map(balances);
  const add = (name: string, change: number): number => {
    next.set(name, (next.get(name) ?? 0) + change);
    return next.get(name) ?? 0;
  };
  for (const leg of legs) {
    const [base, bucket] = [leg.account.replace(/[^:]+$/, ''), leg.account.replace(/^.*:/, '')];
    if (bucket === 'spendable') {
      const cash = Math.min(next.get(`${base}cash`) ?? 0, -leg.amount);
      add(`${base}cash`, -cash);
      if (add(`${base}withdrawable`, cash + leg.amount) < 0) return false;
    } else if (bucket === 'earnings') {
      const owed = Math.min(next.get(`${base}debt`) ?? 0, leg.amount);
      add(`${base}debt`, -owed);
      add(`${base}withdrawable`, leg.amount - owed);
    } else if (bucket === 'debt') {
      add(leg.account, -leg.amount);
    } else if (/^(user|hold):/.test(leg.account) && add(leg.account, leg.amount) < 0) {
      return false;
    }
  }
  for (const [name, value] of next) balances.set(name, value);
  return true;
}

async function balancesLike(pattern: string): Promise<Record<string, number>> {
  const rows = await db.execute<{ account: string; balance: string }>(
    sql`SELECT account, balance FROM balances WHERE account LIKE ${pattern} AND balance <> 0`,
  );
  return Object.fromEntries(rows.map((row) => [row.account, Number(row.balance)]));
}

async function outcomeOf(wish: Posting): Promise<string> {
  try {
    return (await post(db, wish)).duplicate ? 'repeat' : 'moved';
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

let lives = 0;

async function liveOut(acts: Act[]): Promise<void> {
  const life = `life${++lives}`;
  const model = new Map<string, number>();
  const made: { wish: Posting; moved: boolean }[] = [];
  for (const [step, given] of acts.entries()) {
    const earlier = given.do === 'again' ? made[given.step % Math.max(1, made.length)] : undefined;
    if (given.do === 'again' && earlier === undefined) continue;
    const wish = earlier?.wish ?? postingOf(life, step, given as Exclude<Act, { do: 'again' }>);
    const moved = earlier?.moved ?? false;
    const expected = moved ? 'repeat' : applyToModel(model, wish.legs) ? 'moved' : 'insufficient_funds';
    expect(await outcomeOf(wish)).toBe(expected);
    const known = earlier ?? { wish, moved };
    known.moved ||= expected === 'moved';
    if (earlier === undefined) made.push(known);
  }
  const inModel = Object.fromEntries([...model].filter(([, balance]) => balance !== 0));
  expect(await balancesLike(`%:${life}-%`)).toEqual(inModel);
}

describe('M1 M3 M4 any sequence of postings', () => {
  it('leaves what the rules say, and repeats change nothing', async () => {
    await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 20 }), liveOut), {
      numRuns: 250,
    });
    expect(await proveLedger(db)).toMatchObject({ balanced: true });
  });
});

describe('M3 postings at once', () => {
  const ACCOUNTS = 20;
  const TRANSFERS = 2_000;
  const CONNECTIONS = 16;
  const START = 1_000;
  const wallet = (index: number): string => `crowd-${index % ACCOUNTS}`;

  /** Always the same crowd: transfers of every shape, one in five under a key that was used before. */
  function crowd(): Posting[] {
    return Array.from({ length: TRANSFERS }, (_, index) => {
      const source = index % 5 === 4 ? index - 3 : index;
      const [from, to] = [wallet(source * 7), wallet(source * 11 + 3)];
      const legs =
        from === to
          ? move(account.cash(from), account.withdrawable(to), 1)
          : source % 3 === 0
            ? move(account.spendable(from), account.earnings(to), 1 + (source % 90))
            : move(account.spendable(from), account.cash(to), 1 + (source % 90));
      return posting(`crowd/${source}`, legs);
    });
  }

  it('never go below 0, never deadlock, and each key counts once', async () => {
    for (let index = 0; index < ACCOUNTS; index++) {
      const topup = move(account.channel('alipay'), account.cash(wallet(index)), START);
      await post(db, posting(`crowd/start/${index}`, topup));
    }
    const queue = crowd();
    const outcomes = new Map<string, number>();
    const worker = async (): Promise<void> => {
      for (let wish = queue.shift(); wish !== undefined; wish = queue.shift()) {
        const outcome = await outcomeOf(wish);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    // A deadlock or a lock that timed out is no HoldfastError: it would end this with a failure.
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    expect(
      [...outcomes.keys()].filter((outcome) => !['moved', 'repeat', 'insufficient_funds'].includes(outcome)),
    ).toEqual([]);
    expect((outcomes.get('moved') ?? 0) + (outcomes.get('insufficient_funds') ?? 0)).toBeGreaterThanOrEqual(
      TRANSFERS * 0.8,
    );
    expect(outcomes.get('repeat')).toBeGreaterThan(0);
    const total = Object.values(await balancesLike('user:crowd-%')).reduce(
      (sum, balance) => sum + balance,
      0,
    );
    expect(total).toBe(ACCOUNTS * START);
    const proof = await proveLedger(db);
    expect(proof).toMatchObject({ balanced: true, faults: { negativeBalances: 0 } });
  });
});
