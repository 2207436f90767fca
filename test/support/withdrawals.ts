/** Withdrawals of people of their own, and a provider that says what a test wants it to. */
import { randomBytes } from 'node:crypto';
import { asc, eq, sql } from 'drizzle-orm';
import type { Channel, PayoutRequest, PayoutState } from '../../channels/channel.js';
import { type Channels, createChannels } from '../../channels/index.js';
import type { Db } from '../../db/client.js';
import { accountEvents, operatorItems } from '../../db/schema.js';
import type { WithdrawalRow } from '../../db/withdrawals.js';
import { fen } from '../../domain/money.js';
import { account } from '../../domain/postings.js';
import { WITHDRAWAL_LIMITS } from '../../domain/withdrawals.js';
import { approveWithdrawal, rejectWithdrawal, requestWithdrawal } from '../../ledger/withdrawals.js';
import { addUsers, giveEarnings } from './world.js';

export const newId = (): string => randomBytes(12).toString('hex');

/** Somebody who has earned so much. */
export async function earner(db: Db, amount = 1_000): Promise<string> {
  const userId = newId();
  await addUsers(db, userId);
  await giveEarnings(db, userId, amount);
  return userId;
}

export type Wish = Partial<Parameters<typeof requestWithdrawal>[1]>;

export function ask(
  db: Db,
  userId: string,
  amount: number | null,
  change: Wish = {},
): Promise<WithdrawalRow> {
  return requestWithdrawal(db, {
    withdrawalId: newId(),
    userId,
    amountFen: amount === null ? null : fen(amount),
    account: { channel: 'alipay', no: `${userId}@example.com`, name: `user ${userId}` },
    limits: WITHDRAWAL_LIMITS,
    by: `user:${userId}`,
    nowMs: Date.now(),
    ...change,
  });
}

export const decision = (by = 'user:operator') => ({ by, reason: 'looked into', nowMs: Date.now() });
export const approve = (db: Db, { id }: WithdrawalRow, by?: string): Promise<WithdrawalRow> =>
  approveWithdrawal(db, id, decision(by));
export const reject = (db: Db, { id }: WithdrawalRow, by?: string): Promise<WithdrawalRow> =>
  rejectWithdrawal(db, id, decision(by));

export interface Buckets {
  withdrawable: number;
  frozen: number;
  debt: number;
}

export async function bucketsOf(db: Db, userId: string): Promise<Buckets> {
  const rows = await db.execute<{ account: string; balance: string }>(
    sql`SELECT account, balance FROM balances WHERE starts_with(account, ${`user:${userId}:`})`,
  );
  const of = (name: string): number => Number(rows.find((row) => row.account === name)?.balance ?? 0);
  return {
    withdrawable: of(account.withdrawable(userId)),
    frozen: of(account.frozen(userId)),
    debt: of(account.debt(userId)),
  };
}

/** What was told of it, in its order. */
export async function toldOf(db: Db, { id }: Pick<WithdrawalRow, 'id'>): Promise<string[]> {
  const rows = await db
    .select()
    .from(accountEvents)
    .where(eq(accountEvents.ref, id))
    .orderBy(asc(accountEvents.id));
  return rows.map(({ type }) => type.replace('withdrawal.', ''));
}

export async function itemsAbout(db: Db, { id }: Pick<WithdrawalRow, 'id'>) {
  return db.select().from(operatorItems).where(eq(operatorItems.ref, id));
}

/** What was asked of a provider of payouts, and what it answers next: a state, or an error that it throws. */
export interface PayoutDesk {
  channels: Channels;
  asked: { call: 'payout' | 'queryPayout' | 'cancelPayout'; request: PayoutRequest }[];
  answers: (PayoutState | Error)[];
}

const never = (): never => {
  throw new Error('a payout asks for nothing else');
};

/** A provider by the channel's contract, which answers from a list; the last answer stands. */
export function payoutDesk(...answers: (PayoutState | Error)[]): PayoutDesk {
  const asked: PayoutDesk['asked'] = [];
  const desk = { asked, answers };
  const answer = (call: PayoutDesk['asked'][number]['call']) => (request: PayoutRequest) => {
    asked.push({ call, request });
    const next = desk.answers.length > 1 ? desk.answers.shift() : desk.answers[0];
    if (next === undefined) throw new Error('the test has no answer left');
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  const alipay: Channel = {
    name: 'alipay',
    merchant: 'app/seller',
    scenes: [],
    defaultScene: 'qr',
    credentialLivesMs: never,
    create: never,
    query: never,
    canClose: never,
    close: never,
    payout: answer('payout'),
    queryPayout: answer('queryPayout'),
    cancelPayout: answer('cancelPayout'),
    verifyNotification: never,
    acknowledgement: {
      success: { status: 200, contentType: 'text/plain', body: 'success' },
      failure: { status: 200, contentType: 'text/plain', body: 'fail' },
    },
  };
  return Object.assign(desk, { channels: { ...createChannels({}), alipay } });
}

/** The calls alone, in their order. */
export const callsOf = ({ asked }: PayoutDesk): string[] => asked.map(({ call }) => call);

/** The same work at once. */
export const times = <T>(
  n: number,
  work: (index: number) => Promise<T>,
): Promise<PromiseSettledResult<T>[]> =>
  Promise.allSettled(Array.from({ length: n }, (_, index) => work(index)));

/** How many of them were not refused. */
export const kept = (results: readonly PromiseSettledResult<unknown>[]): number =>
  results.filter(({ status }) => status === 'fulfilled').length;
