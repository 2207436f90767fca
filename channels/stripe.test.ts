import { afterEach, describe, expect, it } from 'vitest';
import type { Scene } from '../domain/order.js';
import { createStripe } from './stripe.js';
import { NO } from './test-gateways.js';
import {
  INTENT,
  PAID,
  intent,
  listOf,
  refuses,
  repeats,
  says,
  stopStripes,
  stripeThatHears,
} from './test-stripe.js';
import { failureOf, makeAttempt, makeKnown, type LoopbackAnswer } from './test-support.js';

const CREATE = 'POST /v1/payment_intents';
const RETRIEVE = `GET /v1/payment_intents/${INTENT}`;
const CANCEL = `POST /v1/payment_intents/${INTENT}/cancel`;
const CONFIRM = `POST /v1/payment_intents/${INTENT}/confirm`;
const SEARCH = 'GET /v1/payment_intents/search';
const DAY_MS = 24 * 3_600_000;
const KNOWN = makeKnown(NO, { paymentIntent: INTENT, qrCode: 'x' });
const UNKNOWN = { code: 'channel_unknown_outcome', details: { channel: 'stripe' } };

afterEach(stopStripes);

const toAlipay = intent({ next_action: { alipay_handle_redirect: { url: 'https://pay.example/x' } } });
const forSdk = intent({ status: 'requires_payment_method', next_action: null });

describe('stripe: what is asked for', () => {
  const common = {
    amount: '1230',
    currency: 'cny',
    description: '一小时设计咨询',
    'metadata[out_trade_no]': NO,
    'metadata[notify_url]': 'http://127.0.0.1:9/webhooks/any',
  };
  const alipay = {
    'allowed_payment_method_types[0]': 'alipay',
    'payment_method_data[type]': 'alipay',
    return_url: 'https://shop.example/done',
    confirm: 'true',
  };

  it.each<[Scene, object, object, object]>([
    [
      'qr',
      intent(),
      {
        'allowed_payment_method_types[0]': 'wechat_pay',
        'payment_method_data[type]': 'wechat_pay',
        'payment_method_options[wechat_pay][client]': 'web',
        confirm: 'true',
      },
      { paymentIntent: INTENT, qrCode: 'weixin://wxpay/bizpayurl?pr=x' },
    ],
    ['page', toAlipay, alipay, { paymentIntent: INTENT, url: 'https://pay.example/x' }],
    ['h5', toAlipay, alipay, { paymentIntent: INTENT, url: 'https://pay.example/x' }],
    [
      'app',
      forSdk,
      { 'automatic_payment_methods[enabled]': 'true' },
      { paymentIntent: INTENT, clientSecret: `${INTENT}_secret_x` },
    ],
  ])('%s', async (scene, answer, asks, credential) => {
    const { stripe, asked } = await stripeThatHears({ [CREATE]: says(answer) });
    const attempt = makeAttempt(scene, { returnUrl: 'https://shop.example/done' });
    expect(await stripe.create(attempt)).toEqual(credential);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.params).toEqual({ ...common, ...asks });
    expect(asked[0]?.headers).toMatchObject({
      authorization: 'Bearer sk_test_0123456789abcdef',
      'idempotency-key': `pay-${NO}`,
    });
    // Nothing of how long our calls take goes to Stripe.
    expect(asked[0]?.headers).not.toHaveProperty('x-stripe-client-telemetry');
  });

  it('needs an address to come back to for page and h5, and has no jsapi', async () => {
    const { stripe } = await stripeThatHears({});
    for (const scene of ['page', 'h5'] as const) {
      expect(await failureOf(() => stripe.create(makeAttempt(scene)))).toMatchObject({
        code: 'invalid_request',
        details: { path: 'returnUrl' },
      });
    }
    expect((await failureOf(() => stripe.create(makeAttempt('jsapi')))).code).toBe('scene_not_supported');
  });

  it.each([
    ['a key of no kind', { secretKey: 'pk_test_1' }],
    ['a webhook secret of no kind', { webhookSecret: 'secret' }],
    ['a base URL with a path', { baseUrl: 'https://api.stripe.com/v1' }],
  ])('refuses to start with %s', (_title, change) => {
    const config = { secretKey: 'sk_live_1', webhookSecret: 'whsec_1', baseUrl: 'https://api.stripe.com' };
    expect(createStripe(config).merchant).toBe('stripe/live');
    expect(() => createStripe({ ...config, ...change })).toThrow(/^stripe: /);
  });
});

describe('stripe: M4: one intent for one attempt', () => {
  it('takes it as it stands now when Stripe only repeats its first answer', async () => {
    const fresh = intent({ next_action: { wechat_pay_display_qr_code: { data: 'fresh' } } });
    const { stripe, calls } = await stripeThatHears({ [CREATE]: repeats(intent()), [RETRIEVE]: says(fresh) });
    expect(await stripe.create(makeAttempt('qr'))).toMatchObject({ qrCode: 'fresh' });
    expect(calls()).toEqual([CREATE, RETRIEVE]);
  });

  it('asks for it by its number where that is known', async () => {
    const { stripe, calls } = await stripeThatHears({ [RETRIEVE]: says(intent()) });
    await stripe.create(makeAttempt('qr', { credential: KNOWN.credential }));
    expect(calls()).toEqual([RETRIEVE]);
  });

  it('searches for it once the key may be forgotten, and only opens one that is not there', async () => {
    const attempt = makeAttempt('qr', { createdAt: new Date(Date.now() - DAY_MS) });
    const found = await stripeThatHears({ [SEARCH]: listOf(intent()), [RETRIEVE]: says(intent()) });
    await found.stripe.create(attempt);
    expect(found.calls()).toEqual([SEARCH, RETRIEVE]);
    expect(found.asked[0]?.params).toMatchObject({ query: `metadata["out_trade_no"]:"${NO}"` });
    const other = intent({ metadata: { out_trade_no: 'other' } });
    const none = await stripeThatHears({ [SEARCH]: listOf(other), [CREATE]: says(intent()) });
    await none.stripe.create(attempt);
    expect(none.calls()).toEqual([SEARCH, CREATE]);
  });

  it('confirms it again when the payer’s code has run out', async () => {
    const { stripe, asked } = await stripeThatHears({
      [CREATE]: repeats(intent()),
      [RETRIEVE]: says(forSdk),
      [CONFIRM]: says(intent({ next_action: { wechat_pay_display_qr_code: { data: 'fresh' } } })),
    });
    expect(await stripe.create(makeAttempt('qr'))).toMatchObject({ qrCode: 'fresh' });
    expect(asked.at(-1)?.params).toEqual({
      'payment_method_data[type]': 'wechat_pay',
      'payment_method_options[wechat_pay][client]': 'web',
    });
  });

  it.each([
    ['cancelled', { status: 'canceled' }, 'channel_refused'],
    ['paid', PAID, 'channel_unknown_outcome'],
    ['being paid', { status: 'processing' }, 'channel_unknown_outcome'],
    ['of another amount', { amount: 1231 }, 'channel_unknown_outcome'],
    ['in another currency', { currency: 'usd' }, 'channel_unknown_outcome'],
    ['without a code', { next_action: null }, 'channel_unknown_outcome'],
  ])('is no credential when it is %s', async (_title, change, code) => {
    const { stripe } = await stripeThatHears({ [CREATE]: says(intent(change)) });
    expect((await failureOf(() => stripe.create(makeAttempt('qr')))).code).toBe(code);
  });

  it.each([
    ['a wrong parameter', refuses(400, { code: 'parameter_invalid', param: 'amount' }), 'channel_refused'],
    ['another payment under its key', refuses(400, { type: 'idempotency_error' }), 'channel_refused'],
    ['a card that is refused', refuses(402, { type: 'card_error' }), 'channel_refused'],
    ['a key under way', refuses(409, { type: 'idempotency_error' }), 'channel_unknown_outcome'],
    ['too many calls', refuses(429), 'channel_unknown_outcome'],
    ['a server error', refuses(500, { type: 'api_error' }), 'channel_unknown_outcome'],
  ])('%s is told apart', async (_title, answer, code) => {
    const { stripe, calls } = await stripeThatHears({ [CREATE]: answer });
    expect((await failureOf(() => stripe.create(makeAttempt('qr')))).code).toBe(code);
    expect(calls()).toEqual([CREATE]);
  });
});

const STATES: [string, object, object][] = [
  ['requires_payment_method', {}, { state: 'unpaid' }],
  ['requires_confirmation', {}, { state: 'unpaid' }],
  ['requires_action', {}, { state: 'unpaid' }],
  ['processing', {}, { state: 'unpaid' }],
  ['canceled', {}, { state: 'closed' }],
  ['requires_capture', {}, { state: 'unknown', providerStatus: 'requires_capture' }],
  ['a_new_word', {}, { state: 'unknown', providerStatus: 'a_new_word' }],
  ['constructor', {}, { state: 'unknown', providerStatus: 'constructor' }],
  [
    'succeeded',
    PAID,
    {
      state: 'paid',
      payment: {
        outTradeNo: NO,
        providerTradeNo: INTENT,
        amountFen: 1230,
        currency: 'CNY',
        merchant: 'stripe/test',
        paidAt: new Date('2026-11-24T12:00:02Z'),
      },
    },
  ],
];

describe('stripe: what a query means', () => {
  it.each(STATES)('%s', async (status, more, state) => {
    const { stripe, asked } = await stripeThatHears({ [RETRIEVE]: says(intent({ status, ...more })) });
    expect(await stripe.query(KNOWN)).toEqual(state);
    expect(asked[0]?.params).toEqual({ 'expand[0]': 'latest_charge' });
  });

  it('W3: tells what was paid, in the currency that it was paid in', async () => {
    const { stripe } = await stripeThatHears({
      [RETRIEVE]: says(intent({ ...PAID, currency: 'jpy', amount_received: 7 })),
    });
    expect(await stripe.query(KNOWN)).toMatchObject({ payment: { currency: 'JPY', amountFen: 7 } });
  });

  it('searches where no answer told the number; what nobody was given, nobody has paid', async () => {
    const { stripe, calls } = await stripeThatHears({
      [SEARCH]: [listOf(), listOf(intent({ id: 'pi_2', status: 'canceled' }), intent(PAID))],
      [RETRIEVE]: says(intent(PAID)),
    });
    expect(await stripe.query(makeKnown(NO))).toEqual({ state: 'unpaid' });
    expect(await stripe.query(makeKnown(NO))).toMatchObject({ state: 'paid' });
    expect(calls()).toEqual([SEARCH, SEARCH, RETRIEVE]);
  });

  it.each<[string, LoopbackAnswer | undefined]>([
    ['about another order', says(intent({ ...PAID, metadata: { out_trade_no: 'other' } }))],
    ['about another intent', says(intent({ ...PAID, id: 'pi_2' }))],
    ['about real money, by a test key', says(intent({ ...PAID, livemode: true }))],
    ['paid, without its time', says(intent({ ...PAID, latest_charge: 'py_1' }))],
    ['paid, with parts of a fen', says(intent({ ...PAID, amount_received: 0.5 }))],
    ['without its state', says(intent({ status: undefined }))],
    ['that there is none', refuses(404, { code: 'resource_missing' })],
    ['that our key is refused', refuses(401)],
    ['of status 500', { status: 500, body: 'oops' }],
    ['a page of a proxy', { status: 403, body: '<html></html>' }],
    ['an error in another form', { ...says({ error: 'forbidden' }), status: 403 }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }],
    ['empty', { body: '' }],
    ['silence', undefined],
    ['without an end', { trickles: true, body: '{' }],
  ])('is unknown when the answer is %s', async (_title, answer) => {
    const { stripe } = await stripeThatHears({ [RETRIEVE]: answer });
    expect(await failureOf(() => stripe.query(KNOWN))).toMatchObject(UNKNOWN);
  });
});

describe('stripe: what a close means', () => {
  const wrongState = refuses(400, { code: 'payment_intent_unexpected_state' });

  it('closes what is open', async () => {
    const { stripe, asked } = await stripeThatHears({
      [RETRIEVE]: says(intent()),
      [CANCEL]: says(intent({ status: 'canceled' })),
    });
    expect(await stripe.close(KNOWN)).toEqual({ state: 'closed' });
    expect(asked[1]?.params).toEqual({ cancellation_reason: 'abandoned' });
  });

  it.each([
    ['paid', PAID, 'paid'],
    ['cancelled before', { status: 'canceled' }, 'closed'],
    ['being paid', { status: 'processing' }, 'unpaid'],
  ])('says what it is when it is %s', async (_title, change, state) => {
    const { stripe } = await stripeThatHears({
      [RETRIEVE]: [says(intent()), says(intent(change))],
      [CANCEL]: wrongState,
    });
    expect(await stripe.close(KNOWN)).toMatchObject({ state });
  });

  it('closes nothing where there is nothing, and knows nothing when the answer is lost', async () => {
    const none = await stripeThatHears({ [SEARCH]: listOf() });
    expect(await none.stripe.close(makeKnown(NO))).toEqual({ state: 'unpaid' });
    const lost = await stripeThatHears({ [RETRIEVE]: says(intent()), [CANCEL]: undefined });
    expect(await failureOf(() => lost.stripe.close(KNOWN))).toMatchObject(UNKNOWN);
  });
});
