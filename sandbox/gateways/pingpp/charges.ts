import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Trade } from '../../state/trades.js';
import { parsedJson } from '../../values/json.js';
import { base62 } from '../../values/random.js';
import { toCstDay } from '../../values/times.js';
import type { PingppAccount } from './account.js';
import { isPayChannel, PAY_CHANNELS, type PayChannel } from './credential.js';
import { invalidRequest, notFound, type PingppAnswer } from './refusal.js';
import { refundsOf } from './refund-object.js';
import { toldRefunds, toldTrades } from './told.js';
import { readBody, readList, toPage, toSecond, type ListQuery } from './wire.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const HIGHEST_FEN = 10_000_000_000;

/** A charge without a time_expire waits a day. */
export const TRADE_LIFE_MS = DAY_MS;

const order = z.object({
  order_no: z.string().regex(/^[0-9A-Za-z]{2,64}$/, 'takes 2 to 64 letters and digits'),
  app: z.object({ id: z.string() }),
  channel: z.string().refine(isPayChannel, 'is no channel of this app'),
  amount: z.int().min(1).max(HIGHEST_FEN),
  client_ip: z.union([z.ipv4(), z.ipv6()]),
  currency: z.literal('cny'),
  subject: z
    .string()
    .min(1)
    .refine((text) => Array.from(text).length <= 32, 'has more than 32 characters'),
  body: z
    .string()
    .min(1)
    .refine((text) => Array.from(text).length <= 128, 'has more than 128 characters'),
  extra: z.record(z.string(), z.unknown()).default({}),
  time_expire: z.int().optional(),
  metadata: z.record(z.string(), z.unknown()).default({}),
  description: z.string().max(255).nullable().default(null),
});
type Order = z.infer<typeof order>;

// What a charge says of a trade that was opened by a control call.
const UNASKED = { channel: 'alipay_qr', client_ip: '127.0.0.1', extra: {}, metadata: {}, description: null };
const kept = z.object({
  channel: z.string(),
  client_ip: z.string(),
  extra: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.unknown()),
  description: z.string().nullable(),
});

/** POST /v1/charges: a charge of its own each time, until one of the number is paid. */
export function create(context: GatewayContext, pingpp: PingppAccount, body: string): PingppAnswer {
  const asked = readBody(body, order);
  const expiresAt = checkOrder(context, pingpp, asked);
  const chargeId = newChargeId();
  const { scene, make } = PAY_CHANNELS[asked.channel];
  const held = make({
    chargeId,
    orderNo: asked.order_no,
    amount: asked.amount,
    subject: asked.subject,
    body: asked.body,
    expiresAt,
    extra: asked.extra,
    baseUrl: context.baseUrl,
    key: pingpp.provider.privateKey,
  });
  const returnUrl = asked.extra['success_url'];
  const trade = context.trades.open({
    channel: 'pingpp',
    tradeNo: chargeId,
    outTradeNo: asked.order_no,
    scene,
    amount: asked.amount,
    subject: asked.subject,
    body: asked.body,
    attach: null,
    buyer: null,
    notifyUrl: context.webhookUrl(),
    returnUrl: typeof returnUrl === 'string' ? returnUrl : null,
    expiresAt,
    request: JSON.stringify(asked),
    credential: { held: JSON.stringify(held), ...(typeof held === 'string' ? { code: held } : {}) },
  });
  return { status: 200, body: charge(context, trade, pingpp.appId) };
}

export function newChargeId(): string {
  return `ch_${base62(24)}`;
}

/** GET /v1/charges/{id} */
export function retrieve(context: GatewayContext, pingpp: PingppAccount, id: string): PingppAnswer {
  return { status: 200, body: charge(context, tradeOf(context, id), pingpp.appId) };
}

/** GET /v1/charges */
export function list(context: GatewayContext, pingpp: PingppAccount, originalUrl: string): PingppAnswer {
  const query = readList(originalUrl, pingpp.appId);
  const trades = context.trades.list((trade) => trade.channel === 'pingpp');
  // What was paid, and what was refunded, are what a merchant has in the place of bills.
  const told = query.paid === true ? toldTrades(context, trades) : trades;
  const found = told
    .map((trade) => {
      const refunds = query.refunded === true ? refundsOf(context, trade, toldRefunds) : undefined;
      return charge(context, trade, pingpp.appId, refunds);
    })
    .filter((one) => fits(one, query));
  return toPage('/v1/charges', found, query, context.now());
}

/** POST /v1/charges/{id}/reverse: nobody can pay it any more, and what was paid goes back at once. */
export function reverse(context: GatewayContext, pingpp: PingppAccount, id: string): PingppAnswer {
  const trade = tradeOf(context, id);
  if (trade.status === 'unpaid') context.trades.close(trade);
  if (trade.status === 'paid') {
    if (trade.refundedAmount > 0 || toCstDay(trade.paidAt ?? 0) !== toCstDay(context.now())) {
      throw invalidRequest('charge_not_reversible', 'charge 不能撤销');
    }
    context.trades.refund(trade, trade.paidAmount ?? 0);
  }
  return retrieve(context, pingpp, id);
}

/** @throws PingppRefusal 404 */
export function tradeOf(context: GatewayContext, id: string): Trade {
  const trade = context.trades.findByTradeNo('pingpp', id);
  if (trade) return trade;
  throw notFound('charge', id);
}

export type ChargeObject = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly created: number;
};

/** The charge object: in answers, lists and events. */
export function charge(
  context: GatewayContext,
  trade: Trade,
  appId: string,
  refunds = refundsOf(context, trade),
): ChargeObject {
  const asked = kept.safeParse(parsedJson(trade.request)).data ?? UNASKED;
  const paid = trade.paidAmount !== null;
  const failed = trade.status === 'failed';
  return {
    id: trade.tradeNo,
    object: 'charge',
    created: toSecond(trade.createdAt),
    livemode: false,
    paid,
    refunded: refunds.length > 0,
    reversed: isReversed(trade, refunds.length),
    app: appId,
    channel: asked.channel,
    order_no: trade.outTradeNo,
    client_ip: asked.client_ip,
    amount: trade.paidAmount ?? trade.amount,
    amount_settle: trade.paidAmount ?? trade.amount,
    currency: 'cny',
    subject: trade.subject,
    body: trade.body ?? trade.subject,
    extra: asked.extra,
    time_paid: trade.paidAt === null ? null : toSecond(trade.paidAt),
    time_expire: toSecond(trade.expiresAt),
    time_settle: null,
    transaction_no: paid ? transactionNo(trade) : null,
    refunds: {
      object: 'list',
      url: `/v1/charges/${trade.tradeNo}/refunds`,
      has_more: refunds.length > 10,
      data: refunds.slice(0, 10),
    },
    amount_refunded: trade.refundedAmount,
    failure_code: failed ? 'channel_failed' : null,
    failure_msg: failed ? '支付失败' : null,
    metadata: asked.metadata,
    // Nobody is to pay again what is paid.
    credential: paid ? {} : credentialOf(trade, asked.channel),
    description: asked.description,
  };
}

function credentialOf(trade: Trade, channel: string): Record<string, unknown> {
  const held = parsedJson(trade.credential['held'] ?? '');
  return held === undefined ? {} : { object: 'credential', [channel]: held };
}

function isReversed(trade: Trade, refunds: number): boolean {
  return trade.status === 'closed' ? !trade.expired : trade.status === 'refunded' && refunds === 0;
}

/** The number of the payer's channel, as Alipay's are: the day, then digits; the same whenever it is asked for. */
function transactionNo(trade: Trade): string {
  const hash = createHash('sha256').update(trade.tradeNo).digest();
  const digits = hash.reduce((text, byte) => text + String(byte % 10), '');
  return `${toCstDay(trade.paidAt ?? trade.createdAt)}${digits.slice(0, 20)}`;
}

/** What a channel cannot do without. */
const NEEDED_EXTRA: Readonly<Partial<Record<PayChannel, string>>> = {
  wx_pub: 'open_id',
  wx_lite: 'open_id',
  wx_pub_qr: 'product_id',
  alipay_wap: 'success_url',
  alipay_pc_direct: 'success_url',
  upacp_wap: 'result_url',
};

function longestLifeOf(channel: PayChannel): number {
  if (channel.startsWith('upacp')) return HOUR_MS;
  return channel.startsWith('wx') ? 7 * DAY_MS : 15 * DAY_MS;
}

/** @returns when it expires, epoch ms */
function checkOrder(context: GatewayContext, pingpp: PingppAccount, asked: Order): number {
  if (asked.app.id !== pingpp.appId) throw invalidRequest('app_not_found', 'app 不存在', 'app[id]');
  const needed = NEEDED_EXTRA[asked.channel];
  if (needed !== undefined && typeof asked.extra[needed] !== 'string') {
    throw invalidRequest('extra_invalid', `extra.${needed} 必填`, `extra[${needed}]`);
  }
  const sameNumber = context.trades.list(
    (trade) => trade.channel === 'pingpp' && trade.outTradeNo === asked.order_no,
  );
  if (sameNumber.some((trade) => trade.paidAmount !== null)) {
    throw invalidRequest('order_no_paid', '该订单号已支付成功', 'order_no');
  }
  const now = context.now();
  const longestMs = longestLifeOf(asked.channel);
  const expiresAt =
    asked.time_expire === undefined
      ? now + Math.min(TRADE_LIFE_MS, longestMs)
      : asked.time_expire * SECOND_MS;
  if (expiresAt <= now || expiresAt > now + longestMs) {
    throw invalidRequest('time_expire_invalid', 'time_expire 不在允许的范围内', 'time_expire');
  }
  return expiresAt;
}

function fits(one: ChargeObject, query: ListQuery): boolean {
  return (
    (query.channel === undefined || one['channel'] === query.channel) &&
    (query.paid === undefined || one['paid'] === query.paid) &&
    (query.refunded === undefined || one['refunded'] === query.refunded) &&
    (query.reversed === undefined || one['reversed'] === query.reversed)
  );
}
