import { randomUUID } from 'node:crypto';
import type { NotificationWire, Twist } from '../../gateway.js';
import type { EventFacts, NotificationEvent, RenderedMessage, SendTreatment } from '../../notify/events.js';
import type { Refund } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { base62 } from '../../values/random.js';
import { toRfc3339 } from '../../values/times.js';
import type { WechatAccount } from './account.js';
import { billState, transferResource } from './payouts.js';
import { refundEventType, refundResource } from './refunds.js';
import { transaction } from './trades.js';
import { encryptResource, signatureHeaders } from './wire.js';

const SECOND_MS = 1_000;

/** WeChat's fifteen re-sends over 24h4m: 15s, 15s, 30s, 3m, 10m, 20m, 30m x3, 60m, 3h x3, 6h x2. */
const RETRY_DELAYS_MS = [
  15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
].map((seconds) => seconds * SECOND_MS);

/** What the event keeps; the resource is encrypted anew for each delivery. */
interface WechatFacts extends EventFacts {
  readonly eventType: string;
  readonly originalType: 'transaction' | 'refund' | 'mch_payment';
  readonly summary: string;
  readonly resource: Readonly<Record<string, unknown>>;
}

const REFUND_SUMMARY: Readonly<Record<string, string>> = {
  'REFUND.SUCCESS': '退款成功',
  'REFUND.ABNORMAL': '退款异常',
  'REFUND.CLOSED': '退款关闭',
};

/** WeChat Pay's notifications: signed JSON with an encrypted resource, acknowledged by 200 or 204. */
export function wechatNotifications(wechat: WechatAccount): NotificationWire {
  return {
    retryDelaysMs: RETRY_DELAYS_MS,
    answerWithinMs: 5_000,
    newEventId: () => randomUUID(),
    facts: (trade, refund, twist) => facts(wechat, trade, refund, twist),
    tellsOfRefund: (_refund, _trade, asked) => asked ?? true,
    payouts: {
      providerStatus: billState,
      tellsOf: (payout, asked) => asked ?? payout.settledAt !== null,
      facts: (payout, twist): WechatFacts => ({
        eventType: 'MCHTRANSFER.BILL.FINISHED',
        originalType: 'mch_payment',
        summary: '商家转账单据终态通知',
        resource: transferResource(payout, merchantOf(wechat, twist).mchId),
      }),
    },
    render: (event, treatment) => render(wechat, event, treatment),
    acknowledges: (status) => status === 200 || status === 204,
  };
}

function facts(wechat: WechatAccount, trade: Trade, refund: Refund | null, twist: Twist): WechatFacts {
  const merchant = merchantOf(wechat, twist);
  if (refund) {
    const eventType = refundEventType(refund);
    return {
      eventType,
      originalType: 'refund',
      summary: REFUND_SUMMARY[eventType] ?? '',
      resource: refundResource(refund, trade, merchant.mchId),
    };
  }
  return {
    eventType: 'TRANSACTION.SUCCESS',
    originalType: 'transaction',
    summary: '支付成功',
    resource: transaction(trade, merchant),
  };
}

function merchantOf(wechat: WechatAccount, twist: Twist): Pick<WechatAccount, 'appId' | 'mchId'> {
  return twist.wrongMerchant ? { appId: 'wx0000000000000001', mchId: '1900000001' } : wechat;
}

async function render(
  wechat: WechatAccount,
  event: NotificationEvent,
  treatment: SendTreatment,
): Promise<RenderedMessage> {
  const { eventType, originalType, summary, resource } = event.facts as WechatFacts;
  const sealed = encryptResource(originalType, resource, wechat.apiV3Key);
  const text = (ciphertext: string | undefined): string =>
    JSON.stringify({
      id: event.eventId,
      create_time: toRfc3339(event.createdAt),
      resource_type: 'encrypt-resource',
      event_type: eventType,
      summary,
      resource: { ...sealed, ciphertext },
    });
  const body = text(sealed['ciphertext']);
  const key = treatment.wrongKey ? await wechat.forgersKey() : wechat.provider.privateKey;
  const headers = signatureHeaders(body, key, wechat);
  // The probe's remainder is no signature either, so that stripping the prefix does not help.
  if (treatment.signtest) headers['Wechatpay-Signature'] = `WECHATPAY/SIGNTEST/${base62(325)}`;
  return {
    headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Mozilla/4.0' },
    body: treatment.tamper ? text(flipped(sealed['ciphertext'] ?? '')) : body,
  };
}

/** The same length, one bit of the cipher text changed: what GCM's tag is there to find. */
function flipped(ciphertext: string): string {
  const bytes = Buffer.from(ciphertext, 'base64');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('base64');
}
