import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Trade } from '../../state/trades.js';
import { canonical, parsedJson } from '../../values/json.js';
import { digits, hex, base62 } from '../../values/random.js';
import { toCstDay, toRfc3339 } from '../../values/times.js';
import type { WechatAccount } from './account.js';
import { invalidRequest, orderNotExist, paramError, WechatRefusal, type WechatAnswer } from './refusal.js';

/** An order without a time_expire waits 7 days. */
export const TRADE_LIFE_MS = 7 * 86_400_000;

const HIGHEST_FEN = 10_000_000_000;

/** The ways to pay, by their path, with the product's word and WeChat's `trade_type`. */
export const SCENES = {
  native: { scene: 'qr', tradeType: 'NATIVE' },
  jsapi: { scene: 'jsapi', tradeType: 'JSAPI' },
  app: { scene: 'app', tradeType: 'APP' },
  h5: { scene: 'h5', tradeType: 'MWEB' },
} as const;
export type Way = keyof typeof SCENES;

// In production https only; here http too, since everything is on this machine. A query is refused as there.
export const notifyUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(255)
  .refine((url) => !url.includes('?'), 'must have no query string');

const order = z.object({
  appid: z.string(),
  mchid: z.string(),
  description: z.string().min(1).max(127),
  out_trade_no: z.string().regex(/^[0-9A-Za-z_\-*]{6,32}$/, 'takes 6 to 32 letters, digits and _-*'),
  time_expire: z.iso.datetime({ offset: true, error: 'must be RFC 3339' }).optional(),
  attach: z.string().max(128).optional(),
  notify_url: notifyUrl,
  amount: z.object({
    total: z.int().min(1).max(HIGHEST_FEN),
    currency: z.literal('CNY').optional(),
  }),
  payer: z.object({ openid: z.string().min(1).max(128) }).optional(),
  scene_info: z
    .object({
      payer_client_ip: z.string().min(1).max(45),
      h5_info: z.object({ type: z.string().min(1) }).optional(),
    })
    .optional(),
});
type Order = z.infer<typeof order>;

/**
 * Reads a JSON body by a schema.
 * @throws WechatRefusal PARAM_ERROR that names the field
 */
export function readBody<T>(body: string, schema: z.ZodType<T>): T {
  const read = schema.safeParse(parsedJson(body));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw paramError(`/${issue?.path.join('/') ?? ''}`, issue?.message ?? 'is not valid');
}

/** POST /v3/pay/transactions/{way} */
export function create(context: GatewayContext, wechat: WechatAccount, way: Way, body: string): WechatAnswer {
  const biz = readBody(body, order);
  checkOrder(biz, way, wechat);
  const expiresAt = biz.time_expire ? Date.parse(biz.time_expire) : context.now() + TRADE_LIFE_MS;
  if (expiresAt <= context.now()) throw paramError('/time_expire', 'is past');
  const request = canonical({ way, biz });
  const known = context.trades.find('wechat', biz.out_trade_no);
  const credential = newCredential(context, way);
  if (known) {
    renewable(known, request);
    context.trades.renewCredential(known, credential);
  } else {
    context.trades.open({
      channel: 'wechat',
      tradeNo: newTransactionId(context.now()),
      outTradeNo: biz.out_trade_no,
      scene: SCENES[way].scene,
      amount: biz.amount.total,
      subject: biz.description,
      body: null,
      attach: biz.attach ?? null,
      buyer: biz.payer?.openid ?? null,
      notifyUrl: biz.notify_url,
      returnUrl: null,
      expiresAt,
      request,
      credential,
    });
  }
  return { status: 200, body: credentialAnswer(way, credential) };
}

/** A transaction_id as WeChat's are: 28 digits with the day in the middle. */
export function newTransactionId(now: number): string {
  return `420000${digits(4)}${toCstDay(now)}${digits(10)}`;
}

/** GET /v3/pay/transactions/out-trade-no/{out_trade_no} */
export function queryByOutTradeNo(
  context: GatewayContext,
  wechat: WechatAccount,
  no: string,
  mchid: string | undefined,
): WechatAnswer {
  checkMerchant(mchid, wechat, 'query');
  const trade = context.trades.find('wechat', no);
  if (!trade) throw orderNotExist();
  return { status: 200, body: transaction(trade, wechat) };
}

/** GET /v3/pay/transactions/id/{transaction_id}; the number exists for merchants only once it is paid. */
export function queryById(
  context: GatewayContext,
  wechat: WechatAccount,
  no: string,
  mchid: string | undefined,
): WechatAnswer {
  checkMerchant(mchid, wechat, 'query');
  const trade = context.trades.findByTradeNo('wechat', no);
  if (!trade || trade.paidAmount === null) throw orderNotExist();
  return { status: 200, body: transaction(trade, wechat) };
}

/** POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close */
export function close(
  context: GatewayContext,
  wechat: WechatAccount,
  no: string,
  body: string,
): WechatAnswer {
  checkMerchant(readBody(body, z.object({ mchid: z.string() })).mchid, wechat, 'body');
  const trade = context.trades.find('wechat', no);
  if (!trade) throw orderNotExist();
  if (trade.paidAmount !== null) throw new WechatRefusal(400, 'ORDER_PAID', '订单已支付，不能关闭');
  if (trade.status === 'unpaid') context.trades.close(trade);
  return { status: 204 };
}

/** The transaction object: what a query answers and what a payment's notification holds. */
export function transaction(trade: Trade, wechat: Pick<WechatAccount, 'appId' | 'mchId'>): WechatTransaction {
  const paid = trade.paidAmount !== null && trade.paidAt !== null;
  const state = tradeState(trade);
  const asked = { total: trade.paidAmount ?? trade.amount, currency: trade.currency };
  return {
    appid: wechat.appId,
    mchid: wechat.mchId,
    out_trade_no: trade.outTradeNo,
    ...(paid && { transaction_id: trade.tradeNo, bank_type: 'OTHERS' }),
    trade_type: Object.values(SCENES).find((way) => way.scene === trade.scene)?.tradeType ?? 'NATIVE',
    trade_state: state,
    trade_state_desc: STATE_TEXT[state],
    attach: trade.attach ?? '',
    ...(paid && trade.paidAt !== null && { success_time: toRfc3339(trade.paidAt) }),
    ...(trade.buyer !== null && { payer: { openid: trade.buyer } }),
    amount: paid ? { ...asked, payer_total: asked.total, payer_currency: asked.currency } : asked,
  };
}

export type WechatTransaction = Readonly<Record<string, unknown>>;

/** REFUND means paid, with at least one refund. */
export function tradeState(trade: Trade): keyof typeof STATE_TEXT {
  if (trade.refundedAmount > 0) return 'REFUND';
  const words = {
    unpaid: 'NOTPAY',
    paid: 'SUCCESS',
    closed: 'CLOSED',
    failed: 'PAYERROR',
    refunded: 'REFUND',
  } as const satisfies Record<Trade['status'], string>;
  return words[trade.status];
}

const STATE_TEXT = {
  NOTPAY: '订单未支付',
  SUCCESS: '支付成功',
  CLOSED: '订单已关闭',
  PAYERROR: '支付失败(其他原因，如银行返回失败)',
  REFUND: '转入退款',
} as const;

/** @throws WechatRefusal when a call names another merchant than the one that signed it. */
function checkMerchant(mchid: string | undefined, wechat: WechatAccount, location: 'body' | 'query'): void {
  if (mchid !== wechat.mchId) {
    throw paramError(location === 'body' ? '/mchid' : 'mchid', 'is not the signing merchant', location);
  }
}

function checkOrder(biz: Order, way: Way, wechat: WechatAccount): void {
  checkMerchant(biz.mchid, wechat, 'body');
  if (biz.appid !== wechat.appId) {
    throw new WechatRefusal(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配');
  }
  if (way === 'jsapi' && !biz.payer) throw paramError('/payer/openid', 'is needed');
  if (way === 'h5' && !biz.scene_info?.h5_info) throw paramError('/scene_info/h5_info/type', 'is needed');
}

/** The same number again is fine with the same parameters, as long as nothing final happened. */
function renewable(known: Trade, request: string): void {
  if (known.paidAmount !== null) throw new WechatRefusal(400, 'ORDERPAID', '该订单已支付');
  if (known.request !== request) throw invalidRequest('商户订单号重复，请核实参数与原请求是否一致');
  if (known.status !== 'unpaid') throw new WechatRefusal(400, 'ORDER_CLOSED', '该订单已关闭');
}

function newCredential(context: GatewayContext, way: Way): Record<string, string> {
  if (way === 'native') return { codeUrl: `weixin://wxpay/bizpayurl?pr=${base62(9)}zz` };
  const prepayId = `wx${digits(14)}${hex(20)}00`;
  if (way !== 'h5') return { prepayId };
  // The provider's own path on this host, so that a browser that follows it reaches the cashier.
  const query = new URLSearchParams({ prepay_id: prepayId, package: digits(10) });
  return { prepayId, h5Url: `${context.baseUrl}/cgi-bin/mmpayweb-bin/checkmweb?${query.toString()}` };
}

function credentialAnswer(way: Way, credential: Record<string, string>): Record<string, string | undefined> {
  if (way === 'native') return { code_url: credential['codeUrl'] };
  if (way === 'h5') return { h5_url: credential['h5Url'] };
  return { prepay_id: credential['prepayId'] };
}
