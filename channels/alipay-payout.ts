/** Alipay's payouts to an account at Alipay: the transfer, and the query that says what became of it. */
import { z } from 'zod';
import { toYuan } from '../domain/money.js';
import { type AlipayClient, type AlipayRefusal, toRefusalError, toUnanswered } from './alipay-client.js';
import { toAmount } from './alipay-notification.js';
import type { PayoutRequest, PayoutState } from './channel.js';
import { fromChinaTime } from '../domain/china-time.js';
import { unknownOutcome } from './provider-errors.js';
import { cutText } from './text.js';

const TRANSFER = 'alipay.fund.trans.uni.transfer';
const TRANSFER_QUERY = 'alipay.fund.trans.common.query';
const PRODUCT = { product_code: 'TRANS_ACCOUNT_NO_PWD', biz_scene: 'DIRECT_TRANSFER' } as const;
const LONGEST_TITLE = 128;
const LONGEST_REMARK = 200;
const USER_ID = /^2088\d{12}$/;

// As the answer to a query: no such payout, or not yet.
const NOT_EXISTS = 'ORDER_NOT_EXIST';

// No for good: the receiver or the amount is at fault, so that the same call would be refused again. Every other
// word leaves the payout open, also one of a later version: to repeat it is harmless, to give it up wrongly pays
// twice. Open in this way are a balance that is too low today (PAYER_BALANCE_NOT_ENOUGH), a limit of ours, a number
// that came before with another amount (PAYMENT_INFO_INCONSISTENCY), and keys or permissions that must be mended.
const FINAL_SUBCODES: ReadonlySet<string> = new Set([
  'PAYEE_NOT_EXIST',
  'PAYEE_USER_INFO_ERROR',
  'PAYEE_USERINFO_STATUS_ERROR',
  'PAYEE_USER_TYPE_ERROR',
  'PAYEE_ACC_OCUPIED',
  'PAYEE_ACCOUNT_NOT_EXSIT',
  'PAYEE_ACCOUNT_STATUS_ERROR',
  'PAYEE_TRUSTEESHIP_ACC_OVER_LIMIT',
  'PAYEE_NOT_RELNAME_CERTIFY',
  'PERM_AML_NOT_REALNAME_REV',
  'PERMIT_NON_BANK_LIMIT_PAYEE',
  'PERMIT_LIMIT_PAYEE',
  'RELEASE_USER_FORBBIDEN_RECIEVE',
  'EXCEED_LIMIT_SM_MIN_AMOUNT',
  'REMARK_HAS_SENSITIVE_WORD',
  'INVALID_PARAMETER',
]);

const transferSchema = z.object({
  out_biz_no: z.string(),
  order_id: z.string().optional(),
  pay_fund_order_id: z.string().optional(),
  status: z.string(),
  trans_amount: z.string().optional(),
  trans_date: z.string().optional(),
  pay_date: z.string().optional(),
  error_code: z.string().optional(),
  fail_reason: z.string().optional(),
});
type Transfer = z.infer<typeof transferSchema>;

/** What each of Alipay's words comes to; one that is not here is unknown, never a failure (promise M9). */
const STATES: Readonly<Record<string, (transfer: Transfer) => PayoutState>> = {
  SUCCESS: toPaid,
  DEALING: () => ({ state: 'processing' }),
  // Of products that wait for a payer; ours never does.
  WAIT_PAY: () => ({ state: 'processing' }),
  FAIL: toFailed,
  // Closed before anybody paid it: nothing left us.
  CLOSED: toFailed,
  // The receiver's bank sent it back, perhaps after a SUCCESS.
  REFUND: (transfer) => ({ state: 'bounced', ...toReason(transfer) }),
};

/**
 * Pays, and tells how it stands. Refused for good is only what Alipay also shows no payout for; a caller whose
 * earlier call with this number had no answer asks again later before it believes that, since Alipay may still be
 * at work on that call.
 */
export async function payout(client: AlipayClient, request: PayoutRequest): Promise<PayoutState> {
  const { notifyUrl } = request;
  const answer = await client.call(TRANSFER, toBizContent(request), transferSchema, { notifyUrl });
  if (answer.ok) return toState(TRANSFER, request, answer.fields);
  if (!isFinal(answer.refusal)) throw toUnanswered(answer.refusal);
  const found = await find(client, request);
  if (found === undefined) throw toRefusalError(answer.refusal);
  return found;
}

/** A payout that is not there never came, or is not seen yet: the answer to both is to post the same one again. */
export async function queryPayout(client: AlipayClient, request: PayoutRequest): Promise<PayoutState> {
  return (await find(client, request)) ?? { state: 'unknown', providerStatus: NOT_EXISTS };
}

function toBizContent({ payoutNo, amountFen, account, remark }: PayoutRequest) {
  return {
    ...PRODUCT,
    out_biz_no: payoutNo,
    trans_amount: toYuan(amountFen),
    ...(remark
      ? { order_title: cutText(remark, LONGEST_TITLE), remark: cutText(remark, LONGEST_REMARK) }
      : {}),
    payee_info: {
      identity: account.no,
      identity_type: USER_ID.test(account.no) ? 'ALIPAY_USER_ID' : 'ALIPAY_LOGON_ID',
      // Alipay compares it with the account's holder, and a login without it is refused.
      ...(account.name ? { name: account.name } : {}),
    },
  };
}

function isFinal({ code, subCode }: AlipayRefusal): boolean {
  return code === '40004' && subCode !== undefined && FINAL_SUBCODES.has(subCode);
}

/** The payout as Alipay shows it; undefined when it shows none of this number. */
async function find(client: AlipayClient, request: PayoutRequest): Promise<PayoutState | undefined> {
  const bizContent = { ...PRODUCT, out_biz_no: request.payoutNo };
  const answer = await client.call(TRANSFER_QUERY, bizContent, transferSchema);
  if (answer.ok) return toState(TRANSFER_QUERY, request, answer.fields);
  if (answer.refusal.subCode === NOT_EXISTS) return undefined;
  throw toUnanswered(answer.refusal);
}

function toState(operation: string, request: PayoutRequest, transfer: Transfer): PayoutState {
  assertSamePayout(operation, request, transfer);
  const state = Object.hasOwn(STATES, transfer.status) ? STATES[transfer.status] : undefined;
  return state?.(transfer) ?? { state: 'unknown', providerStatus: transfer.status };
}

/** A signed answer about another payout is an old one that somebody plays again. The transfer names no amount. */
function assertSamePayout(
  operation: string,
  { payoutNo, amountFen }: PayoutRequest,
  { out_biz_no, trans_amount }: Transfer,
): void {
  const isSame = operation === TRANSFER && trans_amount === undefined;
  if (out_biz_no !== payoutNo || !(isSame || toAmount(trans_amount ?? '') === amountFen)) {
    throw unknownOutcome({
      channel: 'alipay',
      operation,
      providerMessage: 'the answer is about another payout',
    });
  }
}

function toPaid(transfer: Transfer): PayoutState {
  const providerPayoutNo = transfer.order_id || transfer.pay_fund_order_id;
  if (!providerPayoutNo) {
    throw unknownOutcome({ channel: 'alipay', operation: TRANSFER, providerCode: transfer.status });
  }
  // Alipay may leave the time out; the payout is then as old as our knowledge of it.
  const paidAt = fromChinaTime(transfer.pay_date ?? transfer.trans_date ?? '') ?? new Date();
  return { state: 'paid', providerPayoutNo, paidAt };
}

function toFailed(transfer: Transfer): PayoutState {
  return { state: 'failed', ...toReason(transfer) };
}

function toReason({ status, error_code, fail_reason }: Transfer) {
  const words = [error_code, fail_reason].filter((word) => word !== undefined && word !== '');
  return { providerStatus: status, message: words.join(': ') || status };
}
