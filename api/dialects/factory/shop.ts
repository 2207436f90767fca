/** What is paid for from the balance in one call: shop orders, deposits, bills. */
import { z } from 'zod';
import { askForReturn } from '../../../commands/deposits.js';
import {
  payBillAtOnce,
  payDepositAtOnce,
  payShopOrderAtOnce,
  priceBill,
} from '../../../commands/pay-at-once.js';
import { verifyPassword, verifyPayPasswordIfSet } from '../../../commands/passwords.js';
import { shopDiscounts } from '../../../db/shops.js';
import { DEPOSIT_STATES, depositOf, depositsOf } from '../../../db/deposits.js';
import { HoldfastError } from '../../../domain/errors.js';
import { toYuan } from '../../../domain/money.js';
import type { Endpoint } from '../../endpoint.js';
import { askedBy } from '../calls.js';
import { optionalText, whole } from '../fields.js';
import { calls, payerOf, someOf } from './call.js';
import { DEPOSIT, depositSchema, moneyIn, toDeposit, yuan, yuanOf, yuanOut } from './convert.js';

const PAGE_SIZE = 20;

const pwd = optionalText(64).meta({ writeOnly: true, description: 'The pay password.' });
/** Numbers, as JSON or forms have them. */
const numberText = z.union([z.string().max(64), z.number()]).transform(String);
const nothing = z.null();

const orderPay = calls(
  {
    method: 'post',
    paths: ['/order/pay'],
    summary: '支付订单[使用余额]: pay a shop order from the balance',
    description:
      'Too little money is 40000, with what is missing; nothing is left of such a call. A repeat is 0.',
    fields: z.object({ orderId: numberText, pwd }),
    example: { token: '', orderId: 77 },
    answered: null,
    data: nothing,
  },
  async ({ services, caller }, { orderId: id, pwd: password, uid }) => {
    const userId = payerOf(caller, uid);
    if (password !== undefined) await verifyPassword(services.db, userId, 'pay', password);
    await payShopOrderAtOnce(services.commands, { userId, id }, askedBy(caller, userId));
    return null;
  },
);

const depositPay = calls(
  {
    method: 'post',
    paths: ['/deposit/pay'],
    summary: '支付押金[使用余额]: pay a deposit from the balance',
    fields: z.object({
      amount: yuan,
      refCode: optionalText(64),
      remark: optionalText(256),
      extJsonStr: z.union([optionalText(20_000), z.record(z.string(), z.unknown())]).optional(),
      pwd,
    }),
    example: { token: '', amount: 98, refCode: DEPOSIT.refCode, remark: DEPOSIT.remark },
    answered: DEPOSIT,
    data: depositSchema,
  },
  async ({ services, caller }, { amount, refCode, remark, extJsonStr, pwd: password, uid }) => {
    const userId = payerOf(caller, uid);
    if (password !== undefined) await verifyPassword(services.db, userId, 'pay', password);
    const deposit = { userId, amount: toYuan(moneyIn(amount)), refCode, remark, extJsonStr };
    return toDeposit(await payDepositAtOnce(services.commands, deposit, askedBy(caller, userId)));
  },
);

const depositList = calls(
  {
    method: 'post',
    paths: ['/deposit/list'],
    summary: '押金记录: the payer’s deposits, the newest first',
    fields: z.object({
      status: whole(0, 2).optional().meta({ description: '0: held; 1: asked back; 2: returned.' }),
      page: whole(1, 1_000_000).optional(),
      pageSize: whole(1, 500).optional(),
    }),
    example: { token: '', page: 1, pageSize: PAGE_SIZE },
    answered: { result: [DEPOSIT], totalRow: 1, totalPage: 1 },
    data: z.object({ result: z.array(depositSchema), totalRow: z.int(), totalPage: z.int() }),
  },
  async ({ services: { db }, caller }, { status, page = 1, pageSize = PAGE_SIZE, uid }) => {
    const state = status === undefined ? undefined : DEPOSIT_STATES[status];
    const userId = payerOf(caller, uid);
    const { listed, total } = await depositsOf(db, userId, state, { no: page, size: pageSize });
    return {
      result: someOf(listed).map(toDeposit),
      totalRow: total,
      totalPage: Math.ceil(total / pageSize),
    };
  },
);

const depositId = z.object({ id: z.string().min(1).max(64) });

const depositInfo = calls(
  {
    method: 'get',
    paths: ['/deposit/info'],
    summary: '押金详情: one deposit',
    fields: depositId,
    example: { token: '', id: DEPOSIT.id },
    answered: DEPOSIT,
    data: depositSchema,
  },
  async ({ services: { db }, caller }, { id, uid }) => {
    const found = await depositOf(db, payerOf(caller, uid), id);
    if (found !== undefined) return toDeposit(found);
    throw new HoldfastError('deposit_not_found', { message: `there is no deposit ${id}` });
  },
);

const depositBack = calls(
  {
    method: 'post',
    paths: ['/deposit/back/apply'],
    summary: '申请退回押金: ask for a deposit back, which an operator decides about',
    fields: depositId,
    example: { token: '', id: DEPOSIT.id },
    answered: { ...DEPOSIT, status: 1, statusStr: '申请退回中' },
    data: depositSchema,
  },
  async ({ services: { db }, caller }, { id, uid }) =>
    toDeposit(await askForReturn(db, payerOf(caller, uid), id)),
);

const shop = optionalText(32).meta({ description: 'Empty, or left out: of no particular shop.' });
const shopId = z.union([shop, z.number()]).optional();

const payBill = calls(
  {
    method: 'post',
    paths: ['/payBill/pay'],
    summary: '优惠买单: pay a bill from the balance, less the shop’s discount',
    description: 'With `calculate` it is only priced. `pwd` is the pay password, demanded where one is set.',
    fields: z.object({
      money: yuan.meta({ description: 'Yuan, before the discount.' }),
      shopId,
      calculate: z.union([z.boolean(), z.enum(['true', 'false', ''])]).optional(),
      pwd,
    }),
    example: { token: '', shopId: '888', money: '100.00', calculate: true },
    answered: { realMoney: 90 },
    data: z.union([
      z.object({ realMoney: yuanOut.meta({ description: 'After the discount, in yuan.' }) }),
      nothing,
    ]),
  },
  async ({ services, caller }, { money, shopId: named, calculate, pwd: password, uid }) => {
    const userId = payerOf(caller, uid);
    const bill = { shopId: named === undefined ? '' : String(named), money: toYuan(moneyIn(money)) };
    if (calculate === true || calculate === 'true') {
      return { realMoney: yuanOf(await priceBill(services.db, bill)) };
    }
    await verifyPayPasswordIfSet(services.db, userId, password);
    await payBillAtOnce(services.commands, { ...bill, userId }, askedBy(caller, userId));
    return null;
  },
);

const discounts = calls(
  {
    method: 'get',
    paths: ['/payBill/discounts'],
    summary: '买单优惠: the discounts of all shops, or of one',
    mayBeLeftOut: 'documented',
    fields: z.object({ shopId: shop }),
    example: {},
    answered: [
      { shopId: '888', shopName: '门店', consume: 100, discounts: 10, percentOff: 0, openScenePay: true },
    ],
    data: z.array(
      z.object({
        shopId: z.string(),
        shopName: z.string(),
        consume: yuanOut.meta({ description: 'From which bill on, in yuan.' }),
        discounts: yuanOut.meta({ description: 'What it saves, in yuan.' }),
        percentOff: z.int().meta({ description: 'What it saves, in percent; whichever is more counts.' }),
        openScenePay: z.literal(true).meta({ description: 'Clients show no others.' }),
      }),
    ),
  },
  async ({ services: { db } }, { shopId: wanted }) =>
    someOf(await shopDiscounts(db, wanted)).map(({ id, name, rule }) => ({
      shopId: id,
      shopName: name,
      consume: yuanOf(rule.minAmount),
      discounts: yuanOf(rule.amountOff ?? 0),
      percentOff: rule.percentOff ?? 0,
      openScenePay: true as const,
    })),
);

export const factoryShop: readonly Endpoint[] = [
  ...orderPay,
  ...depositPay,
  ...depositList,
  ...depositInfo,
  ...depositBack,
  ...payBill,
  ...discounts,
];
