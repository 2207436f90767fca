/**
 * WeChat Pay's payouts (API v3, transfers to users): the receiver takes the money in their own app within 24 hours,
 * or it comes back.
 */
import { Rsa } from 'wechatpay-axios-plugin';
import { z } from 'zod';
import type { PayoutRequest, PayoutState } from './channel.js';
import { type ProviderFacts, channelRefused, unknownOutcome } from './provider-errors.js';
import { cutText } from './text.js';
import type { WechatClient, WechatConfig } from './wechat-client.js';
import { DEFAULT_TRANSFER_SCENE_ID, sceneFields } from './wechat-transfer-scenes.js';

const BILLS = 'v3/fund-app/mch-transfer/transfer-bills';
const BY_NUMBER = `${BILLS}/out-bill-no`;
const LONGEST_REMARK = 32;
// Under 0.30 yuan a name is refused, from 2000 yuan on it is needed.
const NAMED_FROM_FEN = 30;
const NO_REMARK = '提现';

// As the answer to a query: no such payout, or not yet. The documentation has both words.
const NOT_EXISTS: ReadonlySet<string> = new Set(['NOT_FOUND', 'ORDER_NOT_EXIST']);

// No for good: against the rules, such as a receiver who is nobody's. Every other word leaves the payout open, also
// one of a later version: to repeat it is harmless, to give it up wrongly pays twice. Open in this way are a balance
// that is too low today (NOT_ENOUGH), too many calls, and keys or permissions that must be mended.
const FINAL_CODES: ReadonlySet<string> = new Set(['INVALID_REQUEST', 'PARAM_ERROR']);

export interface WechatPayoutContext {
  client: WechatClient;
  config: Pick<WechatConfig, 'appId' | 'publicKeyId' | 'transferSceneId'>;
}

const acceptedSchema = z.object({
  out_bill_no: z.string(),
  state: z.string().optional(),
  package_info: z.string().optional(),
});
const billSchema = z.object({
  out_bill_no: z.string(),
  transfer_bill_no: z.string().min(1),
  state: z.string(),
  transfer_amount: z.number(),
  openid: z.string().optional(),
  fail_reason: z.string().optional(),
  update_time: z.string().optional(),
});
type Bill = z.infer<typeof billSchema>;

/** A bill that waits for its receiver. Its package is told by the call that makes the transfer, and by no query. */
interface Waiting {
  state: 'waiting';
}

const processing = (): PayoutState => ({ state: 'processing' });

/** What each of WeChat Pay's words comes to; one that is not here is unknown, never a failure (promise M9). */
const STATES: Readonly<Record<string, (bill: Bill) => PayoutState | Waiting>> = {
  ACCEPTED: processing,
  PROCESSING: processing,
  WAIT_USER_CONFIRM: () => ({ state: 'waiting' }),
  TRANSFERING: processing,
  SUCCESS: toPaid,
  FAIL: toFailed,
  CANCELING: processing,
  CANCELLED: toFailed,
  // Of transfers to bank cards, and here in case they are told of by the same call one day.
  BANK_REFUND: (bill) => ({ state: 'bounced', ...toReason(bill) }),
};

/**
 * Pays, and tells how it stands. Refused for good is only what WeChat Pay also shows no payout for; a caller whose
 * earlier call with this number had no answer asks again later before it believes that, since WeChat Pay may still
 * be at work on that call.
 */
export async function payout(context: WechatPayoutContext, request: PayoutRequest): Promise<PayoutState> {
  const answer = await post(context, request);
  // Accepted and not seen yet is under way.
  if (answer.ok)
    return awaiting(request, answer.body) ?? underWay((await find(context, request)) ?? processing());
  if (!isFinal(answer.refusal)) throw unknownOutcome(answer.refusal);
  const found = await find(context, request);
  if (found === undefined) throw channelRefused(answer.refusal);
  return underWay(found);
}

/** A payout that is not there never came, or is not seen yet: the answer to both is to post the same one again. */
export async function queryPayout(
  context: WechatPayoutContext,
  request: PayoutRequest,
): Promise<PayoutState> {
  const found = await find(context, request);
  if (found === undefined) return { state: 'unknown', providerStatus: 'NOT_FOUND' };
  if (found.state !== 'waiting') return found;
  // The same call with the same number opens nothing new, and it alone tells the package.
  const again = await post(context, request);
  if (!again.ok) throw unknownOutcome(again.refusal);
  // Otherwise its receiver has just acted: what came of it is asked next time.
  return awaiting(request, again.body) ?? processing();
}

/** Takes a payout back that its receiver has not taken; whatever WeChat Pay says to that, what it shows counts. */
export async function cancelPayout(
  context: WechatPayoutContext,
  request: PayoutRequest,
): Promise<PayoutState> {
  const path = `${BY_NUMBER}/${encodeURIComponent(request.payoutNo)}/cancel`;
  await context.client.post(path, {}, z.object({ out_bill_no: z.string() }));
  return queryPayout(context, request);
}

function post({ client, config }: WechatPayoutContext, request: PayoutRequest) {
  const { payoutNo, amountFen, account, notifyUrl } = request;
  const remark = request.remark || NO_REMARK;
  const isNamed = account.name !== '' && amountFen >= NAMED_FROM_FEN;
  const bill = {
    appid: config.appId,
    out_bill_no: payoutNo,
    openid: account.no,
    ...(isNamed ? { user_name: Rsa.encrypt(account.name, client.publicKey) } : {}),
    transfer_amount: amountFen,
    transfer_remark: cutText(remark, LONGEST_REMARK),
    notify_url: notifyUrl,
    ...sceneFields(config.transferSceneId ?? DEFAULT_TRANSFER_SCENE_ID, remark),
  };
  // The key that the name is encrypted with.
  return client.post(BILLS, bill, acceptedSchema, { 'Wechatpay-Serial': config.publicKeyId });
}

function isFinal({ providerCode }: ProviderFacts): boolean {
  return providerCode !== undefined && FINAL_CODES.has(providerCode);
}

/** The payout of an answered call if it waits for its receiver; every other state is asked for, with its facts. */
function awaiting(request: PayoutRequest, answer: z.infer<typeof acceptedSchema>): PayoutState | undefined {
  assertSame(request, answer);
  const { state, package_info: packageInfo } = answer;
  return state === 'WAIT_USER_CONFIRM' && packageInfo
    ? { state: 'awaiting_receiver', packageInfo }
    : undefined;
}

/** The payout as WeChat Pay shows it; undefined when it shows none of this number. */
async function find(
  { client }: WechatPayoutContext,
  request: PayoutRequest,
): Promise<PayoutState | Waiting | undefined> {
  const path = `${BY_NUMBER}/${encodeURIComponent(request.payoutNo)}`;
  const answer = await client.get(path, {}, billSchema);
  if (!answer.ok) {
    if (NOT_EXISTS.has(answer.refusal.providerCode ?? '')) return undefined;
    throw unknownOutcome(answer.refusal);
  }
  const bill = answer.body;
  assertSame(request, bill);
  const state = Object.hasOwn(STATES, bill.state) ? STATES[bill.state] : undefined;
  return state?.(bill) ?? { state: 'unknown', providerStatus: bill.state };
}

/** What was found; a payout that waits, and whose package nobody has told yet, is asked for again. */
function underWay(found: PayoutState | Waiting): PayoutState {
  return found.state === 'waiting' ? processing() : found;
}

/** A signed answer about another payout is an old one that somebody plays again. */
function assertSame(
  { payoutNo, amountFen, account }: PayoutRequest,
  answered: { out_bill_no: string; transfer_amount?: number; openid?: string | undefined },
): void {
  const { out_bill_no, transfer_amount = amountFen, openid = account.no } = answered;
  if (out_bill_no !== payoutNo || transfer_amount !== amountFen || openid !== account.no) {
    throw unknownOutcome({
      channel: 'wechat',
      operation: BILLS,
      providerMessage: 'the answer is about another payout',
    });
  }
}

const timeSchema = z.iso.datetime({ offset: true });

function toPaid({ transfer_bill_no, state, update_time }: Bill): PayoutState {
  const paidAt = timeSchema.safeParse(update_time);
  if (!paidAt.success) throw unknownOutcome({ channel: 'wechat', operation: BILLS, providerCode: state });
  return { state: 'paid', providerPayoutNo: transfer_bill_no, paidAt: new Date(paidAt.data) };
}

function toFailed(bill: Bill): PayoutState {
  return { state: 'failed', ...toReason(bill) };
}

function toReason({ state, fail_reason }: Bill) {
  return { providerStatus: state, message: fail_reason || state };
}
