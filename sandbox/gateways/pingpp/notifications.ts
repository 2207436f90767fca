import type { GatewayContext, NotificationWire, Twist } from '../../gateway.js';
import type { EventFacts, NotificationEvent, RenderedMessage, SendTreatment } from '../../notify/events.js';
import type { Refund } from '../../state/refunds.js';
import type { Trade } from '../../state/trades.js';
import { base62 } from '../../values/random.js';
import type { PingppAccount } from './account.js';
import { charge } from './charges.js';
import { refundObject } from './refund-object.js';
import { payoutWire } from './transfers.js';
import { signature, toSecond } from './wire.js';

const SECOND_MS = 1_000;

/** Ping++'s ten re-sends over 25 h: 5s, 10s, 2m, 5m, 10m, 30m, 1h, 2h, 6h, 15h. */
const RETRY_DELAYS_MS = [5, 10, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 54_000].map(
  (seconds) => seconds * SECOND_MS,
);

/** What the event keeps; nothing of it changes over its deliveries. */
interface PingppFacts extends EventFacts {
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>>;
  readonly request: string;
}

const newRequestId = (): string => `iar_${base62(24)}`;

/** Ping++'s events: JSON signed in a header, acknowledged by any 2xx. */
export function pingppNotifications(context: GatewayContext, pingpp: PingppAccount): NotificationWire {
  return {
    retryDelaysMs: RETRY_DELAYS_MS,
    answerWithinMs: 5_000,
    newEventId: () => `evt_${base62(24)}`,
    facts: (trade, refund, twist) => facts(context, pingpp, trade, refund, twist),
    // A refund that fails is told of only when a control call says so: Ping++ lists no event for it.
    tellsOfRefund: (refund, _trade, asked) => asked ?? refund.status === 'succeeded',
    payouts: payoutWire(pingpp, newRequestId),
    render: (event, treatment) => render(pingpp, event, treatment),
    acknowledges: (status) => status >= 200 && status < 300,
  };
}

function facts(
  context: GatewayContext,
  pingpp: PingppAccount,
  trade: Trade,
  refund: Refund | null,
  twist: Twist,
): PingppFacts {
  const request = newRequestId();
  if (refund) {
    const type = refund.status === 'succeeded' ? 'refund.succeeded' : 'refund.failed';
    return { type, object: { ...refundObject(refund), charge_order_no: trade.outTradeNo }, request };
  }
  const appId = twist.wrongMerchant ? 'app_0000000000000001' : pingpp.appId;
  return { type: 'charge.succeeded', object: charge(context, trade, appId), request };
}

async function render(
  pingpp: PingppAccount,
  event: NotificationEvent,
  treatment: SendTreatment,
): Promise<RenderedMessage> {
  const { type, object, request } = event.facts as PingppFacts;
  const body = JSON.stringify({
    id: event.eventId,
    created: toSecond(event.createdAt),
    livemode: false,
    type,
    data: { object },
    object: 'event',
    pending_webhooks: 0,
    request,
  });
  const key = treatment.wrongKey ? await pingpp.forgersKey() : pingpp.provider.privateKey;
  return {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'x-pingplusplus-signature': signature(body, key),
      'user-agent': 'Pingplusplus',
    },
    body: treatment.tamper ? dearer(body) : body,
  };
}

/** The same event over another amount, under the signature of the true one. */
function dearer(body: string): string {
  return body.replace(/"amount":(\d+)/, (_all, amount: string) => `"amount":${Number(amount) + 100}`);
}
