import type { NotificationWire, Twist } from '../../gateway.js';
import type { EventFacts, NotificationEvent, RenderedMessage, SendTreatment } from '../../notify/events.js';
import type { Refund } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { digits } from '../../values/random.js';
import { toCst, toCstDay } from '../../values/times.js';
import { fenFromYuan, yuanFromFen } from '../../values/yuan.js';
import type { AlipayAccount } from './account.js';
import { alipayPayouts } from './payouts.js';
import { logonId, tradeStatus } from './trades.js';
import { signParams, type Params } from './wire.js';

const MINUTE_MS = 60_000;

/** The pauses of Alipay's eight deliveries within 25 hours: 4m, 10m, 10m, 1h, 2h, 6h, 15h. */
const RETRY_DELAYS_MS = [4, 10, 10, 60, 120, 360, 900].map((minutes) => minutes * MINUTE_MS);

/** Alipay's asynchronous notifications: a signed form post, acknowledged by exactly `success`. */
export function alipayNotifications(alipay: AlipayAccount): NotificationWire {
  return {
    retryDelaysMs: RETRY_DELAYS_MS,
    answerWithinMs: 10_000,
    newEventId: () => `${toCstDay(Date.now())}00222${digits(21)}`,
    facts: (trade, refund, twist) => facts(alipay, trade, refund, twist),
    // A refund has no notification of its own: the payment's is posted again after a partial one. After a full
    // one the platform does not always do so, so that is only done on demand.
    tellsOfRefund: (refund, trade, asked) =>
      refund.status === 'succeeded' && (asked ?? trade.status !== 'refunded'),
    payouts: alipayPayouts(alipay),
    render: (event, treatment) => render(alipay, event, treatment),
    // 7 bytes and nothing else: a page, a BOM or "success\n" is no acknowledgement.
    acknowledges: (status, body) => status === 200 && body === 'success',
  };
}

function facts(alipay: AlipayAccount, trade: Trade, refund: Refund | null, twist: Twist): EventFacts {
  const paid = yuanFromFen(trade.paidAmount ?? trade.amount);
  const appId = twist.wrongMerchant ? '2021000000000001' : alipay.appId;
  const known = {
    notify_type: 'trade_status_sync',
    app_id: appId,
    auth_app_id: appId,
    charset: 'utf-8',
    version: '1.0',
    trade_no: trade.tradeNo,
    out_trade_no: trade.outTradeNo,
    trade_status: tradeStatus(trade),
    seller_id: twist.wrongMerchant ? '2088000000000001' : alipay.sellerId,
    seller_email: 'merchant@sandbox.invalid',
    buyer_id: trade.buyer ?? '',
    buyer_logon_id: trade.buyer === null ? '' : logonId(trade.buyer),
    subject: trade.subject,
    body: trade.body ?? '',
    passback_params: trade.attach ?? '',
    total_amount: paid,
    receipt_amount: paid,
    buyer_pay_amount: paid,
    invoice_amount: paid,
    point_amount: '0.00',
    fund_bill_list: JSON.stringify([{ amount: paid, fundChannel: 'ALIPAYACCOUNT' }]),
    gmt_create: toCst(trade.createdAt),
    gmt_payment: trade.paidAt === null ? '' : toCst(trade.paidAt),
    ...(refund && refundFacts(trade, refund)),
  };
  // The real platform drops empty parameters, and some clients sign them as `k=`: so none is sent.
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== ''));
}

/** A refund is told by the payment's notification over again; refund_fee is the trade's total so far. */
function refundFacts(trade: Trade, refund: Refund): Params {
  return {
    out_biz_no: refund.outRefundNo,
    refund_fee: yuanFromFen(trade.refundedAmount),
    gmt_refund: `${toCst(refund.settledAt ?? refund.createdAt)}.000`,
    ...(trade.status === 'refunded' && { gmt_close: toCst(refund.settledAt ?? refund.createdAt) }),
  };
}

async function render(
  alipay: AlipayAccount,
  event: NotificationEvent,
  treatment: SendTreatment,
): Promise<RenderedMessage> {
  const key = treatment.wrongKey ? await alipay.forgersKey() : alipay.provider.privateKey;
  const facts = event.facts as Params;
  // A payout's message has its own time in it, `utc_timestamp`.
  const stamp = event.kind === 'payout' ? {} : { notify_time: toCst(Date.now()) };
  const signed = signParams({ ...facts, ...stamp, notify_id: event.eventId }, key);
  const sent = treatment.tamper ? { ...signed, ...tampered(signed) } : signed;
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams(sent).toString(),
  };
}

function tampered(signed: Params): Params {
  const { biz_content: content } = signed;
  if (content !== undefined) return { biz_content: content.replace('"status":"', '"status":"X') };
  return { total_amount: dearer(signed['total_amount']) };
}

function dearer(amount: string | undefined): string {
  return yuanFromFen((fenFromYuan(amount ?? '') ?? 0) + 100);
}
