/** WeChat Pay, API v3: create, query, close, refund, payout, bill, and its notification. Amounts are integer fen on its wire too. */
import { Formatter, Rsa } from 'wechatpay-axios-plugin';
import { z } from 'zod';
import type { ByScene } from '../domain/order.js';
import type { Attempt, Channel, Credential, TradeState } from './channel.js';
import { toChinaRfc3339 } from '../domain/china-time.js';
import { missingField, unknownOutcome, wayOf } from './provider-errors.js';
import { cutText } from './text.js';
import {
  type WechatClient,
  type WechatConfig,
  createWechatClient,
  saysPaid,
  toRefusalError,
} from './wechat-client.js';
import { verifyWechatNotification } from './wechat-notification.js';
import { bill } from './wechat-bill.js';
import { cancelPayout, payout, queryPayout } from './wechat-payout.js';
import { queryRefund, refund } from './wechat-refund.js';
import { toMerchant, toPayment, tradeSchema } from './wechat-trade.js';

export type { WechatConfig } from './wechat-client.js';

const MINUTE_MS = 60_000;
// A prepay id and a QR code live 2 h, an h5 link 5 minutes. They are renewed a little earlier, so that nobody
// is given one that dies in his hands.
const CREDENTIAL_LIVES_MS = 115 * MINUTE_MS;
const H5_LIVES_MS = 4 * MINUTE_MS;
const LONGEST_DESCRIPTION = 127;

const TRANSACTIONS = 'v3/pay/transactions';

/** @throws HoldfastError `channel_not_configured`: a key that is none */
export function createWechat(config: WechatConfig): Channel {
  const client = createWechatClient(config);
  const { apiV3Key, publicKeyId, mchId } = config;
  const payouts = { client, config };
  return {
    name: 'wechat',
    merchant: toMerchant(config.appId, mchId),
    scenes: ['qr', 'app', 'h5', 'jsapi'],
    defaultScene: 'qr',
    credentialLivesMs: (scene) => (scene === 'h5' ? H5_LIVES_MS : CREDENTIAL_LIVES_MS),
    create: (attempt) => wayOf('wechat', CREATE, attempt.scene)(client, config, attempt),
    query: ({ outTradeNo }) => query(client, mchId, outTradeNo),
    canClose: () => true,
    close: ({ outTradeNo }) => close(client, mchId, outTradeNo),
    refund: (request) => refund(client, request),
    queryRefund: (request) => queryRefund(client, request),
    payout: (request) => payout(payouts, request),
    queryPayout: (request) => queryPayout(payouts, request),
    cancelPayout: (request) => cancelPayout(payouts, request),
    bill: (date) => bill(client, date),
    verifyNotification: (raw) =>
      verifyWechatNotification({ apiV3Key, publicKeyId, publicKey: client.publicKey }, raw),
    acknowledgement: {
      success: { status: 200, contentType: 'application/json', body: '{"code":"SUCCESS"}' },
      // 4xx: WeChat Pay's deliberately wrong signatures must be answered so; anything but 2xx is sent again.
      failure: { status: 400, contentType: 'application/json', body: '{"code":"FAIL","message":"失败"}' },
    },
  };
}

type Create = (client: WechatClient, config: WechatConfig, attempt: Attempt) => Promise<Credential>;

const prepaySchema = z.object({ prepay_id: z.string().min(1) });
const nativeSchema = z.object({ code_url: z.string().min(1) });
const h5Schema = z.object({ h5_url: z.url() });

const CREATE: ByScene<Create> = {
  async qr(client, config, attempt) {
    const { code_url } = await open(client, 'native', toOrder(config, attempt), nativeSchema);
    return { codeUrl: code_url };
  },

  async app(client, config, attempt) {
    const { prepay_id } = await open(client, 'app', toOrder(config, attempt), prepaySchema);
    return toAppCredential(client, config, prepay_id);
  },

  async h5(client, config, attempt) {
    if (!attempt.clientIp) throw missingField('wechat', attempt.scene, 'clientIp');
    const scene_info = { payer_client_ip: attempt.clientIp, h5_info: { type: 'Wap' } };
    const order = { ...toOrder(config, attempt), scene_info };
    const { h5_url } = await open(client, 'h5', order, h5Schema);
    return { h5Url: attempt.returnUrl ? withReturnUrl(h5_url, attempt.returnUrl) : h5_url };
  },

  async jsapi(client, config, attempt) {
    if (!attempt.openid) throw missingField('wechat', attempt.scene, 'openid');
    const order = { ...toOrder(config, attempt), payer: { openid: attempt.openid } };
    const { prepay_id } = await open(client, 'jsapi', order, prepaySchema);
    return toJsapiCredential(client, config, prepay_id);
  },
};

async function open<T>(
  client: WechatClient,
  product: 'native' | 'app' | 'h5' | 'jsapi',
  order: object,
  schema: z.ZodType<T>,
): Promise<T> {
  const answer = await client.post(`${TRANSACTIONS}/${product}`, order, schema);
  if (!answer.ok) throw toRefusalError(answer.refusal);
  return answer.body;
}

function toOrder(config: WechatConfig, attempt: Attempt) {
  return {
    appid: config.appId,
    mchid: config.mchId,
    description: cutText(attempt.subject, LONGEST_DESCRIPTION),
    out_trade_no: attempt.outTradeNo,
    time_expire: toChinaRfc3339(attempt.expiresAt),
    notify_url: attempt.notifyUrl,
    amount: { total: attempt.amountFen, currency: attempt.currency },
  };
}

/** What `wx.requestPayment` takes. The fourth signed line is the package as it stands. */
function toJsapiCredential(client: WechatClient, config: WechatConfig, prepayId: string): Credential {
  const appId = config.appId;
  const timeStamp = String(Formatter.timestamp());
  const nonceStr = Formatter.nonce();
  const pack = `prepay_id=${prepayId}`;
  const signed = Formatter.joinedByLineFeed(appId, timeStamp, nonceStr, pack);
  const paySign = Rsa.sign(signed, client.privateKey);
  return { appId, timeStamp, nonceStr, package: pack, signType: 'RSA', paySign };
}

/** What the mobile SDK takes: other names, and the fourth signed line is the bare prepay id. */
function toAppCredential(client: WechatClient, config: WechatConfig, prepayId: string): Credential {
  const timestamp = String(Formatter.timestamp());
  const noncestr = Formatter.nonce();
  const signed = Formatter.joinedByLineFeed(config.appId, timestamp, noncestr, prepayId);
  return {
    appid: config.appId,
    partnerid: config.mchId,
    prepayid: prepayId,
    package: 'Sign=WXPay',
    noncestr,
    timestamp,
    sign: Rsa.sign(signed, client.privateKey),
  };
}

function withReturnUrl(h5Url: string, returnUrl: string): string {
  const url = new URL(h5Url);
  url.searchParams.set('redirect_url', returnUrl);
  return url.toString();
}

function toTradePath(outTradeNo: string): string {
  return `${TRANSACTIONS}/out-trade-no/${encodeURIComponent(outTradeNo)}`;
}

async function query(client: WechatClient, mchid: string, outTradeNo: string): Promise<TradeState> {
  const path = toTradePath(outTradeNo);
  const answer = await client.get(path, { mchid }, tradeSchema);
  if (!answer.ok) {
    // The call that opens the trade may still be on its way.
    if (answer.refusal.providerCode === 'ORDER_NOT_EXIST') return { state: 'unpaid' };
    throw unknownOutcome(answer.refusal);
  }
  const trade = answer.body;
  const facts = { channel: 'wechat', operation: `${TRANSACTIONS}/out-trade-no` } as const;
  // A signed answer about another trade is an old one that somebody plays again.
  if (trade.out_trade_no !== outTradeNo) {
    throw unknownOutcome({ ...facts, providerMessage: 'the answer is about another trade' });
  }
  switch (trade.trade_state) {
    case 'SUCCESS':
    // Paid, and refunded at least in part.
    case 'REFUND': {
      const payment = toPayment(trade);
      if (payment === undefined) throw unknownOutcome({ ...facts, providerCode: trade.trade_state });
      return { state: 'paid', payment };
    }
    case 'NOTPAY':
    case 'USERPAYING':
      return { state: 'unpaid' };
    case 'CLOSED':
    case 'REVOKED':
      return { state: 'closed' };
    default:
      return { state: 'unknown', providerStatus: trade.trade_state };
  }
}

async function close(client: WechatClient, mchid: string, outTradeNo: string): Promise<TradeState> {
  const path = `${toTradePath(outTradeNo)}/close`;
  const answer = await client.post(path, { mchid }, z.unknown());
  if (answer.ok) return { state: 'closed' };
  if (saysPaid(answer.refusal)) return query(client, mchid, outTradeNo);
  switch (answer.refusal.providerCode ?? '') {
    case 'ORDER_CLOSED':
      return { state: 'closed' };
    // Nothing was closed: a call that opens the trade may still be on its way, so money may still come.
    case 'ORDER_NOT_EXIST':
      return { state: 'unpaid' };
    default:
      throw unknownOutcome(answer.refusal);
  }
}
