import { Stripe } from 'stripe';
import { testSandbox, type TestSandbox } from '../../test-support.js';

/** A sandbox with a clock of its own, and its merchant's calls by the official client. */
export interface StripeMerchant {
  readonly sandbox: TestSandbox;
  readonly stripe: Stripe;
  readonly webhookSecret: string;
  /** Provider time goes on by so many ms. */
  pass(ms: number): void;
  /** The official client by another key. */
  by(secretKey: string): Stripe;
}

export async function testMerchant(): Promise<StripeMerchant> {
  let passed = 0;
  const sandbox = await testSandbox({ now: () => Date.now() + passed });
  const { STRIPE_SECRET_KEY = '', STRIPE_WEBHOOK_SECRET = '', STRIPE_BASE_URL = '' } = sandbox.environment;
  const { hostname, port } = new URL(STRIPE_BASE_URL);
  const by = (secretKey: string): Stripe =>
    new Stripe(secretKey, {
      host: hostname,
      port: Number(port),
      protocol: 'http',
      maxNetworkRetries: 0,
      telemetry: false,
    });
  return {
    sandbox,
    stripe: by(STRIPE_SECRET_KEY),
    webhookSecret: STRIPE_WEBHOOK_SECRET,
    pass: (ms) => {
      passed += ms;
    },
    by,
  };
}

/** An order of 12.34 yuan that WeChat Pay's code is asked for. */
export function orderOf(no: string, changes: object = {}): Stripe.PaymentIntentCreateParams {
  return {
    amount: 1_234,
    currency: 'cny',
    description: '一小时设计咨询 100% & more',
    metadata: { out_trade_no: no },
    allowed_payment_method_types: ['wechat_pay'],
    payment_method_data: { type: 'wechat_pay' },
    payment_method_options: { wechat_pay: { client: 'web' } },
    confirm: true,
    ...changes,
  };
}

/** The error of a call, as the client makes it from what it was told. */
export async function refusalOf(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error('the call was expected to be refused, and was not');
}
