/**
 * Stripe: payments by PaymentIntent, which its payers pay with WeChat Pay (qr), Alipay (page, h5) or whatever the
 * account offers in Stripe's mobile SDK (app). Stripe has numbers of its own; ours travel as metadata.
 */
import type { Stripe } from 'stripe';
import type { ByScene, Scene } from '../domain/order.js';
import type { Attempt, Channel, Credential, KnownAttempt, TradeState } from './channel.js';
import { channelRefused, missingField, unknownOutcome, wayOf } from './provider-errors.js';
import { bill } from './stripe-bill.js';
import { type StripeClient, type StripeConfig, createStripeClient } from './stripe-client.js';
import { type Intent, intentSchema, toMerchant, toPayment } from './stripe-intent.js';
import { verifyStripeNotification } from './stripe-notification.js';
import { payout, queryPayout } from './stripe-payout.js';
import { queryRefund, refund } from './stripe-refund.js';
import { findIntent } from './stripe-search.js';
import { cutText } from './text.js';

export type { StripeConfig } from './stripe-client.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
// What the payer is shown is WeChat's or Alipay's own, and is asked for again as often as theirs would be.
const CREDENTIAL_LIVES_MS = 115 * MINUTE_MS;
// Stripe keeps an idempotency key for 24 h at least, from its first use, which is after the attempt was made.
const KEY_IS_KEPT_MS = 23 * HOUR_MS;
const LONGEST_DESCRIPTION = 127;

/** @throws HoldfastError `channel_not_configured` */
export function createStripe(config: StripeConfig): Channel {
  const client = createStripeClient(config);
  return {
    name: 'stripe',
    merchant: toMerchant(client.live),
    scenes: ['qr', 'page', 'h5', 'app'],
    // The only one that needs neither an address to come back to nor an app.
    defaultScene: 'qr',
    // A client secret lives as long as its intent; it is asked for again with the others, which costs nothing.
    credentialLivesMs: () => CREDENTIAL_LIVES_MS,
    create: (attempt) => create(client, attempt),
    query: (attempt) => query(client, attempt),
    canClose: (scene) => scene !== 'jsapi',
    close: (attempt) => close(client, attempt),
    refund: (request) => refund(client, request),
    queryRefund: (request) => queryRefund(client, request),
    payout: (request) => payout(client, request),
    queryPayout: (request) => queryPayout(client, request),
    bill: (date) => bill(client, date),
    verifyNotification: (raw) => verifyStripeNotification(client, raw),
    acknowledgement: {
      success: { status: 200, contentType: 'application/json', body: '{"received":true}' },
      // Anything but 2xx is sent again.
      failure: { status: 400, contentType: 'application/json', body: '{"received":false}' },
    },
  };
}

type ConfirmParams = Pick<
  Stripe.PaymentIntentConfirmParams,
  'payment_method_data' | 'payment_method_options' | 'return_url'
>;

/** How a scene is opened: the methods that it offers, and how one of them is chosen for the payer at once. */
interface Way {
  methods: Pick<
    Stripe.PaymentIntentCreateParams,
    'allowed_payment_method_types' | 'automatic_payment_methods'
  >;
  /** Undefined: the payer chooses, on the device. */
  confirm?: ConfirmParams;
}

const WAYS: ByScene<(attempt: Attempt) => Way> = {
  qr: () => ({
    methods: { allowed_payment_method_types: ['wechat_pay'] },
    confirm: {
      payment_method_data: { type: 'wechat_pay' },
      payment_method_options: { wechat_pay: { client: 'web' } },
    },
  }),
  page: toAlipay,
  h5: toAlipay,
  app: () => ({ methods: { automatic_payment_methods: { enabled: true } } }),
};

function toAlipay({ scene, returnUrl }: Attempt): Way {
  if (!returnUrl) throw missingField('stripe', scene, 'returnUrl');
  return {
    methods: { allowed_payment_method_types: ['alipay'] },
    confirm: { payment_method_data: { type: 'alipay' }, return_url: returnUrl },
  };
}

async function create(client: StripeClient, attempt: Attempt): Promise<Credential> {
  const way = wayOf('stripe', WAYS, attempt.scene)(attempt);
  const intent = await open(client, attempt, way);
  if (intent.amount !== attempt.amountFen || intent.currency !== 'cny') {
    throw unknownOutcome({ ...CREATE, providerMessage: 'the intent of this number has another amount' });
  }
  switch (intent.status) {
    case 'canceled':
      throw channelRefused({ ...CREATE, providerCode: intent.status });
    // Paid already, or nearly so: it is to be asked for.
    case 'succeeded':
    case 'processing':
      throw unknownOutcome({ ...CREATE, providerCode: intent.status });
    // The code or link that the payer had has run out, or the payer's account said no.
    case 'requires_payment_method':
      return toCredential(attempt.scene, way.confirm ? await confirm(client, intent, way.confirm) : intent);
    default:
      return toCredential(attempt.scene, intent);
  }
}

const CREATE = { channel: 'stripe', operation: 'paymentIntents.create' } as const;

/**
 * The attempt's one intent, as it stands now. The same idempotency key opens no second one while Stripe remembers it;
 * what is older than that memory, Stripe's search has had the time to find.
 */
async function open(client: StripeClient, attempt: Attempt, way: Way): Promise<Intent> {
  const { outTradeNo, createdAt } = attempt;
  const isForgotten = Date.now() - createdAt.getTime() > KEY_IS_KEPT_MS;
  const known = isForgotten || attempt.credential !== null ? await locate(client, attempt) : undefined;
  if (known !== undefined) return known;
  const answer = await client.call(CREATE.operation, intentSchema, (api) =>
    api.paymentIntents.create(toOrder(attempt, way), { idempotencyKey: `pay-${outTradeNo}` }),
  );
  if (!answer.ok) throw channelRefused(answer.refusal);
  return answer.replayed ? retrieve(client, outTradeNo, answer.body.id) : answer.body;
}

function toOrder(attempt: Attempt, { methods, confirm }: Way): Stripe.PaymentIntentCreateParams {
  return {
    amount: attempt.amountFen,
    currency: 'cny',
    description: cutText(attempt.subject, LONGEST_DESCRIPTION),
    // Stripe posts its events to the account's own endpoint. Where the account has none for itself, as in the
    // sandbox, this address says which installation the payment is of.
    metadata: { out_trade_no: attempt.outTradeNo, notify_url: attempt.notifyUrl },
    ...methods,
    ...(confirm && { confirm: true, ...confirm }),
  };
}

async function confirm(client: StripeClient, { id }: Intent, params: ConfirmParams): Promise<Intent> {
  const answer = await client.call('paymentIntents.confirm', intentSchema, (api) =>
    api.paymentIntents.confirm(id, params),
  );
  // Another call may have confirmed or cancelled it meanwhile: what it is, the next one finds out.
  if (!answer.ok) throw unknownOutcome(answer.refusal);
  return answer.body;
}

function toCredential(scene: Scene, { id, client_secret, next_action }: Intent): Credential {
  const missing = (): never => {
    throw unknownOutcome({ ...CREATE, providerMessage: 'the intent holds nothing for the payer' });
  };
  if (scene === 'qr') {
    return { paymentIntent: id, qrCode: next_action?.wechat_pay_display_qr_code?.data ?? missing() };
  }
  if (scene === 'app') return { paymentIntent: id, clientSecret: client_secret ?? missing() };
  const way = next_action?.alipay_handle_redirect ?? next_action?.redirect_to_url;
  return { paymentIntent: id, url: way?.url ?? missing() };
}

/** @throws HoldfastError `channel_unknown_outcome`, also when there is none: what was there once does not go away */
async function retrieve(client: StripeClient, outTradeNo: string, id: string): Promise<Intent> {
  const operation = 'paymentIntents.retrieve';
  const answer = await client.call(operation, intentSchema, (api) =>
    api.paymentIntents.retrieve(id, { expand: ['latest_charge'] }),
  );
  if (!answer.ok) throw unknownOutcome(answer.refusal);
  const { metadata, livemode } = answer.body;
  if (answer.body.id !== id || metadata['out_trade_no'] !== outTradeNo || livemode !== client.live) {
    throw unknownOutcome({
      channel: 'stripe',
      operation,
      providerMessage: 'the answer is about another intent',
    });
  }
  return answer.body;
}

/** The attempt's intent: by what its payer was given, or by a search where no answer ever told us its number. */
async function locate(
  client: StripeClient,
  { outTradeNo, credential }: KnownAttempt,
): Promise<Intent | undefined> {
  const id = credential?.['paymentIntent'] ?? (await findIntent(client, outTradeNo));
  return id === undefined ? undefined : retrieve(client, outTradeNo, id);
}

async function query(client: StripeClient, attempt: KnownAttempt): Promise<TradeState> {
  const intent = await locate(client, attempt);
  // The call that opens it may still be on its way; nobody can pay what nobody was given.
  return intent === undefined ? { state: 'unpaid' } : toState(intent);
}

function toState(intent: Intent): TradeState {
  switch (intent.status) {
    case 'succeeded': {
      const payment = toPayment(intent);
      if (payment === undefined) {
        throw unknownOutcome({
          channel: 'stripe',
          operation: 'paymentIntents.retrieve',
          providerCode: intent.status,
        });
      }
      return { state: 'paid', payment };
    }
    case 'canceled':
      return { state: 'closed' };
    case 'requires_payment_method':
    case 'requires_confirmation':
    case 'requires_action':
    case 'processing':
      return { state: 'unpaid' };
    default:
      return { state: 'unknown', providerStatus: intent.status };
  }
}

async function close(client: StripeClient, attempt: KnownAttempt): Promise<TradeState> {
  const intent = await locate(client, attempt);
  if (intent === undefined) return { state: 'unpaid' };
  const answer = await client.call('paymentIntents.cancel', intentSchema, (api) =>
    api.paymentIntents.cancel(intent.id, { cancellation_reason: 'abandoned' }),
  );
  if (answer.ok) return toState(answer.body);
  // Paid, under way or cancelled before: what it is, it says itself.
  if (answer.refusal.providerCode === 'payment_intent_unexpected_state') {
    return toState(await retrieve(client, attempt.outTradeNo, intent.id));
  }
  throw unknownOutcome(answer.refusal);
}
