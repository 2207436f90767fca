import { type SQL, and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { type Caller, hasScope, isOperator } from '../../commands/credentials.js';
import { PASSWORD_LENGTH } from '../../commands/passwords.js';
import { decideWithdrawal, requestWithdrawal } from '../../commands/withdrawals.js';
import { withdrawals } from '../../db/schema.js';
import { type WithdrawalRow, withdrawalById } from '../../db/withdrawals.js';
import { HoldfastError } from '../../domain/errors.js';
import { MAX_AMOUNT_FEN, fen } from '../../domain/money.js';
import { WITHDRAWAL_LIMITS, WITHDRAWAL_SETTING, WITHDRAWAL_STATUSES } from '../../domain/withdrawals.js';
import { anyOf, anyUser, backend, operator } from '../access.js';
import { type Context, type Endpoint, endpoint } from '../endpoint.js';
import { asked } from './orders.js';
import { payoutAccount } from './payout-account.js';
import { fenAmount, fromCursor, moment, numberCursor, pageOf, pageQuery, toPage, userId } from './schemas.js';

const reason = z.string().min(1).max(256);
const params = z.object({
  id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of a withdrawal id'),
});

const newWithdrawal = z
  .object({
    userId,
    amount: z.number().int().min(1).max(MAX_AMOUNT_FEN).meta({ description: 'Fen.' }),
    payPassword: z
      .string()
      .min(1)
      .max(PASSWORD_LENGTH.max)
      .meta({ writeOnly: true, description: "The user's own, whoever asks." }),
    account: payoutAccount.optional().meta({ description: 'Left out: the one that is stored.' }),
  })
  .meta({ id: 'NewWithdrawal' });

const withdrawal = z
  .object({
    id: z.string().meta({ description: 'Also the number that the provider knows it by.' }),
    userId,
    amount: fenAmount,
    status: z.enum(WITHDRAWAL_STATUSES),
    account: payoutAccount,
    requestedBy: z.string(),
    approvalsNeeded: z.number().int().meta({ description: 'How many operators have to approve.' }),
    approvedBy: z.array(z.string()),
    decidedBy: z.string().nullable(),
    decision: z.string().nullable().meta({ description: 'The reason of the decision.' }),
    providerPayoutNo: z.string().nullable(),
    packageInfo: z
      .string()
      .optional()
      .meta({ description: 'While the receiver has to take it in their own app: what they take it with.' }),
    receiverUntil: moment.optional().meta({ description: 'Until when the receiver may take it.' }),
    error: z
      .object({ code: z.string(), message: z.string() })
      .optional()
      .meta({ description: 'Why it failed or came back, or what its provider said that was no answer.' }),
    createdAt: moment,
    decidedAt: moment.nullable(),
    submittedAt: moment.nullable(),
    paidAt: moment.nullable(),
    endedAt: moment.nullable(),
  })
  .meta({ id: 'Withdrawal' });

function toWithdrawal(row: WithdrawalRow): z.input<typeof withdrawal> {
  const { id, amount, status, requestedBy, approvalsNeeded, approvedBy, decidedBy, decision } = row;
  const { channel, packageInfo, receiverUntil, error, providerPayoutNo } = row;
  const isAwaited = status === 'awaiting_receiver';
  return {
    id,
    userId: row.userId,
    amount,
    status,
    account: { channel, no: row.accountNo, name: row.accountName },
    requestedBy,
    approvalsNeeded,
    approvedBy,
    decidedBy,
    decision,
    providerPayoutNo,
    ...(isAwaited && packageInfo !== null && { packageInfo }),
    ...(isAwaited && receiverUntil !== null && { receiverUntil: receiverUntil.toISOString() }),
    ...(error !== null && { error }),
    createdAt: row.createdAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    submittedAt: row.submittedAt?.toISOString() ?? null,
    paidAt: row.paidAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

const readers = anyOf(backend('orders'), anyUser, operator, backend('withdrawals:decide'));

function maySeeAll(caller: Caller): boolean {
  return isOperator(caller) || hasScope(caller, 'orders') || hasScope(caller, 'withdrawals:decide');
}

/** Users see their own withdrawals, whatever they ask for. */
function visibleTo(caller: Caller): SQL | undefined {
  if (maySeeAll(caller)) return undefined;
  if (caller.kind !== 'user') throw new HoldfastError('forbidden');
  return eq(withdrawals.userId, caller.userId);
}

/** A user may act only for themselves; a back end for any user. */
function assertActsFor(caller: Caller, owner: string): void {
  if (hasScope(caller, 'orders') || (caller.kind === 'user' && caller.userId === owner)) return;
  throw new HoldfastError('forbidden', {
    message: 'userId must be the caller',
    details: { field: 'userId' },
  });
}

const { min, max, perDay, autoApprove, twoOperators } = WITHDRAWAL_LIMITS;
const LIMITS =
  `The limits are settings, in fen: \`${WITHDRAWAL_SETTING}min\` (${min} where it is not set), ` +
  `\`${WITHDRAWAL_SETTING}max\` (${max}), \`${WITHDRAWAL_SETTING}perDay\` (${perDay}; a day in China, without what ` +
  `came back), \`${WITHDRAWAL_SETTING}autoApprove\` (${autoApprove}; up to it nobody has to approve), ` +
  `\`${WITHDRAWAL_SETTING}twoOperators\` (${twoOperators}; above it two operators have to).`;

const decision = {
  method: 'post',
  access: anyOf(backend('withdrawals:decide'), operator),
  tag: 'withdrawals',
  params,
  responses: { 200: { description: 'The withdrawal.', schema: withdrawal } },
} as const;

async function decided(context: Context, id: string, verdict: { approve: boolean; reason: string }) {
  const row = await decideWithdrawal(context.services.commands, id, verdict, asked(context));
  return { status: 200 as const, body: toWithdrawal(row) };
}

export const withdrawalEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/withdrawals',
    access: anyOf(backend('orders'), anyUser),
    tag: 'withdrawals',
    summary: 'Pay out what a user has earned',
    description:
      'The amount leaves withdrawable at once and is paid out after approval. A rejection, a definite failure or a ' +
      `bounce gives it back by itself; an answer that nobody knows keeps it frozen and is asked for. ${LIMITS}`,
    body: newWithdrawal,
    bodyExample: {
      userId: '000000000000000000000501',
      amount: 5_000,
      payPassword: '246810',
      account: { channel: 'alipay', no: 'hanmeimei@example.com', name: '韩梅梅' },
    },
    responses: { 201: { description: 'The withdrawal.', schema: withdrawal } },
    errors: [
      'user_not_found',
      'wrong_password',
      'password_locked',
      'password_not_set',
      'payout_account_not_set',
      'channel_not_configured',
      'withdrawal_limit',
      'insufficient_funds',
    ],
    handler: async (context, { body }) => {
      assertActsFor(context.caller, body.userId);
      const { amount, account = null, ...rest } = body;
      const input = { ...rest, account, amountFen: fen(amount) };
      const row = await requestWithdrawal(context.services.commands, input, asked(context));
      return { status: 201, body: toWithdrawal(row) };
    },
  }),
  endpoint({
    ...decision,
    path: '/v1/withdrawals/:id/approve',
    summary: 'Approve a withdrawal',
    description:
      'The last approval that is needed sets it on its way, and a repeat answers the same. Nobody approves a ' +
      'withdrawal of their own, and nobody approves one twice.',
    body: z.object({ reason: reason.default('approved') }),
    errors: ['withdrawal_not_found', 'withdrawal_decided', 'another_operator_needed'],
    handler: (context, input) =>
      decided(context, input.params.id, { approve: true, reason: input.body.reason }),
  }),
  endpoint({
    ...decision,
    path: '/v1/withdrawals/:id/reject',
    summary: 'Refuse a withdrawal, for a reason',
    description: 'The money is its owner’s again. Not possible once it is approved.',
    body: z.object({ reason }),
    errors: ['withdrawal_not_found', 'withdrawal_decided'],
    handler: (context, input) =>
      decided(context, input.params.id, { approve: false, reason: input.body.reason }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/withdrawals/:id',
    access: readers,
    tag: 'withdrawals',
    summary: 'Read a withdrawal',
    params,
    responses: { 200: { description: 'The withdrawal.', schema: withdrawal } },
    errors: ['withdrawal_not_found'],
    handler: async ({ services, caller }, input) => {
      const { id } = input.params;
      const row = await withdrawalById(services.db, id);
      if (!maySeeAll(caller) && !(caller.kind === 'user' && caller.userId === row.userId)) {
        // A stranger's withdrawal is one that does not exist, to the last word.
        throw new HoldfastError('withdrawal_not_found', {
          message: `there is no withdrawal ${id}`,
          details: { withdrawalId: id },
        });
      }
      return { status: 200, body: toWithdrawal(row) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/withdrawals',
    access: readers,
    tag: 'withdrawals',
    summary: 'List withdrawals, newest first',
    description: 'A user sees their own.',
    query: pageQuery.extend({
      status: z.enum(WITHDRAWAL_STATUSES).optional(),
      userId: userId.optional(),
    }),
    responses: { 200: { description: 'A page of withdrawals.', schema: pageOf(withdrawal) } },
    handler: async ({ services, caller }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(withdrawals)
        .where(
          and(
            visibleTo(caller),
            query.status && eq(withdrawals.status, query.status),
            query.userId === undefined ? undefined : eq(withdrawals.userId, query.userId),
            before === null ? undefined : lt(withdrawals.seq, before),
          ),
        )
        .orderBy(desc(withdrawals.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toWithdrawal) };
    },
  }),
];
