import { z } from 'zod';
import type { GatewayContext, PayoutWire, Twist } from '../../gateway.js';
import type { EventFacts } from '../../notify/events.js';
import type { Payout, PayoutReason } from '../../state/payouts.js';
import { canonical } from '../../values/json.js';
import { digits } from '../../values/random.js';
import { toCst, toCstDay } from '../../values/times.js';
import { yuanFromFen } from '../../values/yuan.js';
import { isNobody, isWrongName } from '../receivers.js';
import type { AlipayAccount } from './account.js';
import { AlipayRefusal } from './refusal.js';
import { readBiz, yuan } from './trades.js';
import type { Params } from './wire.js';

const PRODUCT = 'TRANS_ACCOUNT_NO_PWD';
const SCENE = 'DIRECT_TRANSFER';
const LOWEST_FEN = 10;

const transferOrder = z.object({
  out_biz_no: z.string().regex(/^[0-9A-Za-z_]{1,64}$/, 'takes up to 64 letters, digits and _'),
  trans_amount: yuan,
  product_code: z.literal(PRODUCT),
  biz_scene: z.literal(SCENE),
  order_title: z.string().max(128).optional(),
  remark: z.string().max(200).optional(),
  payee_info: z.object({
    identity: z.string().min(1).max(64),
    identity_type: z.enum(['ALIPAY_LOGON_ID', 'ALIPAY_USER_ID', 'ALIPAY_OPEN_ID']),
    name: z.string().min(1).max(128).optional(),
  }),
});
type TransferOrder = z.infer<typeof transferOrder>;

const reference = z
  .object({
    product_code: z.string().optional(),
    biz_scene: z.string().optional(),
    out_biz_no: z.string().min(1).optional(),
    order_id: z.string().min(1).optional(),
    pay_fund_order_id: z.string().min(1).optional(),
  })
  .refine((biz) => biz.order_id ?? biz.pay_fund_order_id ?? biz.out_biz_no, 'a number is needed');

const FAILURES: Readonly<Record<PayoutReason, readonly [code: string, text: string]>> = {
  refused: ['PERMIT_LIMIT_PAYEE', '收款账户受限'],
  receiver_abnormal: ['PAYEE_ACCOUNT_STATUS_ERROR', '收款账号状态异常'],
  name_mismatch: ['PAYEE_USER_INFO_ERROR', '支付宝账号和姓名不匹配'],
  overdue: ['ORDER_TIMEOUT', '单据超时'],
  merchant_cancelled: ['ORDER_CLOSED', '单据已关闭'],
  returned: ['PAYEE_CARD_INFO_ERROR', '收款行退回'],
};

/** alipay.fund.trans.uni.transfer: DEALING at first; the same out_biz_no pays once. */
export function transfer(context: GatewayContext, params: Params): Record<string, string> {
  const biz = readTransfer(params);
  const request = canonical(biz);
  const known = context.payouts.find('alipay', biz.out_biz_no);
  if (known && known.request !== request) {
    throw refused('PAYMENT_INFO_INCONSISTENCY', '两次请求商户单号一样，但是参数不一致');
  }
  return transferAnswer(known ?? open(context, params, biz, request));
}

/** alipay.fund.trans.common.query: order_id wins over pay_fund_order_id, and that over out_biz_no. */
export function transferQuery(context: GatewayContext, params: Params): Record<string, string> {
  const biz = readOwn(params, reference);
  const byOrder = biz.order_id ?? biz.pay_fund_order_id;
  const [payout] = context.payouts.list(
    (known) =>
      known.channel === 'alipay' &&
      (byOrder === undefined
        ? known.outPayoutNo === biz.out_biz_no
        : known.payoutNo === byOrder || fundOrderId(known) === byOrder),
  );
  if (!payout) throw refused('ORDER_NOT_EXIST', '转账订单不存在');
  const failure = payout.reason && FAILURES[payout.reason];
  return {
    ...transferFacts(payout),
    ...(payout.paidAt !== null && { pay_date: toCst(payout.paidAt) }),
    ...(failure && { error_code: failure[0], fail_reason: failure[1] }),
  };
}

/** The merchant's balance does not cover it: nothing is kept, and the same call may come again. */
export function balanceTooLow(): AlipayRefusal {
  return refused('PAYER_BALANCE_NOT_ENOUGH', '付款方余额不足');
}

/**
 * Alipay tells of a payout by `alipay.fund.trans.order.changed`, at the address of the application's gateway. That
 * address is set by hand at Alipay; here it is the call's own `notify_url`.
 */
export function alipayPayouts(alipay: AlipayAccount): PayoutWire {
  return {
    providerStatus: transferStatus,
    tellsOf: (payout, asked) => asked ?? payout.settledAt !== null,
    facts: (payout, twist) => changedFacts(alipay, payout, twist),
  };
}

function readTransfer(params: Params): TransferOrder {
  const biz = readOwn(params, transferOrder);
  const { identity, identity_type: type, name } = biz.payee_info;
  if (type === 'ALIPAY_LOGON_ID' && name === undefined) throw invalid('payee_info.name is needed');
  if (biz.trans_amount < LOWEST_FEN) throw refused('EXCEED_LIMIT_SM_MIN_AMOUNT', '单笔最低转账金额0.1元');
  if (isNobody(identity)) throw refused('PAYEE_NOT_EXIST', '收款账号不存在');
  if (isWrongName(name ?? null)) throw refused(...FAILURES.name_mismatch);
  return biz;
}

function open(context: GatewayContext, params: Params, biz: TransferOrder, request: string): Payout {
  return context.payouts.open({
    channel: 'alipay',
    payoutNo: `${toCstDay(context.now())}110070000006${digits(12)}`,
    outPayoutNo: biz.out_biz_no,
    amount: biz.trans_amount,
    receiver: biz.payee_info.identity,
    receiverName: biz.payee_info.name ?? null,
    remark: biz.remark ?? null,
    notifyUrl: params['notify_url'] || null,
    request,
    receiverHasMs: null,
  });
}

function transferAnswer(payout: Payout): Record<string, string> {
  return {
    out_biz_no: payout.outPayoutNo,
    order_id: payout.payoutNo,
    pay_fund_order_id: fundOrderId(payout),
    status: transferStatus(payout),
    trans_date: toCst(payout.paidAt ?? payout.createdAt),
  };
}

function transferFacts(payout: Payout): Record<string, string> {
  return {
    out_biz_no: payout.outPayoutNo,
    order_id: payout.payoutNo,
    pay_fund_order_id: fundOrderId(payout),
    status: transferStatus(payout),
    trans_amount: yuanFromFen(payout.amount),
  };
}

function changedFacts(alipay: AlipayAccount, payout: Payout, twist: Twist): EventFacts {
  const failure = payout.reason && FAILURES[payout.reason];
  const content = {
    ...transferFacts(payout),
    action_type: 'FINISH',
    biz_scene: SCENE,
    product_code: PRODUCT,
    origin_interface: 'alipay.fund.trans.uni.transfer',
    ...(payout.paidAt !== null && { pay_date: toCst(payout.paidAt) }),
    ...(failure && { error_code: failure[0], fail_reason: failure[1] }),
  };
  return {
    msg_method: 'alipay.fund.trans.order.changed',
    app_id: twist.wrongMerchant ? '2021000000000001' : alipay.appId,
    version: '1.1',
    charset: 'utf-8',
    utc_timestamp: String(Date.now()),
    biz_content: JSON.stringify(content),
  };
}

/** REFUND is a payout that the receiver's bank sent back; it may follow SUCCESS. */
function transferStatus(payout: Payout): string {
  const words = {
    processing: 'DEALING',
    awaiting_receiver: 'WAIT_PAY',
    paid: 'SUCCESS',
    failed: 'FAIL',
    cancelled: 'CLOSED',
    bounced: 'REFUND',
  } as const satisfies Record<Payout['status'], string>;
  return words[payout.status];
}

/** Alipay's second number of the same transfer, of the payment inside it. */
function fundOrderId(payout: Payout): string {
  return payout.payoutNo.replace('110070000006', '110070001506');
}

/** These methods answer without the `ACQ.` that trades have in front of their sub codes. */
function refused(subCode: string, subMsg: string): AlipayRefusal {
  return new AlipayRefusal('40004', subCode, subMsg);
}

function invalid(what: string): AlipayRefusal {
  return refused('INVALID_PARAMETER', `参数有误：${what}`);
}

function readOwn<T>(params: Params, schema: z.ZodType<T>): T {
  return readBiz(params, schema, invalid);
}
