/** Money, payments, deposits and withdrawals as the clients of `factory` read them: yuan, and times in UTC+8. */
import { z } from 'zod';
import { DEPOSIT_STATES, stateOfDeposit } from '../../../db/deposits.js';
import type { deposits } from '../../../db/schema.js';
import type { Topup } from '../../../db/topups.js';
import type { WithdrawalRow } from '../../../db/withdrawals.js';
import { toChinaTime } from '../../../domain/china-time.js';
import { HoldfastError } from '../../../domain/errors.js';
import { type Fen, fen, fromYuan, toYuanNumber } from '../../../domain/money.js';
import type { PaymentChannel } from '../../../domain/order.js';
import type { WithdrawalStatus } from '../../../domain/withdrawals.js';

/** As forms and JSON have it; what it may be is said by `moneyIn`. */
export const yuan = z
  .union([z.string().min(1).max(32), z.number()])
  .meta({ description: 'Yuan, at most two decimals.', example: '0.01' });
export const yuanOut = z.number().meta({ description: 'Yuan.' });
const time = z.string().meta({ example: '2026-12-01 08:00:00', description: 'UTC+8.' });

/** @throws HoldfastError `invalid_amount` */
export function moneyIn(sent: string | number): Fen {
  const amount = fromYuan(sent);
  if (amount > 0) return amount;
  throw new HoldfastError('invalid_amount', { message: 'an amount is more than 0' });
}

export const yuanOf = (amount: number): number => toYuanNumber(fen(amount));

const GATES: Readonly<Record<PaymentChannel, { payGate: string; payGateStr: string }>> = {
  wechat: { payGate: 'wxpay', payGateStr: '微信支付' },
  alipay: { payGate: 'alipay', payGateStr: '支付宝' },
  pingpp: { payGate: 'pingpp', payGateStr: 'Ping++' },
  stripe: { payGate: 'stripe', payGateStr: 'Stripe' },
  wallet: { payGate: 'balance', payGateStr: '余额支付' },
};

export const payLogSchema = z
  .object({
    id: z.string(),
    orderNo: z.string().meta({ description: 'What the payment calls answer as `outTradeId`.' }),
    outTradeId: z.string(),
    uid: z.string(),
    money: yuanOut,
    status: z.union([z.literal(0), z.literal(1)]).meta({ description: '0: unpaid; 1: paid.' }),
    statusStr: z.string(),
    payGate: z.string(),
    payGateStr: z.string(),
    payName: z.string(),
    remark: z.string(),
    nextAction: z.string().meta({ description: 'As it was sent; empty where there was none.' }),
    dateAdd: time,
    datePay: time.nullable(),
  })
  .meta({ id: 'FactoryPayment' });

export const PAY_LOG = {
  id: '55370ecc30b55c7805829b33',
  orderNo: '83aac82bbbfc084a',
  outTradeId: '83aac82bbbfc084a',
  uid: '10129580',
  money: 0.01,
  status: 1,
  statusStr: '支付成功',
  payGate: 'wxpay',
  payGateStr: '微信支付',
  payName: '在线支付',
  remark: '',
  nextAction: '{"type":0,"id":77}',
  dateAdd: '2026-12-01 08:00:00',
  datePay: '2026-12-01 08:00:12',
} as const;

export function toPayLog({ order, payment }: Topup): z.input<typeof payLogSchema> {
  const isPaid = payment.status === 'paid';
  return {
    id: payment.id,
    orderNo: payment.outTradeNo,
    outTradeId: payment.outTradeNo,
    uid: order.buyerId,
    money: yuanOf(payment.amount),
    status: isPaid ? 1 : 0,
    statusStr: isPaid ? '支付成功' : '未支付',
    ...GATES[payment.channel],
    payName: order.subject,
    remark: order.metadata['remark'] ?? '',
    nextAction: sentAs(order.nextAction),
    dateAdd: toChinaTime(payment.createdAt),
    datePay: isPaid && payment.paidAt !== null ? toChinaTime(payment.paidAt) : null,
  };
}

/** Clients parse it again. */
function sentAs(nextAction: unknown): string {
  if (nextAction === null) return '';
  return typeof nextAction === 'string' ? nextAction : JSON.stringify(nextAction);
}

type DepositRow = typeof deposits.$inferSelect;

const DEPOSIT_TEXTS = { held: '已支付', return_asked: '申请退回中', returned: '已退回' } as const;

export const depositSchema = z
  .object({
    id: z.string(),
    uid: z.string(),
    amount: yuanOut,
    status: z.int().min(0).max(2).meta({ description: '0: held; 1: asked back; 2: returned.' }),
    statusStr: z.string(),
    refCode: z.string(),
    remark: z.string(),
    extJsonStr: z.string(),
    dateAdd: time,
    dateBack: time.nullable(),
  })
  .meta({ id: 'FactoryDeposit' });

export const DEPOSIT = {
  id: '5552c15fa145bd880311a245',
  uid: '10129580',
  amount: 98,
  status: 0,
  statusStr: DEPOSIT_TEXTS.held,
  refCode: 'room-12',
  remark: '测试',
  extJsonStr: '{"floor":3}',
  dateAdd: '2026-12-01 08:00:00',
  dateBack: null,
} as const;

export function toDeposit(row: DepositRow): z.input<typeof depositSchema> {
  const state = stateOfDeposit(row);
  return {
    id: row.id,
    uid: row.userId,
    amount: yuanOf(row.amount),
    status: DEPOSIT_STATES.indexOf(state),
    statusStr: DEPOSIT_TEXTS[state],
    refCode: row.refCode ?? '',
    remark: row.remark ?? '',
    extJsonStr: row.ext === null ? '' : JSON.stringify(row.ext),
    dateAdd: toChinaTime(row.createdAt),
    dateBack: row.returnedAt === null ? null : toChinaTime(row.returnedAt),
  };
}

/** 0: under way; 1: paid out; 2: its money came back. */
const WITHDRAWALS: Readonly<Record<WithdrawalStatus, { status: 0 | 1 | 2; statusStr: string }>> = {
  requested: { status: 0, statusStr: '待审核' },
  approved: { status: 0, statusStr: '待打款' },
  submitted: { status: 0, statusStr: '打款中' },
  awaiting_receiver: { status: 0, statusStr: '待收款' },
  paid: { status: 1, statusStr: '已打款' },
  failed: { status: 2, statusStr: '打款失败' },
  rejected: { status: 2, statusStr: '已拒绝' },
  bounced: { status: 2, statusStr: '已退回' },
};

export const withdrawalSchema = z
  .object({
    id: z.string(),
    uid: z.string(),
    money: yuanOut,
    status: z.int().min(0).max(2).meta({ description: '0: under way; 1: paid out; 2: its money came back.' }),
    statusStr: z.string(),
    remark: z.string().meta({ description: 'Why an operator said no, or a provider.' }),
    dateAdd: time,
    dateUpdate: time.nullable().meta({ description: 'When it ended, UTC+8.' }),
  })
  .meta({ id: 'FactoryWithdrawal' });

export const WITHDRAWAL = {
  id: '5552c3b95bab4495037e007c',
  uid: '10129580',
  money: 100,
  ...WITHDRAWALS.requested,
  remark: '',
  dateAdd: '2026-12-01 08:00:00',
  dateUpdate: null,
} as const;

export function toWithdrawal(row: WithdrawalRow): z.input<typeof withdrawalSchema> {
  const hasEnded = WITHDRAWALS[row.status].status === 2;
  const at = row.endedAt ?? row.paidAt;
  return {
    id: row.id,
    uid: row.userId,
    money: yuanOf(row.amount),
    ...WITHDRAWALS[row.status],
    remark: hasEnded ? (row.error?.message ?? row.decision ?? '') : '',
    dateAdd: toChinaTime(row.createdAt),
    dateUpdate: at === null ? null : toChinaTime(at),
  };
}
