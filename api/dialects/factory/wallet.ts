/** The balance, and withdrawals from it. */
import { z } from 'zod';
import { requestWithdrawal } from '../../../commands/withdrawals.js';
import { withdrawalById, withdrawalsOf } from '../../../db/withdrawals.js';
import { HoldfastError } from '../../../domain/errors.js';
import { spentBy, walletOf } from '../../../ledger/balances.js';
import type { Endpoint } from '../../endpoint.js';
import { askedBy } from '../calls.js';
import { optionalText, whole } from '../fields.js';
import { calls, payerOf, someOf } from './call.js';
import { WITHDRAWAL, moneyIn, toWithdrawal, withdrawalSchema, yuan, yuanOf, yuanOut } from './convert.js';

const PAGE_SIZE = 20;

const amount = calls(
  {
    method: 'get',
    paths: ['/user/amount'],
    summary: '获取资产信息: the balance',
    fields: z.object({}),
    example: { token: '' },
    answered: { balance: 12.3, freeze: 0, score: 0, growth: 0, totleConsumed: 98 },
    data: z.object({
      balance: yuanOut.meta({ description: 'What can be spent, in yuan.' }),
      freeze: yuanOut.meta({ description: 'In withdrawals that are under way, in yuan.' }),
      score: z.literal(0).meta({ description: 'There are no points here.' }),
      growth: z.literal(0),
      totleConsumed: yuanOut.meta({ description: 'Ever spent from the balance, in yuan.' }),
    }),
  },
  async ({ services: { db }, caller }, { uid }) => {
    const userId = payerOf(caller, uid);
    const [{ cash, withdrawable, frozen }, spent] = await Promise.all([
      walletOf(db, userId),
      spentBy(db, userId),
    ]);
    return {
      balance: yuanOf(cash + withdrawable),
      freeze: yuanOf(frozen),
      score: 0 as const,
      growth: 0 as const,
      totleConsumed: yuanOf(spent),
    };
  },
);

const apply = calls(
  {
    method: 'post',
    paths: ['/user/withDraw/apply', '/user/withdrawal/apply'],
    summary: '申请提现: withdraw to the account that is stored with the user',
    description:
      '`pwd` is the pay password. It may be left out where a back end has stored the account, and not the user.',
    fields: z.object({ money: yuan, pwd: optionalText(64).meta({ writeOnly: true }) }),
    example: { token: '', money: '100' },
    answered: WITHDRAWAL,
    data: withdrawalSchema,
  },
  async ({ services, caller }, { money, pwd, uid }) => {
    const userId = payerOf(caller, uid);
    const wish = { userId, amountFen: moneyIn(money), payPassword: pwd ?? null, account: null };
    return toWithdrawal(await requestWithdrawal(services.commands, wish, askedBy(caller, userId)));
  },
);

const detail = calls(
  {
    method: 'get',
    paths: ['/user/withDraw/detail', '/user/withdrawal/detail'],
    summary: '提现记录详情: one withdrawal',
    fields: z.object({ id: z.string().min(1).max(64) }),
    example: { token: '', id: WITHDRAWAL.id },
    answered: WITHDRAWAL,
    data: withdrawalSchema,
  },
  async ({ services: { db }, caller }, { id, uid }) => {
    const userId = payerOf(caller, uid);
    const row = await withdrawalById(db, id);
    if (row.userId === userId) return toWithdrawal(row);
    throw new HoldfastError('withdrawal_not_found', { message: `there is no withdrawal ${id}` });
  },
);

const list = calls(
  {
    method: 'post',
    paths: ['/user/withDraw/list', '/user/withdrawal/list'],
    summary: '提现记录: the newest first',
    fields: z.object({ page: whole(1, 1_000_000).optional(), pageSize: whole(1, 500).optional() }),
    example: { token: '', page: 1, pageSize: PAGE_SIZE },
    answered: [WITHDRAWAL],
    data: z.array(withdrawalSchema),
  },
  async ({ services: { db }, caller }, { page = 1, pageSize = PAGE_SIZE, uid }) =>
    someOf(await withdrawalsOf(db, payerOf(caller, uid), { no: page, size: pageSize })).map(toWithdrawal),
);

export const factoryWallet: readonly Endpoint[] = [...amount, ...apply, ...detail, ...list];
