/** The local Stripe by the official client: what it verifies, what it is told, and what it is refused. */
import { Stripe } from 'stripe';
import { beforeAll, describe, expect, it } from 'vitest';
import { orderNo } from '../../test-support.js';
import { orderOf, refusalOf, testMerchant, type StripeMerchant } from './test-support.js';

const HOUR_MS = 3_600_000;

let merchant: StripeMerchant;
let stripe: Stripe;
beforeAll(async () => {
  merchant = await testMerchant();
  ({ stripe } = merchant);
});

const create = (no: string, changes: object = {}, idempotencyKey = `pay-${no}`) =>
  stripe.paymentIntents.create(orderOf(no, changes), { idempotencyKey });
const control = (method: string, path: string, body?: unknown) =>
  merchant.sandbox.control(method, path, body);
const pay = (no: string, body: object = {}) => control('POST', `/trades/${no}/pay`, body);

async function paid(no = orderNo()): Promise<string> {
  const { id } = await create(no);
  expect((await pay(no)).status).toBe(200);
  return id;
}

describe('a payment intent', () => {
  it('has a code for the payer, is paid by the merchant’s number, and shows its charge', async () => {
    const no = orderNo();
    const opened = await create(no);
    expect(opened).toMatchObject({
      status: 'requires_action',
      amount: 1_234,
      currency: 'cny',
      metadata: { out_trade_no: no },
      next_action: {
        type: 'wechat_pay_display_qr_code',
        wechat_pay_display_qr_code: { data: expect.stringMatching(/^weixin:\/\/wxpay\/bizpayurl\?pr=\w+$/) },
      },
    });
    expect((await control('GET', `/trades/${no}`)).body).toMatchObject({
      channel: 'stripe',
      tradeNo: opened.id,
      subject: '一小时设计咨询 100% & more',
      status: 'unpaid',
    });
    expect((await pay(no, { paidAt: '2026-02-28T16:30:00Z' })).body).toMatchObject({ status: 'paid' });
    const found = await stripe.paymentIntents.retrieve(opened.id, { expand: ['latest_charge'] });
    expect(found).toMatchObject({
      status: 'succeeded',
      amount_received: 1_234,
      latest_charge: { paid: true, created: Date.parse('2026-02-28T16:30:00Z') / 1000 },
    });
  });

  it('has a link for the payer’s browser, and brings it back with what became of it', async () => {
    const no = orderNo();
    const { id, next_action } = await create(no, {
      allowed_payment_method_types: ['alipay'],
      payment_method_data: { type: 'alipay' },
      payment_method_options: undefined,
      return_url: 'http://127.0.0.1:9/done?order=1',
    });
    const { url = '' } = next_action?.alipay_handle_redirect ?? {};
    const page = await fetch(url ?? '');
    expect(page.url).toBe(`http://127.0.0.1:${merchant.sandbox.port}/cashier/${id}`);
    const back = await fetch(`${page.url}/pay`, { method: 'POST', redirect: 'manual' });
    const { searchParams } = new URL(back.headers.get('location') ?? '');
    expect(Object.fromEntries(searchParams)).toMatchObject({
      order: '1',
      payment_intent: id,
      redirect_status: 'succeeded',
    });
    expect((await fetch(`${url ?? ''}1`)).status).toBe(404);
  });

  it('has a client secret for the mobile SDK, by which the payer’s app opens it', async () => {
    const no = orderNo();
    const opened = await stripe.paymentIntents.create({
      amount: 500,
      currency: 'cny',
      metadata: { out_trade_no: no },
      automatic_payment_methods: { enabled: true },
    });
    expect(opened).toMatchObject({ status: 'requires_payment_method', next_action: null });
    const credential = { clientSecret: opened.client_secret };
    const found = await control('POST', '/trades', { channel: 'stripe', credential });
    expect(found).toMatchObject({ status: 201, body: { outTradeNo: no } });
  });

  it('can be cancelled until it is paid', async () => {
    const { id } = await create(orderNo());
    expect(await stripe.paymentIntents.cancel(id)).toMatchObject({ status: 'canceled', next_action: null });
    const again = await refusalOf(stripe.paymentIntents.cancel(id));
    expect(again).toMatchObject({ statusCode: 400, code: 'payment_intent_unexpected_state' });
    expect(await refusalOf(stripe.paymentIntents.cancel(await paid()))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });

  it('is open for another try after a payment that failed', async () => {
    const no = orderNo();
    const { id, next_action: first } = await create(no);
    await control('POST', `/trades/${no}/fail`);
    expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'requires_payment_method' });
    const second = await stripe.paymentIntents.confirm(id, {
      payment_method_data: { type: 'wechat_pay' },
      payment_method_options: { wechat_pay: { client: 'web' } },
    });
    expect(second).toMatchObject({ id, status: 'requires_action' });
    expect(second.next_action).not.toEqual(first);
    expect((await pay(no)).status).toBe(200);
  });
});

describe('an idempotency key', () => {
  it('opens one intent, is answered word for word as before, and says so', async () => {
    const no = orderNo();
    const first = await create(no);
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
    await pay(no);
    const again = await create(no);
    expect(again).toEqual(first);
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
  });

  it('is refused with other parameters, and with another call', async () => {
    const no = orderNo();
    const { id } = await create(no);
    const error = await refusalOf(create(no, { amount: 1_235 }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    const other = stripe.paymentIntents.cancel(id, {}, { idempotencyKey: `pay-${no}` });
    expect(await refusalOf(other)).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
  });

  it('is forgotten after 24 hours: then the same call opens another intent', async () => {
    const no = orderNo();
    const { id } = await create(no);
    merchant.pass(24 * HOUR_MS - 1_000);
    expect((await create(no)).id).toBe(id);
    merchant.pass(2_000);
    expect((await create(no)).id).not.toBe(id);
  });

  it('remembers a refusal of what was carried out, and not one of wrong parameters', async () => {
    const { id } = await create(orderNo());
    const idempotencyKey = `refund-${id}`;
    const refund = (amount?: number) =>
      stripe.refunds.create({ payment_intent: id, ...(amount && { amount }) }, { idempotencyKey });
    expect((await refusalOf(refund(-1))).param).toBe('amount');
    expect((await refusalOf(refund())).message).toContain('does not have a successful charge');
    await pay(id);
    const replayed = await refusalOf(refund());
    expect(replayed.message).toContain('does not have a successful charge');
    expect(replayed.headers?.['idempotent-replayed']).toBe('true');
  });
});

describe('finding', () => {
  it('lists what there is, page by page, newest first, within a time', async () => {
    const shop = await testMerchant();
    const numbers = Array.from({ length: 5 }, orderNo);
    for (const no of numbers) {
      await shop.stripe.paymentIntents.create(orderOf(no));
      shop.pass(1_000);
    }
    const found: (string | undefined)[] = [];
    for await (const intent of shop.stripe.paymentIntents.list({ limit: 2 })) {
      found.push(intent.metadata['out_trade_no']);
    }
    expect(found).toEqual([...numbers].reverse());
    const gte = Math.floor(Date.now() / 1000) + 60;
    expect((await shop.stripe.paymentIntents.list({ created: { gte } })).data).toEqual([]);
  });

  it('searches by the metadata, and shows what is a minute old', async () => {
    const no = orderNo();
    const { id } = await create(no);
    const query = `metadata["out_trade_no"]:"${no}"`;
    expect((await stripe.paymentIntents.search({ query })).data).toEqual([]);
    merchant.pass(60_000);
    expect((await stripe.paymentIntents.search({ query })).data).toMatchObject([{ id }]);
  });
});

describe('what is not served', () => {
  it('a key that is not the merchant’s, or none', async () => {
    const error = await refusalOf(merchant.by('sk_test_somebody').paymentIntents.list());
    expect(error).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect(error.message).toMatch(/^Invalid API Key provided: sk_test_\*\*\*\*/);
    const url = `${merchant.sandbox.environment['STRIPE_BASE_URL'] ?? ''}/v1/payment_intents`;
    const answer = await fetch(url);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  it('unknown parameters, currencies, objects and addresses, each named in its own way', async () => {
    expect(await refusalOf(create(orderNo(), { payment_method_types: ['card'] }))).toMatchObject({
      code: 'parameter_unknown',
      param: 'payment_method_types',
    });
    expect(await refusalOf(create(orderNo(), { currency: 'usd' }))).toMatchObject({ param: 'currency' });
    expect(await refusalOf(stripe.paymentIntents.retrieve('pi_none'))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    });
    expect((await refusalOf(stripe.customers.list())).message).toContain('Unrecognized request URL');
  });

  it('calls while a fault is in force: 500 without an effect, and silence with one', async () => {
    const no = orderNo();
    await control('POST', '/faults', { channel: 'stripe', errorRate: 1, operation: 'create', times: 1 });
    expect(await refusalOf(create(no))).toMatchObject({ statusCode: 500, rawType: 'api_error' });
    expect((await control('GET', `/trades/${no}`)).status).toBe(404);
    await control('POST', '/faults', { channel: 'stripe', requestTimeout: true });
    const silent = stripe.paymentIntents.create(orderOf(no), { idempotencyKey: `pay-${no}`, timeout: 200 });
    expect(await refusalOf(silent)).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect((await control('GET', `/trades/${no}`)).status).toBe(200);
    expect((await create(no)).lastResponse.headers['idempotent-replayed']).toBe('true');
  });
});

describe('refunds and transfers', () => {
  it('refunds in parts up to what was paid, listed by their payment', async () => {
    const id = await paid();
    const part = (amount: number, no: string) =>
      stripe.refunds.create({ payment_intent: id, amount, metadata: { refund_no: no } });
    expect(await part(1_000, 'r1')).toMatchObject({ status: 'pending', amount: 1_000, payment_intent: id });
    expect(await refusalOf(part(235, 'r2'))).toMatchObject({ param: 'amount' });
    const second = await part(234, 'r3');
    expect(await refusalOf(part(1, 'r4'))).toMatchObject({ code: 'charge_already_refunded' });
    await control('POST', '/refunds/r3/settle', { result: 'success' });
    expect(await stripe.refunds.retrieve(second.id)).toMatchObject({ status: 'succeeded' });
    const { data } = await stripe.refunds.list({ payment_intent: id });
    expect(data.map(({ metadata }) => metadata?.['refund_no'])).toEqual(['r3', 'r1']);
  });

  it('transfers to a connected account at once, and may take it back', async () => {
    const transfer_group = `p${orderNo()}`;
    const order = { amount: 900, currency: 'cny', transfer_group, metadata: { payout_no: transfer_group } };
    expect(await refusalOf(stripe.transfers.create({ ...order, destination: 'nobody' }))).toMatchObject({
      code: 'resource_missing',
      param: 'destination',
    });
    const made = await stripe.transfers.create({ ...order, destination: 'acct_seller' });
    expect(made).toMatchObject({ amount: 900, reversed: false, destination: 'acct_seller' });
    await control('POST', `/payouts/${transfer_group}/settle`, { result: 'success' });
    await control('POST', `/payouts/${transfer_group}/settle`, { result: 'bounce' });
    const { data } = await stripe.transfers.list({ transfer_group });
    expect(data).toMatchObject([{ id: made.id, reversed: true, amount_reversed: 900 }]);
    await control('POST', '/faults', { channel: 'stripe', lowBalance: true, times: 1 });
    const poor = stripe.transfers.create({ ...order, destination: 'acct_seller' });
    expect(await refusalOf(poor)).toMatchObject({ code: 'balance_insufficient' });
  });
});

describe('disputes', () => {
  it('are opened and decided by control calls, once each, and of paid trades alone', async () => {
    const no = orderNo();
    await create(no);
    const dispute = (body: object = {}) => control('POST', `/trades/${no}/dispute`, body);
    expect(await dispute()).toMatchObject({ status: 409, body: { error: { code: 'trade_unpaid' } } });
    await pay(no);
    expect(await dispute({ status: 'won' })).toMatchObject({ body: { error: { code: 'dispute_not_open' } } });
    expect(await dispute({ amount: 400, reason: 'duplicate' })).toMatchObject({
      status: 200,
      body: { disputeNo: expect.stringMatching(/^dp_/), outTradeNo: no, amount: 400, status: 'opened' },
    });
    expect(await dispute()).toMatchObject({ status: 409, body: { error: { code: 'dispute_exists' } } });
    expect(await dispute({ status: 'lost' })).toMatchObject({ status: 200, body: { status: 'lost' } });
    expect(await dispute({ status: 'won' })).toMatchObject({ body: { error: { code: 'dispute_not_open' } } });
  });

  it('keep their payment from being refunded, until they are won', async () => {
    const id = await paid();
    await control('POST', `/trades/${id}/dispute`, {});
    const refund = () => stripe.refunds.create({ payment_intent: id, amount: 1 });
    expect(await refusalOf(refund())).toMatchObject({ code: 'charge_disputed' });
    await control('POST', `/trades/${id}/dispute`, { status: 'won' });
    expect(await refund()).toMatchObject({ status: 'pending' });
  });

  it('are no thing of Alipay and WeChat Pay', async () => {
    const no = orderNo();
    await control('POST', '/trades', { channel: 'alipay', outTradeNo: no, amount: 1 });
    await pay(no);
    expect(await control('POST', `/trades/${no}/dispute`, {})).toMatchObject({
      status: 409,
      body: { error: { code: 'no_disputes' } },
    });
  });
});
