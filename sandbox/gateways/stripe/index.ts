import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Gateway, GatewayContext } from '../../gateway.js';
import { handle, lastResort } from '../../http.js';
import type { Operation } from '../../notify/faults.js';
import { page } from '../../pages/html.js';
import { Refusal } from '../../state/refusal.js';
import type { Trade } from '../../state/trades.js';
import { base62 } from '../../values/random.js';
import { serveCall } from '../call.js';
import { loadAccount, type StripeAccount } from './account.js';
import * as balance from './balance.js';
import { once } from './idempotency.js';
import * as intents from './intents.js';
import { stripeNotifications } from './notifications.js';
import { balanceTooLow, serverError, StripeRefusal, type StripeAnswer } from './refusal.js';
import * as refunds from './refunds.js';
import * as transfers from './transfers.js';
import { authenticate } from './wire.js';

/** Stripe's API v1: forms in, JSON out, one secret key. */
export async function createStripe(context: GatewayContext): Promise<Gateway> {
  const stripe = await loadAccount(context.folder);
  return {
    channel: 'stripe',
    app: stripeApp(context, stripe),
    publicFacts: { accountId: stripe.accountId, baseUrl: context.baseUrl, mode: 'test' },
    merchantEnvironment: {
      STRIPE_SECRET_KEY: stripe.secretKey,
      STRIPE_WEBHOOK_SECRET: stripe.webhookSecret,
      STRIPE_BASE_URL: context.baseUrl,
    },
    tradeLifeMs: intents.TRADE_LIFE_MS,
    newTradeNo: intents.newIntentId,
    newBuyer: () => `cus_${base62(14)}`,
    providerStatus: intents.intentStatus,
    openCredential: (strings) => openCredential(context, strings),
    returnUrl,
    notifications: stripeNotifications(stripe),
  };
}

type Run = (req: Request) => StripeAnswer;

function stripeApp(context: GatewayContext, stripe: StripeAccount): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'extended');
  app.get(
    '/authorize/:id',
    handle((req, res) => openRedirect(context, req, res)),
  );
  app.use((req: Request, _res: Response, next: NextFunction) => {
    authenticate(req.get('authorization'), stripe);
    next();
  });
  app.use(express.urlencoded({ extended: true, limit: '256kb' }));
  const serve = (operation: Operation, run: Run) =>
    handle((req, res) =>
      serveCall(context, res, {
        channel: 'stripe',
        operation,
        apply: () => applied(context, req, run),
        busy: () => serverError().toAnswer(),
        ...(operation === 'payout' && { poor: () => balanceTooLow().toAnswer() }),
        send: (answer) => send(req, res, answer),
      }),
    );
  const V1 = '/v1/payment_intents';
  app.post(
    V1,
    serve('create', (req) => intents.create(context, req.body)),
  );
  app.get(
    V1,
    serve('query', (req) => intents.list(context, req.query)),
  );
  app.get(
    `${V1}/search`,
    serve('query', (req) => intents.search(context, req.query)),
  );
  app.get(
    `${V1}/:id`,
    serve('query', (req) => intents.retrieve(context, idOf(req), req.query)),
  );
  app.post(
    `${V1}/:id/confirm`,
    serve('create', (req) => intents.confirm(context, idOf(req), req.body)),
  );
  app.post(
    `${V1}/:id/cancel`,
    serve('close', (req) => intents.cancel(context, idOf(req), req.body)),
  );
  app.post(
    '/v1/refunds',
    serve('refund', (req) => refunds.refund(context, req.body)),
  );
  app.get(
    '/v1/refunds',
    serve('refundQuery', (req) => refunds.list(context, req.query)),
  );
  app.get(
    '/v1/refunds/:id',
    serve('refundQuery', (req) => refunds.retrieve(context, idOf(req))),
  );
  app.post(
    '/v1/transfers',
    serve('payout', (req) => transfers.transfer(context, req.body)),
  );
  app.get(
    '/v1/transfers',
    serve('payoutQuery', (req) => transfers.list(context, req.query)),
  );
  app.get(
    '/v1/transfers/:id',
    serve('payoutQuery', (req) => transfers.retrieve(context, idOf(req))),
  );
  app.get(
    '/v1/balance_transactions',
    serve('query', (req) => balance.list(context, req.query)),
  );
  app.use((req) => {
    throw new StripeRefusal(404, `Unrecognized request URL (${req.method}: ${req.path}).`);
  });
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (error instanceof StripeRefusal) send(req, res, error.toAnswer());
    else next(error);
  });
  app.use(lastResort(context.report));
  return app;
}

/** Carries out a call, once per idempotency key where it changes anything. */
function applied(context: GatewayContext, req: Request, run: Run): StripeAnswer {
  const key = req.method === 'POST' ? req.get('idempotency-key') : undefined;
  try {
    return once(context, key, `${req.path} ${JSON.stringify(req.body)}`, () => run(req));
  } catch (error) {
    if (error instanceof StripeRefusal) return error.toAnswer();
    throw error;
  }
}

function send(req: Request, res: Response, { status, body, replayed }: StripeAnswer): void {
  const key = req.get('idempotency-key');
  res.status(status).set('request-id', `req_${base62(14)}`);
  if (key !== undefined) res.set('idempotency-key', key);
  if (replayed) res.set('idempotent-replayed', 'true');
  res.json(body);
}

function idOf(req: Request): string {
  const { id } = req.params;
  return typeof id === 'string' ? id : '';
}

/** The buyer's browser follows the link of an intent. */
async function openRedirect(context: GatewayContext, req: Request, res: Response): Promise<void> {
  const trade = context.trades.findByTradeNo('stripe', idOf(req));
  const link = `${context.baseUrl}${req.originalUrl}`;
  if (!trade || trade.credential['url'] !== link) {
    const sentence = 'This link is not valid any more.';
    res
      .status(404)
      .type('html')
      .send(page('Stripe', `<h1>${sentence}</h1>`));
    return;
  }
  await context.store.commit();
  res.redirect(302, context.cashierUrl(trade.tradeNo));
}

/** The payer's device opens a code, a link or a client secret. */
function openCredential(context: GatewayContext, strings: readonly string[]): Trade {
  const [trade] = context.trades.list(
    ({ channel, tradeNo, credential }) =>
      channel === 'stripe' &&
      (strings.includes(tradeNo) || Object.values(credential).some((text) => strings.includes(text))),
  );
  if (trade) return trade;
  throw new Refusal('bad_credential', 'No Stripe PaymentIntent has this id, client_secret, code or link.');
}

/** Back to the merchant, with what Stripe adds to the address. */
function returnUrl(trade: Trade): string | null {
  if (trade.returnUrl === null) return null;
  const back = new URL(trade.returnUrl);
  back.searchParams.set('payment_intent', trade.tradeNo);
  back.searchParams.set('payment_intent_client_secret', trade.credential['clientSecret'] ?? '');
  back.searchParams.set('redirect_status', trade.paidAmount === null ? 'failed' : 'succeeded');
  return back.toString();
}
