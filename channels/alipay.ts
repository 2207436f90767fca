/**
 * Alipay: create, query, close, refund, payout, bill, and its notification. Its trades have yuan strings and China time; both are
 * translated here, at the edge.
 */
import { z } from 'zod';
import { fromYuan, toYuan } from '../domain/money.js';
import type { ByScene, Scene } from '../domain/order.js';
import { bill } from './alipay-bill.js';
import {
  type AlipayClient,
  type AlipayConfig,
  assertSameTrade,
  createAlipayClient,
  signedNow,
  toRefusalError,
  toUnanswered,
} from './alipay-client.js';
import { PAID_STATUSES, verifyAlipayNotification } from './alipay-notification.js';
import { payout, queryPayout } from './alipay-payout.js';
import { queryRefund, refund } from './alipay-refund.js';
import type { Attempt, Channel, Credential, TradeState } from './channel.js';
import { fromChinaTime, toChinaTime } from '../domain/china-time.js';
import { missingField, unknownOutcome, wayOf } from './provider-errors.js';
import { cutText, withoutReserved } from './text.js';

export type { AlipayConfig } from './alipay-client.js';

const MINUTE_MS = 60_000;
// A QR code lives 2 h. It is renewed a little earlier, so that nobody is shown one that dies while it is scanned.
const CREDENTIAL_LIVES_MS = 115 * MINUTE_MS;
const LONGEST_SUBJECT = 256;

const QUERY = 'alipay.trade.query';
const CLOSE = 'alipay.trade.close';

// These have a trade at Alipay before the payer acts; app and h5 have none until then, so nothing can be closed.
const CLOSABLE_SCENES: ReadonlySet<Scene> = new Set(['qr', 'jsapi', 'page']);

/** @throws HoldfastError `channel_not_configured`: a key that is none */
export function createAlipay(config: AlipayConfig): Channel {
  const client = createAlipayClient(config);
  const { appId, sellerId } = config;
  const merchantOf = (app: string, seller: string) => (sellerId ? `${app}/${seller}` : app);
  const merchant = merchantOf(appId, sellerId ?? '');
  return {
    name: 'alipay',
    merchant,
    scenes: ['qr', 'app', 'h5', 'jsapi', 'page'],
    defaultScene: 'qr',
    credentialLivesMs: () => CREDENTIAL_LIVES_MS,
    create: (attempt) => wayOf('alipay', CREATE, attempt.scene)(client, config, attempt),
    query: ({ outTradeNo }) => query(client, merchant, outTradeNo),
    canClose: (scene) => CLOSABLE_SCENES.has(scene),
    close: ({ outTradeNo }) => close(client, merchant, outTradeNo),
    refund: (request) => refund(client, request),
    queryRefund: (request) => queryRefund(client, request),
    payout: (request) => payout(client, request),
    queryPayout: (request) => queryPayout(client, request),
    bill: (date) => bill(client, config, date),
    verifyNotification: (raw) => verifyAlipayNotification({ sdk: client.sdk, merchantOf }, raw),
    acknowledgement: {
      // Exactly these seven bytes; every other body makes Alipay send it again.
      success: { status: 200, contentType: 'text/plain; charset=utf-8', body: 'success' },
      failure: { status: 400, contentType: 'text/plain; charset=utf-8', body: 'fail' },
    },
  };
}

type Create = (client: AlipayClient, config: AlipayConfig, attempt: Attempt) => Promise<Credential>;

const precreateSchema = z.object({ out_trade_no: z.string(), qr_code: z.string().min(1) });
const createSchema = z.object({ out_trade_no: z.string(), trade_no: z.string().min(1) });

/** App, h5 and page are signed here and sent by the payer's device: Alipay hears of the trade from there. */
const CREATE: ByScene<Create> = {
  async qr(client, _config, attempt) {
    const operation = 'alipay.trade.precreate';
    const bizContent = { ...toBizContent(attempt), product_code: 'FACE_TO_FACE_PAYMENT' };
    const answer = await client.call(operation, bizContent, precreateSchema, callback(attempt));
    if (!answer.ok) throw toRefusalError(answer.refusal);
    assertSameTrade(operation, attempt.outTradeNo, answer.fields.out_trade_no);
    return { qrCode: answer.fields.qr_code };
  },

  async jsapi(client, config, attempt) {
    if (!attempt.openid) throw missingField('alipay', attempt.scene, 'openid');
    const operation = 'alipay.trade.create';
    const bizContent = {
      ...toBizContent(attempt),
      product_code: 'JSAPI_PAY',
      op_app_id: config.appId,
      buyer_open_id: attempt.openid,
    };
    const answer = await client.call(operation, bizContent, createSchema, callback(attempt));
    if (!answer.ok) throw toRefusalError(answer.refusal);
    assertSameTrade(operation, attempt.outTradeNo, answer.fields.out_trade_no);
    return { tradeNo: answer.fields.trade_no };
  },

  async app(client, _config, attempt) {
    const bizContent = { ...toBizContent(attempt), product_code: 'QUICK_MSECURITY_PAY' };
    const orderString = client.sdk.sdkExecute('alipay.trade.app.pay', {
      ...signedNow(),
      ...callback(attempt),
      bizContent,
    });
    return { orderString };
  },

  async h5(client, _config, attempt) {
    const { returnUrl } = attempt;
    const bizContent = {
      ...toBizContent(attempt),
      product_code: 'QUICK_WAP_WAY',
      ...(returnUrl ? { quit_url: returnUrl } : {}),
    };
    return { url: toCashierUrl(client, 'alipay.trade.wap.pay', attempt, bizContent) };
  },

  async page(client, _config, attempt) {
    if (!attempt.returnUrl) throw missingField('alipay', attempt.scene, 'returnUrl');
    const bizContent = { ...toBizContent(attempt), product_code: 'FAST_INSTANT_TRADE_PAY' };
    return { url: toCashierUrl(client, 'alipay.trade.page.pay', attempt, bizContent) };
  },
};

function toBizContent(attempt: Attempt): Record<string, string> {
  return {
    out_trade_no: attempt.outTradeNo,
    total_amount: toYuan(attempt.amountFen),
    subject: cutText(withoutReserved(attempt.subject), LONGEST_SUBJECT),
    // Absolute: a relative one starts when the payer opens the cashier, and would outlive our own expiry.
    time_expire: toChinaTime(attempt.expiresAt),
  };
}

/** Empty values must not be sent: Alipay leaves them out of the signed text, the client does not. */
function callback(attempt: Attempt): Record<string, string> {
  return {
    notifyUrl: attempt.notifyUrl,
    ...(attempt.returnUrl ? { returnUrl: attempt.returnUrl } : {}),
  };
}

function toCashierUrl(
  client: AlipayClient,
  operation: string,
  attempt: Attempt,
  bizContent: Record<string, string>,
): string {
  return client.sdk.pageExecute(operation, 'GET', { ...signedNow(), ...callback(attempt), bizContent });
}

const tradeSchema = z.object({
  out_trade_no: z.string(),
  trade_no: z.string().optional(),
  trade_status: z.string(),
  total_amount: z.string().optional(),
  trans_currency: z.string().optional(),
  send_pay_date: z.string().optional(),
});

async function query(client: AlipayClient, merchant: string, outTradeNo: string): Promise<TradeState> {
  const answer = await client.call(QUERY, { out_trade_no: outTradeNo }, tradeSchema);
  if (!answer.ok) {
    // Not yet, rather than never: the trade begins when the payer opens the cashier or scans the code.
    if (answer.refusal.subCode === 'ACQ.TRADE_NOT_EXIST') return { state: 'unpaid' };
    throw toUnanswered(answer.refusal);
  }
  const trade = answer.fields;
  assertSameTrade(QUERY, outTradeNo, trade.out_trade_no);
  if (PAID_STATUSES.has(trade.trade_status)) return toPaid(trade, merchant);
  switch (trade.trade_status) {
    case 'WAIT_BUYER_PAY':
      return { state: 'unpaid' };
    case 'TRADE_CLOSED':
      // Also a payment that was refunded in full; either way nobody can pay it any more.
      return { state: 'closed' };
    default:
      return { state: 'unknown', providerStatus: trade.trade_status };
  }
}

/** Our own credentials asked, so whose trade it is needs no word of Alipay's. */
function toPaid(trade: z.infer<typeof tradeSchema>, merchant: string): TradeState {
  try {
    return {
      state: 'paid',
      payment: {
        outTradeNo: trade.out_trade_no,
        providerTradeNo: z.string().min(1).parse(trade.trade_no),
        amountFen: fromYuan(trade.total_amount ?? ''),
        currency: trade.trans_currency ?? 'CNY',
        merchant,
        // Alipay may leave the time out; the payment is then as old as our knowledge of it.
        paidAt: fromChinaTime(trade.send_pay_date ?? '') ?? new Date(),
      },
    };
  } catch (error) {
    throw unknownOutcome({ channel: 'alipay', operation: QUERY, providerCode: trade.trade_status }, error);
  }
}

const closeSchema = z.object({ out_trade_no: z.string().optional() });

async function close(client: AlipayClient, merchant: string, outTradeNo: string): Promise<TradeState> {
  const answer = await client.call(CLOSE, { out_trade_no: outTradeNo }, closeSchema);
  if (answer.ok) {
    assertSameTrade(CLOSE, outTradeNo, answer.fields.out_trade_no ?? outTradeNo);
    return { state: 'closed' };
  }
  switch (answer.refusal.subCode ?? '') {
    // Nothing was closed: a QR code or cashier link that is out there can still be paid until its expiry. To
    // call this closed would hide that; as `unpaid` the caller knows that late money may come.
    case 'ACQ.TRADE_NOT_EXIST':
      return { state: 'unpaid' };
    // Already paid, or already closed.
    case 'ACQ.TRADE_STATUS_ERROR':
      return query(client, merchant, outTradeNo);
    default:
      throw toUnanswered(answer.refusal);
  }
}
