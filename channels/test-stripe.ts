/** Stripe in tests: a gateway on the loopback that says whatever a test wants, and events signed or forged. */
import { createHmac } from 'node:crypto';
import type { RawNotification } from './channel.js';
import { createStripe } from './stripe.js';
import { NO } from './test-gateways.js';
import { type Loopback, type LoopbackAnswer, startLoopback } from './test-support.js';

export const INTENT = 'pi_3QABCDEFGHIJKLMNOPQRSTUV';
export const SECRET = 'whsec_0123456789abcdef0123456789abcdef';

const SECRET_KEY = 'sk_test_0123456789abcdef';
const TIMEOUT_MS = 400;

const started: Loopback[] = [];

export async function stopStripes(): Promise<void> {
  await Promise.all(started.splice(0).map((gateway) => gateway.stop()));
}

export interface StripeAsked {
  /** Such as `POST /v1/refunds`, without the query. */
  call: string;
  /** The query's parameters, or the form's. */
  params: Record<string, string>;
  headers: Record<string, string | string[] | undefined>;
}

type Says = LoopbackAnswer | undefined;

/**
 * @param answers what each call is answered, by its name; one after another where several are given, and the last one
 * over and over
 */
export async function stripeThatHears(answers: Record<string, Says | Says[]>) {
  const asked: StripeAsked[] = [];
  const gateway = await startLoopback(({ method, url = '', headers }, body) => {
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
    const call = `${method ?? ''} ${pathname}`;
    const form = method === 'GET' ? searchParams : new URLSearchParams(body);
    asked.push({ call, params: Object.fromEntries(form), headers });
    if (!(call in answers)) throw new Error(`nobody expected ${call}`);
    const answer = answers[call];
    if (!Array.isArray(answer)) return answer;
    return answer.length > 1 ? answer.shift() : answer[0];
  });
  started.push(gateway);
  const stripe = createStripe({
    secretKey: SECRET_KEY,
    webhookSecret: SECRET,
    baseUrl: gateway.url,
    timeoutMs: TIMEOUT_MS,
  });
  return { stripe, asked, calls: () => asked.map(({ call }) => call) };
}

export function says(content: object, headers: Record<string, string> = {}): LoopbackAnswer {
  return { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(content) };
}

/** The same as before, by the same idempotency key. */
export const repeats = (content: object): LoopbackAnswer => says(content, { 'idempotent-replayed': 'true' });

export const listOf = (...data: object[]): LoopbackAnswer => says({ object: 'list', has_more: false, data });

export function refuses(
  status: number,
  error: { type?: string; code?: string; param?: string } = {},
): LoopbackAnswer {
  return { ...says({ error: { type: 'invalid_request_error', message: 'No.', ...error } }), status };
}

export function intent(changes: object = {}): object {
  return {
    id: INTENT,
    object: 'payment_intent',
    status: 'requires_action',
    amount: 1230,
    amount_received: 0,
    currency: 'cny',
    livemode: false,
    client_secret: `${INTENT}_secret_x`,
    metadata: { out_trade_no: NO },
    latest_charge: null,
    next_action: { wechat_pay_display_qr_code: { data: 'weixin://wxpay/bizpayurl?pr=x' } },
    ...changes,
  };
}

export const PAID = {
  status: 'succeeded',
  amount_received: 1230,
  next_action: null,
  latest_charge: { id: 'py_1', created: Date.parse('2026-11-24T12:00:02Z') / 1000 },
};

export interface EventChanges {
  type?: string;
  object?: object;
  /** Of the event itself. */
  event?: object;
  secret?: string;
  /** Seconds between the signature and its arrival; negative: signed before. */
  offsetS?: number;
  /** What is done to the signed text. */
  change?: (body: string) => string;
  header?: (header: string) => string;
}

export function signEvent(changes: EventChanges = {}): RawNotification {
  const receivedAt = new Date('2026-11-24T12:00:10Z');
  const body = JSON.stringify({
    id: 'evt_1',
    object: 'event',
    type: changes.type ?? 'payment_intent.succeeded',
    created: Date.parse('2026-11-24T12:00:02Z') / 1000,
    livemode: false,
    data: { object: changes.object ?? intent({ ...PAID, latest_charge: 'py_1' }) },
    ...changes.event,
  });
  const at = Math.floor(receivedAt.getTime() / 1000) + (changes.offsetS ?? 0);
  const v1 = createHmac('sha256', changes.secret ?? SECRET)
    .update(`${at}.${body}`)
    .digest('hex');
  const header = `t=${at},v1=${v1}`;
  return {
    body: Buffer.from(changes.change?.(body) ?? body),
    headers: { 'stripe-signature': changes.header?.(header) ?? header },
    receivedAt,
  };
}
