/** Withdrawals as any dialect may ask for them and decide about them. */
import { createHash, randomBytes } from 'node:crypto';
import { eq, like } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import { type Channels, channelNamed } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { payoutAccounts, settings } from '../db/schema.js';
import type { WithdrawalRow } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, fen } from '../domain/money.js';
import type { ProviderChannel } from '../domain/order.js';
import { WITHDRAWAL_LIMITS, WITHDRAWAL_SETTING, type WithdrawalLimits } from '../domain/withdrawals.js';
import {
  approveWithdrawal,
  rejectWithdrawal,
  requestWithdrawal as requestInSql,
} from '../ledger/withdrawals.js';
import type { CommandContext } from './context.js';
import type { Asked } from '../relay/order-updates.js';
import { verifyPassword } from './passwords.js';
import { getUser } from './people.js';
import { withShortage } from './shortage.js';

/** Whom a payout reaches, as its provider knows them: a login or user id at Alipay, an openid at WeChat Pay. */
export interface PayoutAccount {
  channel: ProviderChannel;
  no: string;
  name: string;
}

export interface WithdrawalInput {
  userId: string;
  /** Null: all that can be withdrawn. */
  amountFen: Fen | null;
  /** Null: the caller has none, and the account was stored by a back end. */
  payPassword: string | null;
  /** Null: the account that is stored with the user. */
  account: PayoutAccount | null;
}

/**
 * The same wish twice is one withdrawal, also where the first call died between its commit and its answer. What is
 * wished for counts too, since a caller's key is good for a day, and the withdrawal for ever.
 */
function withdrawalIdOf(input: WithdrawalInput, { by, idempotencyKey }: Asked): string {
  if (idempotencyKey === null) return randomBytes(12).toString('hex');
  const { userId, amountFen, account } = input;
  const wish = JSON.stringify([by, idempotencyKey, userId, amountFen, account]);
  return createHash('sha256').update(wish).digest('hex').slice(0, 24);
}

/** The installation's limits; what is not set has its default. */
async function limitsOf(db: Db): Promise<WithdrawalLimits> {
  const rows = await db
    .select({ key: settings.key, value: settings.value })
    .from(settings)
    .where(like(settings.key, `${WITHDRAWAL_SETTING}%`));
  const given = new Map(rows.map(({ key, value }) => [key, Number(value)]));
  const limitOf = (name: keyof WithdrawalLimits): number =>
    given.get(`${WITHDRAWAL_SETTING}${name}`) ?? WITHDRAWAL_LIMITS[name];
  return {
    min: limitOf('min'),
    max: limitOf('max'),
    perDay: limitOf('perDay'),
    autoApprove: limitOf('autoApprove'),
    twoOperators: limitOf('twoOperators'),
  };
}

/** @throws HoldfastError `payout_account_not_set` */
async function storedAccount(db: Db, userId: string): Promise<PayoutAccount & { updatedBy: string }> {
  const [stored] = await db.select().from(payoutAccounts).where(eq(payoutAccounts.userId, userId));
  if (stored === undefined) {
    throw new HoldfastError('payout_account_not_set', {
      message: 'name an account, or store one with PUT /v1/users/{id}/payout-account',
    });
  }
  return stored;
}

/**
 * A token alone must not send money to an account that it has named itself.
 * @throws HoldfastError `wrong_password`
 */
function assertNamedByBackend({ updatedBy }: { updatedBy: string }): void {
  if (!updatedBy.startsWith('user:')) return;
  throw new HoldfastError('wrong_password', {
    message: 'the pay password is needed, since the user has named the account',
  });
}

/** The account that may be paid to, once the payer is known. */
async function accountFor(db: Db, { userId, payPassword, account }: WithdrawalInput): Promise<PayoutAccount> {
  if (payPassword !== null) {
    await verifyPassword(db, userId, 'pay', payPassword);
    return account ?? storedAccount(db, userId);
  }
  const stored = await storedAccount(db, userId);
  assertNamedByBackend(stored);
  return stored;
}

/** Money that nobody could send must not be frozen. @throws HoldfastError `channel_not_configured` */
function assertPaysOut(channels: Channels, name: ProviderChannel): void {
  if (channelNamed(channels, name).payout !== undefined) return;
  throw new HoldfastError('channel_not_configured', {
    message: `${name} pays nothing out here`,
    details: { channel: name },
  });
}

/**
 * Takes money out of withdrawable, on its way out once it is approved. The pay password is checked whoever asks; it
 * may be missing where the money can only go to an account that a back end has stored.
 * @throws HoldfastError `wrong_password`, `password_locked`, `password_not_set`, `user_not_found`,
 *   `payout_account_not_set`, `channel_not_configured`, `withdrawal_limit`, `insufficient_funds`
 */
export async function requestWithdrawal(
  context: CommandContext,
  input: WithdrawalInput,
  asked: Asked,
): Promise<WithdrawalRow> {
  const { db } = context;
  const { userId, amountFen } = input;
  const account = await accountFor(db, input);
  assertPaysOut(context.channels, account.channel);
  const wish = {
    withdrawalId: withdrawalIdOf(input, asked),
    userId,
    amountFen,
    account,
    limits: await limitsOf(db),
    by: asked.by,
    nowMs: context.now(),
  };
  const row = await requestInSql(db, wish).catch(async (error: unknown) => {
    throw await withShortage(
      db,
      userId,
      error,
      () => amountFen ?? fen(0),
      ({ withdrawable }) => withdrawable,
    );
  });
  crashPoint('withdrawal: committed');
  if (row.status === 'approved') context.inline.withdrawal(row.id);
  return row;
}

/**
 * A repeat answers the same.
 * @throws HoldfastError `withdrawal_not_found`, `withdrawal_decided`, `another_operator_needed`
 */
export async function decideWithdrawal(
  context: CommandContext,
  withdrawalId: string,
  { approve, reason }: { approve: boolean; reason: string },
  { by }: Asked,
): Promise<WithdrawalRow> {
  const decide = approve ? approveWithdrawal : rejectWithdrawal;
  const row = await decide(context.db, withdrawalId, { by, reason, nowMs: context.now() });
  crashPoint('withdrawal: decided');
  if (row.status === 'approved') context.inline.withdrawal(row.id);
  return row;
}

/** Where the user's withdrawals go from now on when a call names no account. @throws HoldfastError `user_not_found` */
export async function putPayoutAccount(
  db: Db,
  userId: string,
  account: PayoutAccount,
  by: string,
): Promise<typeof payoutAccounts.$inferSelect> {
  await getUser(db, userId);
  const fields = { ...account, updatedBy: by, updatedAt: new Date() };
  const [stored] = await db
    .insert(payoutAccounts)
    .values({ userId, ...fields })
    .onConflictDoUpdate({ target: payoutAccounts.userId, set: fields })
    .returning();
  if (stored === undefined) throw new Error('an upsert answered no row');
  return stored;
}
