/** Ping++'s transfers: money to an Alipay account, or to an openid's WeChat wallet. */
import { z } from 'zod';
import type { PayoutRequest, PayoutState } from './channel.js';
import { amountSchema, secondSchema } from './pingpp-charge.js';
import { type PingppClient, type PingppRefusal, isFinal } from './pingpp-client.js';
import { channelRefused, unknownOutcome } from './provider-errors.js';
import { cutText } from './text.js';

const TRANSFERS = '/v1/transfers';
const DAY_S = 86_400;
// A payout is looked for among the transfers of so many days.
const LOOKS_BACK_S = 90 * DAY_S;
const LONGEST_DESCRIPTION = 99;
const OPENID = /^o[\w-]{27}$/;
const ALIPAY_USER = /^2088\d{12}$/;

export const transferSchema = z.object({
  id: z.string().min(1),
  object: z.literal('transfer').optional(),
  created: secondSchema,
  time_transferred: secondSchema.nullish(),
  status: z.string(),
  order_no: z.string(),
  amount: amountSchema,
  recipient: z.string().nullish(),
  failure_msg: z.string().nullish(),
});

export type Transfer = z.infer<typeof transferSchema>;

export async function payout(
  client: PingppClient,
  appId: string,
  request: PayoutRequest,
): Promise<PayoutState> {
  const known = await find(client, appId, request);
  if (known !== undefined) return known;
  const answer = await client.post(TRANSFERS, toOrder(appId, request), transferSchema);
  if (answer.ok) return toState(request, answer.body);
  const found = await find(client, appId, request);
  if (found !== undefined) return found;
  throw isRefused(answer.refusal) ? channelRefused(answer.refusal) : unknownOutcome(answer.refusal);
}

/** A number that is taken is no refusal of the payout: it says that there is one. */
function isRefused(refusal: PingppRefusal): boolean {
  return isFinal(refusal) && refusal.param !== 'order_no';
}

export async function queryPayout(
  client: PingppClient,
  appId: string,
  request: PayoutRequest,
): Promise<PayoutState> {
  return (await find(client, appId, request)) ?? { state: 'unknown', providerStatus: 'no such transfer' };
}

function toOrder(appId: string, { payoutNo, amountFen, account, remark }: PayoutRequest) {
  const toWechat = OPENID.test(account.no);
  return {
    order_no: payoutNo,
    app: { id: appId },
    channel: toWechat ? 'wx_pub' : 'alipay',
    amount: amountFen,
    currency: 'cny',
    type: 'b2c',
    recipient: account.no,
    description: cutText(remark, LONGEST_DESCRIPTION),
    extra: toWechat
      ? { user_name: account.name, force_check: true }
      : {
          recipient_name: account.name,
          recipient_account_type: ALIPAY_USER.test(account.no) ? 'ALIPAY_USERID' : 'ALIPAY_LOGONID',
        },
  };
}

/** The payout as Ping++ shows it; undefined when it shows none of this number. */
async function find(
  client: PingppClient,
  appId: string,
  request: PayoutRequest,
): Promise<PayoutState | undefined> {
  const from = Math.floor(Date.now() / 1000) - LOOKS_BACK_S;
  const listed = client.list(TRANSFERS, { 'app[id]': appId, 'created[gte]': from }, transferSchema);
  for await (const one of listed) if (one.order_no === request.payoutNo) return toState(request, one);
  return undefined;
}

function toState(request: PayoutRequest, answered: Transfer): PayoutState {
  const { id, status, order_no: payoutNo, amount, recipient, time_transferred: paidAt } = answered;
  const isSame =
    payoutNo === request.payoutNo &&
    amount === request.amountFen &&
    (recipient ?? request.account.no) === request.account.no;
  if (!isSame) {
    throw unknownOutcome({
      channel: 'pingpp',
      operation: TRANSFERS,
      providerMessage: 'the answer is about another transfer',
    });
  }
  switch (status) {
    case 'paid':
      // Ping++ may leave the time out; the payout is then as old as our knowledge of it.
      return { state: 'paid', providerPayoutNo: id, paidAt: paidAt ?? new Date() };
    case 'pending':
    case 'scheduled':
      return { state: 'processing' };
    case 'failed':
    case 'canceled':
      return { state: 'failed', providerStatus: status, message: answered.failure_msg ?? status };
    default:
      return { state: 'unknown', providerStatus: status };
  }
}
