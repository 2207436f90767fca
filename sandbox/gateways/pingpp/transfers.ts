import { z } from 'zod';
import type { GatewayContext, PayoutWire } from '../../gateway.js';
import type { Payout, PayoutStatus } from '../../state/payouts.js';
import { parsedJson } from '../../values/json.js';
import { base62 } from '../../values/random.js';
import { isNobody, isWrongName } from '../receivers.js';
import type { PingppAccount } from './account.js';
import { channelError, invalidRequest, notFound, type PingppAnswer } from './refusal.js';
import { toldPayouts } from './told.js';
import { readBody, readList, toPage, toSecond } from './wire.js';

const HIGHEST_FEN = 10_000_000_000;

const order = z.object({
  order_no: z.string().regex(/^[0-9A-Za-z]{1,64}$/, 'takes 1 to 64 letters and digits'),
  app: z.object({ id: z.string() }),
  channel: z.enum(['alipay', 'wx', 'wx_pub', 'wx_lite']),
  amount: z.int().min(1).max(HIGHEST_FEN),
  currency: z.literal('cny'),
  type: z.enum(['b2c', 'b2b']),
  recipient: z.string().min(1).max(128),
  description: z.string().max(255),
  extra: z.record(z.string(), z.unknown()).default({}),
  metadata: z.record(z.string(), z.unknown()).default({}),
});

const STATUS = {
  processing: 'pending',
  awaiting_receiver: 'pending',
  paid: 'paid',
  failed: 'failed',
  cancelled: 'failed',
  bounced: 'failed',
} as const satisfies Record<PayoutStatus, string>;

/** POST /v1/transfers */
export function transfer(context: GatewayContext, pingpp: PingppAccount, body: string): PingppAnswer {
  const asked = readBody(body, order);
  if (asked.app.id !== pingpp.appId) throw invalidRequest('app_not_found', 'app 不存在', 'app[id]');
  if (context.payouts.find('pingpp', asked.order_no)) {
    throw invalidRequest('order_no_repeated', '该订单号已存在', 'order_no');
  }
  const name = asked.extra['recipient_name'] ?? asked.extra['user_name'];
  if (isNobody(asked.recipient)) throw invalidRequest('recipient_invalid', '收款方账户不存在', 'recipient');
  const receiverName = typeof name === 'string' ? name : null;
  if (isWrongName(receiverName)) throw channelError('recipient_name_wrong', '收款人姓名不匹配');
  const opened = context.payouts.open({
    channel: 'pingpp',
    payoutNo: `tr_${base62(24)}`,
    outPayoutNo: asked.order_no,
    amount: asked.amount,
    receiver: asked.recipient,
    receiverName,
    remark: asked.description,
    notifyUrl: context.webhookUrl(),
    request: JSON.stringify(asked),
    receiverHasMs: null,
  });
  return { status: 200, body: transferObject(opened, pingpp.appId) };
}

/** The refusal of a transfer that the merchant's balance does not cover. */
export function poor(): PingppAnswer {
  return channelError('balance_insufficient', '账户余额不足').toAnswer();
}

/** GET /v1/transfers/{id} */
export function transferQuery(context: GatewayContext, pingpp: PingppAccount, id: string): PingppAnswer {
  const [found] = context.payouts.list((payout) => payout.channel === 'pingpp' && payout.payoutNo === id);
  if (!found) throw notFound('transfer', id);
  return { status: 200, body: transferObject(found, pingpp.appId) };
}

/** GET /v1/transfers */
export function transferList(
  context: GatewayContext,
  pingpp: PingppAccount,
  originalUrl: string,
): PingppAnswer {
  const query = readList(originalUrl, pingpp.appId);
  const found = context.payouts
    .list((payout) => payout.channel === 'pingpp')
    .flatMap((payout) => toldPayouts(context, payout))
    .map((payout) => transferObject(payout, pingpp.appId))
    .filter(
      (one) =>
        (query.channel === undefined || one['channel'] === query.channel) &&
        (query.status === undefined || one['status'] === query.status),
    );
  return toPage('/v1/transfers', found, query, context.now());
}

const kept = z.object({
  channel: z.string(),
  type: z.string(),
  extra: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.unknown()),
});
const UNASKED = { channel: 'alipay', type: 'b2c', extra: {}, metadata: {} };

type TransferObject = Readonly<Record<string, unknown>> & { readonly id: string; readonly created: number };

/** The transfer object: in answers, lists and events. */
function transferObject(payout: Payout, appId: string): TransferObject {
  const asked = kept.safeParse(parsedJson(payout.request)).data ?? UNASKED;
  return {
    id: payout.payoutNo,
    object: 'transfer',
    type: asked.type,
    created: toSecond(payout.createdAt),
    time_transferred: payout.paidAt === null ? null : toSecond(payout.paidAt),
    livemode: false,
    status: STATUS[payout.status],
    app: appId,
    channel: asked.channel,
    order_no: payout.outPayoutNo,
    amount: payout.amount,
    amount_settle: payout.amount,
    currency: 'cny',
    recipient: payout.receiver,
    description: payout.remark ?? '',
    transaction_no: payout.status === 'paid' ? payout.payoutNo.slice(3) : null,
    failure_msg: STATUS[payout.status] === 'failed' ? (FAILURES[payout.reason ?? 'refused'] ?? '') : null,
    extra: asked.extra,
    metadata: asked.metadata,
  };
}

const FAILURES: Readonly<Record<string, string>> = {
  refused: '渠道拒绝付款',
  receiver_abnormal: '收款方账户异常',
  returned: '收款方银行退回',
};

/** Both ends of a transfer are told of. */
export function payoutWire(pingpp: PingppAccount, newRequestId: () => string): PayoutWire {
  return {
    providerStatus: (payout) => STATUS[payout.status],
    tellsOf: (payout, asked) => asked ?? STATUS[payout.status] !== 'pending',
    facts: (payout, twist) => ({
      type: STATUS[payout.status] === 'paid' ? 'transfer.succeeded' : 'transfer.failed',
      object: transferObject(payout, twist.wrongMerchant ? 'app_0000000000000001' : pingpp.appId),
      request: newRequestId(),
    }),
  };
}
