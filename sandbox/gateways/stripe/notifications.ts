import type { DisputeWire, NotificationWire, PayoutWire, Twist } from '../../gateway.js';
import type { EventFacts, NotificationEvent, RenderedMessage, SendTreatment } from '../../notify/events.js';
import type { Refund } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { base62 } from '../../values/random.js';
import type { StripeAccount } from './account.js';
import { chargeId, intentObject } from './intents.js';
import { refundObject } from './refunds.js';
import { isReversed, transferObject } from './transfers.js';
import { seconds, signatureHeader } from './wire.js';

const MINUTE_MS = 60_000;

/** Three days of ever longer pauses: Stripe says no more of its schedule than that. */
const RETRY_DELAYS_MS = [5, 15, 30, 60, 120, 240, 480, 720, 720, 720, 720].map(
  (minutes) => minutes * MINUTE_MS,
);

const API_VERSION = '2026-10-28.endive';
const SOMEBODY_ELSE = 'acct_0000000000000001';

/** What the event keeps: its whole text but for the id, which every delivery has in common. */
interface StripeFacts extends EventFacts {
  readonly type: string;
  readonly created: number;
  readonly account?: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/** Stripe's events: JSON with an HMAC over its bytes, acknowledged by any 2xx. */
export function stripeNotifications(stripe: StripeAccount): NotificationWire {
  return {
    retryDelaysMs: RETRY_DELAYS_MS,
    answerWithinMs: 10_000,
    newEventId: () => `evt_${base62(24)}`,
    facts: (trade, refund, twist) => facts(trade, refund, twist),
    tellsOfRefund: (_refund, _trade, asked) => asked ?? true,
    render: (event, treatment) => Promise.resolve(render(stripe, event, treatment)),
    acknowledges: (status) => status >= 200 && status < 300,
    payouts,
    disputes,
  };
}

function facts(trade: Trade, refund: Refund | null, twist: Twist): StripeFacts {
  if (refund) {
    const type = refund.status === 'succeeded' ? 'refund.updated' : 'refund.failed';
    return told(type, refund.settledAt ?? refund.createdAt, refundObject(refund, trade), twist);
  }
  return told('payment_intent.succeeded', trade.paidAt ?? trade.createdAt, intentObject(trade), twist);
}

const payouts: PayoutWire = {
  providerStatus: (payout) => (isReversed(payout) ? 'reversed' : 'created'),
  tellsOf: (_payout, asked) => asked ?? true,
  facts: (payout, twist) =>
    told(
      isReversed(payout) ? 'transfer.reversed' : 'transfer.created',
      payout.updatedAt,
      transferObject(payout),
      twist,
    ),
};

const DISPUTE_STATUS = { opened: 'needs_response', won: 'won', lost: 'lost' } as const;

const disputes: DisputeWire = {
  newDisputeNo: () => `dp_${base62(24)}`,
  facts: (dispute, twist) => {
    const { disputeNo, tradeNo, amount, reason, status, createdAt, closedAt } = dispute;
    const type = status === 'opened' ? 'charge.dispute.created' : 'charge.dispute.closed';
    const object = {
      id: disputeNo,
      object: 'dispute',
      amount,
      charge: chargeId(dispute),
      created: seconds(createdAt),
      currency: 'cny',
      livemode: false,
      metadata: {},
      payment_intent: tradeNo,
      reason,
      status: DISPUTE_STATUS[status],
    };
    return told(type, closedAt ?? createdAt, object, twist);
  },
};

function told(
  type: string,
  at: number,
  object: StripeFacts['object'],
  { wrongMerchant }: Twist,
): StripeFacts {
  return { type, created: seconds(at), object, ...(wrongMerchant && { account: SOMEBODY_ELSE }) };
}

function render(stripe: StripeAccount, event: NotificationEvent, treatment: SendTreatment): RenderedMessage {
  const { object, ...known } = event.facts as StripeFacts;
  const body = JSON.stringify({
    id: event.eventId,
    object: 'event',
    api_version: API_VERSION,
    ...known,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
  });
  const secret = treatment.wrongKey ? `whsec_${base62(32)}` : stripe.webhookSecret;
  return {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': signatureHeader(body, secret),
    },
    // One more zero at the first amount: what somebody on the way would change.
    body: treatment.tamper ? body.replace(/"amount":\d+/, (amount) => `${amount}0`) : body,
  };
}
