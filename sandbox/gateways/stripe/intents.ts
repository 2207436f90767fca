import { z } from 'zod';
import type { GatewayContext } from '../../gateway.js';
import type { Trade } from '../../state/trades.js';
import { parsedJson } from '../../values/json.js';
import { base62 } from '../../values/random.js';
import {
  amount,
  created,
  currency,
  expand,
  isWithin,
  metadata,
  notifyUrlIn,
  page,
  type Metadata,
} from './params.js';
import { missing, ok, StripeRefusal, type StripeAnswer } from './refusal.js';
import { pageOf, readParams, seconds } from './wire.js';

/** An intent has no end of its own: it waits until somebody cancels it. */
export const TRADE_LIFE_MS = 10 * 365 * 86_400_000;

// A search shows what is a minute old, where nothing is wrong; a list shows everything.
const SEARCH_LAGS_MS = 60_000;

const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2_048);
const confirmation = {
  payment_method_data: z.strictObject({ type: z.enum(['alipay', 'wechat_pay']) }).optional(),
  payment_method_options: z
    .strictObject({ wechat_pay: z.strictObject({ client: z.enum(['web', 'ios', 'android']) }).optional() })
    .optional(),
  return_url: url.optional(),
};
const order = z.strictObject({
  amount,
  currency,
  description: z.string().max(1_000).optional(),
  metadata,
  allowed_payment_method_types: z.array(z.enum(['alipay', 'wechat_pay', 'card'])).optional(),
  automatic_payment_methods: z.strictObject({ enabled: z.literal('true') }).optional(),
  confirm: z.enum(['true', 'false']).optional(),
  expand,
  ...confirmation,
});
type Order = z.infer<typeof order>;
type Confirmation = Pick<Order, 'payment_method_data' | 'payment_method_options' | 'return_url'>;

const PATH = '/v1/payment_intents';
const asked = z.object({ metadata: z.record(z.string(), z.string()), methods: z.array(z.string()) });

/** POST /v1/payment_intents */
export function create(context: GatewayContext, params: unknown): StripeAnswer {
  const biz = readParams(params, order);
  const methods = biz.allowed_payment_method_types ?? ['card', 'alipay', 'wechat_pay'];
  const tradeNo = newIntentId();
  const way = biz.confirm === 'true' ? next(context, tradeNo, biz) : {};
  const wanted = biz.metadata['out_trade_no'];
  // A second intent with the same metadata is no error there, so it is none here: it goes by its own number.
  const isFree = wanted !== undefined && context.trades.find('stripe', wanted) === null;
  const trade = context.trades.open({
    channel: 'stripe',
    tradeNo,
    outTradeNo: isFree ? wanted : tradeNo,
    scene:
      biz.allowed_payment_method_types?.[0] === 'wechat_pay' ? 'qr' : biz.confirm === 'true' ? 'page' : 'app',
    amount: biz.amount,
    subject: biz.description ?? '',
    body: null,
    attach: null,
    buyer: null,
    notifyUrl: notifyUrlIn(biz.metadata),
    returnUrl: biz.return_url ?? null,
    expiresAt: context.now() + TRADE_LIFE_MS,
    request: JSON.stringify({ metadata: biz.metadata, methods } satisfies z.infer<typeof asked>),
    credential: { clientSecret: `${tradeNo}_secret_${base62(25)}`, ...way },
  });
  return ok(intentObject(trade));
}

export const newIntentId = (): string => `pi_${base62(24)}`;

/** GET /v1/payment_intents/{id} */
export function retrieve(context: GatewayContext, id: string, query: unknown): StripeAnswer {
  const { expand: wanted } = readParams(
    query,
    z.strictObject({ expand, client_secret: z.string().optional() }),
  );
  return ok(intentObject(namedIntent(context, id), wanted.includes('latest_charge')));
}

/** GET /v1/payment_intents */
export function list(context: GatewayContext, query: unknown): StripeAnswer {
  const biz = readParams(query, z.strictObject({ ...page, created }));
  const found = intentsOf(context).filter((trade) => isWithin(seconds(trade.createdAt), biz.created));
  return pageOf(
    PATH,
    found.map((trade) => intentObject(trade)),
    biz,
  );
}

/** GET /v1/payment_intents/search: by one field of the metadata, which is all that anybody here asks for. */
export function search(context: GatewayContext, query: unknown): StripeAnswer {
  const biz = readParams(
    query,
    z.strictObject({ query: z.string(), limit: page.limit, page: z.string().optional() }),
  );
  const [, name, value] = /^\s*metadata\[["'](\w+)["']\]\s*:\s*["'](.*)["']\s*$/.exec(biz.query) ?? [];
  if (name === undefined) {
    throw new StripeRefusal(
      400,
      'The sandbox searches for one field of the metadata: metadata["key"]:"value"',
      {
        param: 'query',
      },
    );
  }
  const found = intentsOf(context)
    .filter((trade) => trade.createdAt <= context.now() - SEARCH_LAGS_MS)
    .map((trade) => intentObject(trade))
    .filter((intent) => intent.metadata[name] === value)
    .slice(0, biz.limit ?? 10);
  return ok({
    object: 'search_result',
    url: `${PATH}/search`,
    has_more: false,
    next_page: null,
    data: found,
  });
}

/** POST /v1/payment_intents/{id}/confirm: gives the payer another way to pay. */
export function confirm(context: GatewayContext, id: string, params: unknown): StripeAnswer {
  const biz = readParams(params, z.strictObject({ ...confirmation, expand }));
  let trade = namedIntent(context, id);
  if (trade.status === 'failed') trade = context.trades.reopen(trade);
  if (trade.status !== 'unpaid') throw wrongState(trade, 'confirm');
  if (biz.return_url !== undefined) trade = context.trades.returnTo(trade, biz.return_url);
  const { clientSecret = '' } = trade.credential;
  const way = next(context, trade.tradeNo, biz);
  return ok(intentObject(context.trades.renewCredential(trade, { clientSecret, ...way })));
}

/** POST /v1/payment_intents/{id}/cancel */
export function cancel(context: GatewayContext, id: string, params: unknown): StripeAnswer {
  readParams(params, z.strictObject({ cancellation_reason: z.string().optional(), expand }));
  let trade = namedIntent(context, id);
  if (trade.status === 'failed') trade = context.trades.reopen(trade);
  if (trade.status !== 'unpaid') throw wrongState(trade, 'cancel');
  return ok(intentObject(context.trades.close(trade)));
}

/** @throws StripeRefusal 404 `resource_missing` */
export function namedIntent(context: GatewayContext, id: string, param = 'intent'): Trade {
  const trade = context.trades.findByTradeNo('stripe', id);
  if (!trade) throw missing('payment_intent', id, param);
  return trade;
}

/** Newest first. */
function intentsOf(context: GatewayContext): Trade[] {
  return context.trades.list(({ channel }) => channel === 'stripe');
}

function wrongState(trade: Trade, act: string): StripeRefusal {
  return new StripeRefusal(
    400,
    `You cannot ${act} this PaymentIntent because it has a status of ${intentStatus(trade)}.`,
    { code: 'payment_intent_unexpected_state', executed: true },
  );
}

/** What the payer's device is shown. */
function next(
  context: GatewayContext,
  tradeNo: string,
  { payment_method_data: data, payment_method_options: options, return_url: back }: Confirmation,
): Record<string, string> {
  if (data === undefined) {
    throw new StripeRefusal(
      400,
      'You cannot confirm this PaymentIntent because it’s missing a payment method.',
      { code: 'payment_intent_unexpected_state' },
    );
  }
  if (data.type === 'wechat_pay') {
    if (options?.wechat_pay) return { qrCode: `weixin://wxpay/bizpayurl?pr=${base62(9)}zz` };
    throw new StripeRefusal(400, 'Missing required param: payment_method_options[wechat_pay][client].', {
      code: 'parameter_missing',
      param: 'payment_method_options[wechat_pay][client]',
    });
  }
  if (back === undefined) {
    throw new StripeRefusal(400, 'A `return_url` must be specified for this payment method.', {
      code: 'parameter_missing',
      param: 'return_url',
    });
  }
  return { url: `${context.baseUrl}/authorize/${tradeNo}?nonce=${base62(16)}` };
}

/** Stripe's word for how the trade stands. */
export function intentStatus(trade: Trade): string {
  const { qrCode, url: way } = trade.credential;
  const words = {
    unpaid: (qrCode ?? way) === undefined ? 'requires_payment_method' : 'requires_action',
    failed: 'requires_payment_method',
    paid: 'succeeded',
    refunded: 'succeeded',
    closed: 'canceled',
  } as const satisfies Record<Trade['status'], string>;
  return words[trade.status];
}

/** The metadata as they were given. The number is the trade's own, which a fault may have made a wrong one. */
export function metadataOf(trade: Trade): Metadata {
  const given = asked.safeParse(parsedJson(trade.request)).data?.metadata ?? {};
  return trade.outTradeNo === trade.tradeNo ? given : { ...given, out_trade_no: trade.outTradeNo };
}

export const chargeId = ({ tradeNo }: Pick<Trade, 'tradeNo'>): string => tradeNo.replace(/^pi_/, 'py_');

/** The PaymentIntent: what calls answer and what an event holds. */
export function intentObject(trade: Trade, withCharge = false) {
  const paid = trade.paidAmount !== null;
  const { qrCode, url: way, clientSecret = null } = trade.credential;
  const methods = asked.safeParse(parsedJson(trade.request)).data?.methods ?? ['card'];
  const action = trade.status === 'unpaid';
  return {
    id: trade.tradeNo,
    object: 'payment_intent',
    amount: trade.amount,
    amount_received: trade.paidAmount ?? 0,
    canceled_at: trade.closedAt === null ? null : seconds(trade.closedAt),
    client_secret: clientSecret,
    confirmation_method: 'automatic',
    capture_method: 'automatic',
    created: seconds(trade.createdAt),
    currency: 'cny',
    customer: null,
    description: trade.subject,
    last_payment_error:
      trade.status === 'failed' ? { type: 'card_error', code: 'payment_method_provider_decline' } : null,
    latest_charge: paid ? (withCharge ? chargeObject(trade) : chargeId(trade)) : null,
    livemode: false,
    metadata: metadataOf(trade),
    next_action: action ? nextAction(trade, qrCode, way) : null,
    payment_method_types: methods,
    status: intentStatus(trade),
  };
}

function nextAction(trade: Trade, qrCode: string | undefined, way: string | undefined): object | null {
  if (qrCode !== undefined) {
    return {
      type: 'wechat_pay_display_qr_code',
      wechat_pay_display_qr_code: { data: qrCode, hosted_instructions_url: null },
    };
  }
  if (way === undefined) return null;
  const handle = { url: way, return_url: trade.returnUrl, native_data: null, native_url: null };
  return { type: 'alipay_handle_redirect', alipay_handle_redirect: handle };
}

/** What a paid intent came to. */
export function chargeObject(trade: Trade): Readonly<Record<string, unknown>> {
  return {
    id: chargeId(trade),
    object: 'charge',
    amount: trade.paidAmount ?? trade.amount,
    amount_refunded: trade.refundedAmount,
    created: seconds(trade.paidAt ?? trade.createdAt),
    currency: 'cny',
    livemode: false,
    metadata: metadataOf(trade),
    paid: true,
    payment_intent: trade.tradeNo,
    refunded: trade.status === 'refunded',
    status: 'succeeded',
  };
}
