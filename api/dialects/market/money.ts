/** Money: paid from the wallet or at a provider, withdrawn, looked at; and the passwords that guard it. */
import { z } from 'zod';
import { payFromBalance } from '../../../commands/pay-from-wallet.js';
import { setPayPassword, verifyPassword } from '../../../commands/passwords.js';
import { decideWithdrawal, requestWithdrawal } from '../../../commands/withdrawals.js';
import { HoldfastError } from '../../../domain/errors.js';
import { MAX_AMOUNT_FEN, fen } from '../../../domain/money.js';
import { walletOf } from '../../../ledger/balances.js';
import { acting, anyOf, backend, operator } from '../../access.js';
import type { Endpoint } from '../../endpoint.js';
import { invalid } from '../../json.js';
import { actsFor, askedBy } from '../calls.js';
import { chargeSchema } from '../charge.js';
import { id, optionalText, text } from '../fields.js';
import { chargeFor } from '../pay.js';
import { call, done, orderOf } from './call.js';
import { orderSchema, walletIdOf, withdrawalToMarketOrder } from './convert.js';
import { toMarketError, toMarketFailure } from './errors.js';

const password = z.string().min(1).max(64).meta({ writeOnly: true });

const payByWallet = call(
  {
    name: 'payByWallet',
    summary: '钱包支付: pay an order from the wallet',
    description:
      'The pay password is the credential. Answers once the money is held; a repeat moves nothing.',
    access: acting('orders', 'password'),
    body: z.object({ payPass: password, userId: id.optional(), oid: id }),
    example: { payPass: '123456', userId: '55370ecc30b55c7805829b33', oid: '5552c15fa145bd880311a245' },
    answer: done,
  },
  async ({ services, caller }, { payPass, userId: named, oid }) => {
    const userId = actsFor(caller, named, 'userId');
    await verifyPassword(services.db, userId, 'pay', payPass);
    const order = await orderOf(services, undefined, oid, []);
    if (order.buyerId !== userId) {
      throw new HoldfastError('order_not_found', { message: `there is no order ${oid}` });
    }
    await payFromBalance(services.commands, order);
    return {};
  },
);

const payByPing = call(
  {
    name: 'payByPing',
    summary: '第三方支付: pay an order at Alipay or WeChat Pay',
    access: acting('orders', 'documented'),
    body: z.object({ oid: id, channel: z.enum(['alipay', 'wx']) }),
    example: { oid: '5552c15fa145bd880311a245', channel: 'alipay' },
    answer: z.object({ charge: chargeSchema }),
  },
  async ({ services, caller, address }, { oid, channel }) => {
    const order = await orderOf(services, caller, oid, ['buyer', 'backend']);
    const { by } = askedBy(caller, order.buyerId);
    return { charge: await chargeFor(services, order, { channel, address, by }) };
  },
);

const withdrawCash = call(
  {
    name: 'withdrawCash',
    summary: '提现: withdraw to an Alipay account (the document’s title says 充值)',
    description: 'The pay password is the credential. Without an amount, all that can be withdrawn.',
    access: acting('orders', 'password'),
    body: z.object({
      payPass: password,
      userId: id.optional(),
      alipayNo: optionalText(64),
      alipayName: optionalText(64),
      amount: z.number().int().min(1).max(MAX_AMOUNT_FEN).optional().meta({ description: 'Fen.' }),
    }),
    example: {
      payPass: '123456',
      userId: '55370ecc30b55c7805829b33',
      alipayNo: 'hanmeimei@example.com',
      alipayName: '韩梅梅',
    },
    answer: z.object({ order: orderSchema }),
  },
  async ({ services, caller }, { payPass, userId: named, alipayNo: no, alipayName: name, amount }) => {
    const userId = actsFor(caller, named, 'userId');
    if ((no === undefined) !== (name === undefined)) {
      throw invalid('body', no === undefined ? 'alipayNo' : 'alipayName', 'is needed', 'missing');
    }
    const wish = {
      userId,
      amountFen: amount === undefined ? null : fen(amount),
      payPassword: payPass,
      account: no === undefined || name === undefined ? null : { channel: 'alipay' as const, no, name },
    };
    const withdrawal = await requestWithdrawal(services.commands, wish, askedBy(caller, userId));
    return { order: withdrawalToMarketOrder(withdrawal) };
  },
);

const handleWithdraw = call(
  {
    name: 'handleWithdraw',
    summary: 'Decide about a withdrawal (not in the document)',
    access: anyOf(backend('withdrawals:decide'), operator),
    body: z.object({ oid: id, agree: z.boolean(), reason: z.string().max(500).default('') }),
    example: { oid: '5552c3b95bab4495037e007c', agree: true, reason: 'agreed' },
    answer: done,
  },
  async ({ services, caller }, { oid, agree, reason }) => {
    await decideWithdrawal(services.commands, oid, { approve: agree, reason }, askedBy(caller, ''));
    return {};
  },
);

const getCash = call(
  {
    name: 'getCash',
    summary: '获取用户钱包信息: read a wallet',
    access: acting('orders', 'never'),
    body: z.object({ uid: id.optional() }),
    example: { uid: '55370ecc30b55c7805829b33' },
    answered: {
      info: { _id: '55370ecc30b55c7805829b44', withdrawCash: 503, cash: 600, heldCash: 0 },
    },
    answer: z.object({
      info: z.object({
        _id: z.string(),
        withdrawCash: z.int().meta({ description: 'What may be withdrawn. Fen.' }),
        cash: z.int().meta({ description: 'What may be spent. Fen.' }),
        heldCash: z.int().meta({ description: 'Of orders that are not confirmed yet. Fen.' }),
      }),
    }),
  },
  async ({ services, caller }, { uid }) => {
    const userId = actsFor(caller, uid, 'uid');
    const { cash, withdrawable, held } = await walletOf(services.db, userId);
    return {
      info: {
        _id: walletIdOf(userId),
        withdrawCash: withdrawable,
        cash: cash + withdrawable,
        heldCash: held,
      },
    };
  },
);

const setPayPass = call(
  {
    name: 'setPayPass',
    summary: '设置支付密码: set the pay password',
    access: acting('users', 'never'),
    body: z.object({
      uid: id.optional(),
      newPass: z.string().min(6).max(64).meta({ writeOnly: true }),
      oldPass: optionalText(64).meta({ writeOnly: true, description: 'Left out the first time.' }),
    }),
    example: { uid: '55370ecc30b55c7805829b33', newPass: '654321', oldPass: '123456' },
    answer: done,
    answerError: (error) =>
      error.code === 'wrong_password'
        ? { status: 200, body: { ...toMarketFailure(error), msg: 'the old pass is wrong' } }
        : toMarketError(error),
  },
  async ({ services, caller }, { uid, newPass, oldPass }) => {
    const userId = actsFor(caller, uid, 'uid');
    await setPayPassword(services.db, userId, { newPassword: newPass, oldPassword: oldPass ?? null });
    return {};
  },
);

const confirmPass = call(
  {
    name: 'confirmPass',
    summary: '验证登录密码: check the login password',
    access: acting('users', 'documented'),
    body: z.object({ uid: id.optional(), pass: text(64).meta({ writeOnly: true }) }),
    example: { uid: '55370ecc30b55c7805829b33', pass: 'secret' },
    answer: done,
  },
  async ({ services, caller }, { uid, pass }) => {
    await verifyPassword(services.db, actsFor(caller, uid, 'uid'), 'login', pass);
    return {};
  },
);

export const marketMoney: readonly Endpoint[] = [
  payByWallet,
  payByPing,
  withdrawCash,
  handleWithdraw,
  getCash,
  setPayPass,
  confirmPass,
];
