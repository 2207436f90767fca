/** Stripe's API through its official library: one call, one deadline, and an answer that is read before it counts. */
import { createRequire } from 'node:module';
import type { Stripe } from 'stripe';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { DEFAULT_TIMEOUT_MS, type ProviderFacts, unknownOutcome, withDeadline } from './provider-errors.js';

export interface StripeConfig {
  /** `sk_live_...`, or a restricted key `rk_live_...`; with `test` in place of `live`, no real money moves. */
  secretKey: string;
  /** `whsec_...`: of the endpoint that the account's events are posted to. */
  webhookSecret: string;
  /** Such as `https://api.stripe.com`: a host alone, since the library writes the paths. */
  baseUrl: string;
  /** Deadline of one call; 5 s when left out. */
  timeoutMs?: number | undefined;
}

export type StripeRefusal = ProviderFacts & { param?: string | undefined };

export type StripeAnswer<T> =
  /** `replayed`: Stripe repeats what it answered to this idempotency key before, as things were then. */
  { ok: true; body: T; replayed: boolean } | { ok: false; refusal: StripeRefusal };

export interface StripeClient {
  live: boolean;
  webhooks: Stripe['webhooks'];
  webhookSecret: string;
  /**
   * @param operation as people find it in Stripe's documents, such as `refunds.create`
   * @throws HoldfastError `channel_unknown_outcome`
   */
  call<T>(
    operation: string,
    body: z.ZodType<T>,
    run: (api: Stripe) => Promise<unknown>,
  ): Promise<StripeAnswer<T>>;
}

const SECRET_KEY = /^[sr]k_(live|test)_\w+$/;
const WEBHOOK_SECRET = /^whsec_\S+$/;

/** @throws HoldfastError `channel_not_configured` */
export function createStripeClient(config: StripeConfig): StripeClient {
  const timeoutMs = config.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const [, mode] = SECRET_KEY.exec(config.secretKey) ?? [];
  if (mode === undefined)
    throw notConfigured('the secret key begins with sk_live_, sk_test_, rk_live_ or rk_test_');
  if (!WEBHOOK_SECRET.test(config.webhookSecret))
    throw notConfigured('the webhook secret begins with whsec_');
  const api = new (loadLibrary())(config.secretKey, {
    ...placeOf(config.baseUrl),
    timeout: timeoutMs,
    // Whoever calls repeats it, under the same number and with a pause. Within one deadline there is no time for it.
    maxNetworkRetries: 0,
    telemetry: false,
  });
  return {
    live: mode === 'live',
    webhooks: api.webhooks,
    webhookSecret: config.webhookSecret,
    call: (operation, body, run) => settle(operation, body, timeoutMs, () => run(api)),
  };
}

/** Some 0.1 s and 15 MB of every process: so it is loaded where Stripe is configured, and nowhere else. */
function loadLibrary(): typeof Stripe {
  return createRequire(import.meta.url)('stripe') as typeof Stripe;
}

function placeOf(baseUrl: string): { protocol: 'http' | 'https'; host: string; port: number } {
  const { protocol, hostname, port, pathname, search } = new URL(baseUrl);
  if (pathname !== '/' || search !== '') throw notConfigured('the base URL has no path');
  const isPlain = protocol === 'http:';
  if (!isPlain && protocol !== 'https:') throw notConfigured('the base URL is http or https');
  const usual = isPlain ? 80 : 443;
  return { protocol: isPlain ? 'http' : 'https', host: hostname, port: port === '' ? usual : Number(port) };
}

function notConfigured(what: string): HoldfastError {
  return new HoldfastError('channel_not_configured', { message: `stripe: ${what}` });
}

async function settle<T>(
  operation: string,
  body: z.ZodType<T>,
  timeoutMs: number,
  run: () => Promise<unknown>,
): Promise<StripeAnswer<T>> {
  try {
    // The library bounds silence; the whole call is bounded here.
    const answered = await withDeadline(run(), timeoutMs);
    return { ok: true, body: body.parse(answered), replayed: isReplayed(answered) };
  } catch (error) {
    const refusal = readRefusal(operation, error);
    if (refusal === undefined) throw unknownOutcome({ channel: 'stripe', operation }, error);
    if (isPassing(refusal)) throw unknownOutcome(refusal, error);
    return { ok: false, refusal };
  }
}

const replaySchema = z.object({
  lastResponse: z.object({ headers: z.object({ 'idempotent-replayed': z.literal('true') }) }),
});

function isReplayed(answered: unknown): boolean {
  return replaySchema.safeParse(answered).success;
}

// What Stripe calls an error that is the request's own. A page of a proxy, a broken answer and silence have none of it.
const refusalSchema = z.object({
  rawType: z.enum(['invalid_request_error', 'idempotency_error', 'card_error']),
  statusCode: z.int().min(400),
  message: z.string(),
  code: z.string().nullish(),
  param: z.string().nullish(),
});

function readRefusal(
  operation: string,
  error: unknown,
): (StripeRefusal & { httpStatus: number }) | undefined {
  const failure = refusalSchema.safeParse(error);
  if (!failure.success) return undefined;
  const { rawType, statusCode, message, code, param } = failure.data;
  return {
    channel: 'stripe',
    operation,
    providerCode: code ?? rawType,
    providerMessage: message,
    httpStatus: statusCode,
    param: param ?? undefined,
  };
}

/** Server errors, too many calls, and a call of the same idempotency key that is still under way (409). */
function isPassing({ httpStatus }: { httpStatus: number }): boolean {
  return httpStatus >= 500 || httpStatus === 429 || httpStatus === 409;
}
