import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Trade } from '../../state/trades.js';
import { parsedJson } from '../../values/json.js';
import { base62, digits } from '../../values/random.js';
import { endOfCstDay, fromCst, toCst, toCstDay } from '../../values/times.js';
import { fenFromYuan, yuanFromFen } from '../../values/yuan.js';
import { businessFailed, invalidParameter, tradeNotExist } from './refusal.js';
import type { Params } from './wire.js';

const DAY_MS = 86_400_000;

/** A trade without a limit of its own waits 15 days. */
export const TRADE_LIFE_MS = 15 * DAY_MS;

const HIGHEST_FEN = 10_000_000_000;

/** How long a `timeout_express` such as `30m` lasts. */
const UNIT_MS = { m: 60_000, h: 3_600_000, d: DAY_MS } as const;

/** Yuan in biz_content, a JSON string or number, as integer fen. */
export const yuan = z.union([z.string(), z.number()]).transform((value, context) => {
  const fen = fenFromYuan(String(value));
  if (fen !== null && fen >= 1 && fen <= HIGHEST_FEN) return fen;
  context.addIssue({ code: 'custom', message: 'must be yuan from 0.01 to 100000000' });
  return z.NEVER;
});

const tradeNumber = z.string().regex(/^[0-9A-Za-z_]{1,64}$/, 'takes up to 64 letters, digits and _');

const order = z.object({
  out_trade_no: tradeNumber,
  total_amount: yuan,
  subject: z.string().min(1).max(256),
  body: z.string().max(400).optional(),
  time_expire: z.string().optional(),
  timeout_express: z.string().optional(),
  passback_params: z.string().max(512).optional(),
  buyer_id: z.string().min(1).optional(),
  buyer_open_id: z.string().min(1).optional(),
});

const reference = z
  .object({ out_trade_no: z.string().min(1).optional(), trade_no: z.string().min(1).optional() })
  .refine((biz) => biz.out_trade_no ?? biz.trade_no, 'out_trade_no or trade_no is needed');

/**
 * Reads biz_content by a schema.
 * @throws AlipayRefusal that names the field; ACQ.INVALID_PARAMETER unless the caller has another
 */
export function readBiz<T>(params: Params, schema: z.ZodType<T>, invalid = invalidParameter): T {
  const read = schema.safeParse(parsedJson(params['biz_content'] ?? ''));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw invalid(`${issue?.path.join('.') || 'biz_content'} ${issue?.message ?? ''}`);
}

/** Opens the order of a call, or finds it when the same order was opened before. */
export function openOrder(context: GatewayContext, params: Params, scene: string): Trade {
  const biz = readBiz(params, order);
  const now = context.now();
  const expiresAt = expiryOf(biz, now);
  const buyer = biz.buyer_id ?? biz.buyer_open_id ?? null;
  if (scene === 'jsapi' && buyer === null) throw invalidParameter('buyer_id or buyer_open_id is needed');
  // A buyer who opens an old link finds a closed trade; the merchant's own call is told at once.
  if (expiresAt <= now && (scene === 'qr' || scene === 'jsapi'))
    throw invalidParameter('time_expire is past');
  const known = context.trades.find('alipay', biz.out_trade_no);
  if (known) return sameOrder(known, biz.total_amount);
  return context.trades.open({
    channel: 'alipay',
    tradeNo: newTradeNo(now),
    outTradeNo: biz.out_trade_no,
    scene,
    amount: biz.total_amount,
    subject: biz.subject,
    body: biz.body ?? null,
    attach: biz.passback_params ?? null,
    buyer,
    notifyUrl: params['notify_url'] || null,
    returnUrl: webAddress(params['return_url']),
    expiresAt,
    request: params['biz_content'] ?? '',
    credential: {},
  });
}

/** A trade number as Alipay's are: the day, then 20 digits. */
export function newTradeNo(now: number): string {
  return `${toCstDay(now)}22001${digits(15)}`;
}

/** alipay.trade.precreate: asked again for the same order, it gives the same code. */
export function precreate(context: GatewayContext, params: Params): Record<string, string> {
  const trade = mustBeUnpaid(openOrder(context, params, 'qr'));
  const qrCode = trade.credential['qrCode'] ?? `https://qr.alipay.com/bax0${base62(20).toLowerCase()}`;
  if (!trade.credential['qrCode']) context.trades.renewCredential(trade, { qrCode });
  return { out_trade_no: trade.outTradeNo, qr_code: qrCode };
}

/** alipay.trade.create */
export function create(context: GatewayContext, params: Params): Record<string, string> {
  const trade = mustBeUnpaid(openOrder(context, params, 'jsapi'));
  return { out_trade_no: trade.outTradeNo, trade_no: trade.tradeNo };
}

/** alipay.trade.query */
export function query(context: GatewayContext, params: Params): Record<string, string> {
  const trade = referredTrade(context, params);
  const paid = trade.paidAmount === null ? null : yuanFromFen(trade.paidAmount);
  return {
    trade_no: trade.tradeNo,
    out_trade_no: trade.outTradeNo,
    trade_status: tradeStatus(trade),
    total_amount: paid ?? yuanFromFen(trade.amount),
    point_amount: '0.00',
    ...(trade.buyer && { buyer_user_id: trade.buyer, buyer_logon_id: logonId(trade.buyer) }),
    ...(paid && { receipt_amount: paid, buyer_pay_amount: paid, invoice_amount: paid }),
    ...(trade.paidAt !== null && { send_pay_date: toCst(trade.paidAt) }),
  };
}

/** alipay.trade.close: only a trade that waits for its buyer can be closed. */
export function close(context: GatewayContext, params: Params): Record<string, string> {
  const trade = referredTrade(context, params);
  if (trade.status !== 'unpaid') throw businessFailed('TRADE_STATUS_ERROR', '交易状态不合法');
  context.trades.close(trade);
  return { trade_no: trade.tradeNo, out_trade_no: trade.outTradeNo };
}

/** The trade that biz_content names; trade_no wins. */
export function referredTrade(context: GatewayContext, params: Params): Trade {
  const biz = readBiz(params, reference);
  const trade = biz.trade_no
    ? context.trades.findByTradeNo('alipay', biz.trade_no)
    : context.trades.find('alipay', biz.out_trade_no ?? '');
  if (!trade) throw tradeNotExist();
  return trade;
}

/** TRADE_CLOSED says both "never paid" and "all of it went back". */
export function tradeStatus(trade: Trade): string {
  const words = {
    unpaid: 'WAIT_BUYER_PAY',
    paid: 'TRADE_SUCCESS',
    closed: 'TRADE_CLOSED',
    failed: 'TRADE_CLOSED',
    refunded: 'TRADE_CLOSED',
  } as const satisfies Record<Trade['status'], string>;
  return words[trade.status];
}

/** How a buyer's login is shown to merchants. */
export function logonId(buyer: string): string {
  return `${buyer.slice(0, 3)}***@sandbox.invalid`;
}

// A browser is sent there, so a `javascript:` address is not kept.
function webAddress(url: string | undefined): string | null {
  return url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url) ? url : null;
}

function sameOrder(known: Trade, amount: number): Trade {
  if (known.amount === amount) return known;
  throw businessFailed('CONTEXT_INCONSISTENT', '交易信息被篡改：商户订单号已被另一金额使用');
}

function mustBeUnpaid(trade: Trade): Trade {
  if (trade.status === 'unpaid') return trade;
  if (trade.paidAmount !== null) throw businessFailed('TRADE_HAS_SUCCESS', '交易已被支付');
  throw businessFailed('TRADE_HAS_CLOSE', '交易已经关闭');
}

function expiryOf(biz: z.infer<typeof order>, now: number): number {
  const limits = [now + TRADE_LIFE_MS];
  if (biz.time_expire !== undefined) {
    const at = fromCst(biz.time_expire);
    if (at === null) throw invalidParameter('time_expire must be yyyy-MM-dd HH:mm:ss in GMT+8');
    limits.push(at);
  }
  if (biz.timeout_express !== undefined) limits.push(now + expressMs(biz.timeout_express, now));
  return Math.min(...limits);
}

function expressMs(text: string, now: number): number {
  if (text === '1c') return endOfCstDay(now) - now;
  const match = /^(\d{1,5})([mhd])$/.exec(text);
  const ms = match ? Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS] : 0;
  if (ms < UNIT_MS.m || ms > TRADE_LIFE_MS) throw invalidParameter('timeout_express must be 1m to 15d');
  return ms;
}
