import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Gateway, GatewayContext } from '../../gateway.js';
import { bodyOf, handle, lastResort, param } from '../../http.js';
import type { Operation } from '../../notify/faults.js';
import { page } from '../../pages/html.js';
import { Refusal } from '../../state/refusal.js';
import type { Trade } from '../../state/trades.js';
import { digits } from '../../values/random.js';
import { serveCall } from '../call.js';
import { loadAccount, type PingppAccount } from './account.js';
import { create, list, newChargeId, retrieve, reverse, TRADE_LIFE_MS } from './charges.js';
import { pingppNotifications } from './notifications.js';
import { notFound, PingppRefusal, systemError, type PingppAnswer } from './refusal.js';
import { refund, refundList, refundQuery } from './refunds.js';
import { poor, transfer, transferList, transferQuery } from './transfers.js';
import { authenticate } from './wire.js';

/** Ping++'s API: Basic authentication, RSA-SHA256 over what is asked; its answers are not signed, its events are. */
export async function createPingpp(context: GatewayContext): Promise<Gateway> {
  const pingpp = await loadAccount(context.folder);
  const { merchant, provider } = pingpp;
  return {
    channel: 'pingpp',
    app: pingppApp(context, pingpp),
    publicFacts: {
      appId: pingpp.appId,
      baseUrl: context.baseUrl,
      webhookUrl: context.webhookUrl(),
      pingppPublicKey: provider.publicPem,
      pingppPublicKeyPath: provider.publicPath,
      merchantPublicKey: merchant.publicPem,
      merchantPublicKeyPath: merchant.publicPath,
      merchantPrivateKeyPath: merchant.privatePath,
    },
    merchantEnvironment: {
      PINGPP_APP_ID: pingpp.appId,
      PINGPP_API_KEY: pingpp.apiKey,
      PINGPP_PRIVATE_KEY: merchant.privatePath,
      PINGPP_PUBLIC_KEY: provider.publicPath,
      PINGPP_BASE_URL: context.baseUrl,
    },
    tradeLifeMs: TRADE_LIFE_MS,
    newTradeNo: newChargeId,
    newBuyer: () => `2088${digits(12)}`,
    providerStatus,
    openCredential: (strings) => openCredential(context, strings),
    returnUrl: (trade) => trade.returnUrl,
    notifications: pingppNotifications(context, pingpp),
  };
}

function pingppApp(context: GatewayContext, pingpp: PingppAccount): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get('/gateway.do', (req, res) => openCashier(context, req, res));
  // The signature covers the body's bytes, so it is kept as it came and parsed only after the check.
  app.use(express.text({ type: () => true, limit: '256kb' }));
  app.use((req: Request, _res: Response, next: NextFunction) => {
    const signed = {
      method: req.method,
      originalUrl: req.originalUrl,
      body: bodyOf(req),
      authorization: req.get('authorization'),
      timestamp: req.get('pingplusplus-request-timestamp'),
      signature: req.get('pingplusplus-signature'),
    };
    authenticate(signed, pingpp);
    next();
  });
  const serve = (operation: Operation, run: (req: Request) => PingppAnswer) =>
    handle((req, res) =>
      serveCall(context, res, {
        channel: 'pingpp',
        operation,
        apply: () => applied(() => run(req)),
        busy: () => systemError().toAnswer(),
        poor,
        send: (answer) => send(res, answer),
      }),
    );
  routes(app, context, pingpp, serve);
  app.use((req) => {
    throw notFound('address', req.path);
  });
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (error instanceof PingppRefusal) send(res, error.toAnswer());
    else next(error);
  });
  app.use(lastResort(context.report));
  return app;
}

function routes(
  app: Express,
  context: GatewayContext,
  pingpp: PingppAccount,
  serve: (
    operation: Operation,
    run: (req: Request) => PingppAnswer,
  ) => RequestHandler<Record<string, string>>,
): void {
  const { appId } = pingpp;
  app.post(
    '/v1/charges',
    serve('create', (req) => create(context, pingpp, bodyOf(req))),
  );
  app.get(
    '/v1/charges',
    serve('query', (req) => list(context, pingpp, req.originalUrl)),
  );
  app.get(
    '/v1/charges/:id',
    serve('query', (req) => retrieve(context, pingpp, param(req, 'id'))),
  );
  app.post(
    '/v1/charges/:id/reverse',
    serve('close', (req) => reverse(context, pingpp, param(req, 'id'))),
  );
  app.post(
    '/v1/charges/:id/refunds',
    serve('refund', (req) => refund(context, param(req, 'id'), bodyOf(req))),
  );
  app.get(
    '/v1/charges/:id/refunds',
    serve('refundQuery', (req) => refundList(context, appId, param(req, 'id'), req.originalUrl)),
  );
  app.get(
    '/v1/charges/:id/refunds/:refund',
    serve('refundQuery', (req) => refundQuery(context, param(req, 'id'), param(req, 'refund'))),
  );
  app.post(
    '/v1/transfers',
    serve('payout', (req) => transfer(context, pingpp, bodyOf(req))),
  );
  app.get(
    '/v1/transfers',
    serve('payoutQuery', (req) => transferList(context, pingpp, req.originalUrl)),
  );
  app.get(
    '/v1/transfers/:id',
    serve('payoutQuery', (req) => transferQuery(context, pingpp, param(req, 'id'))),
  );
}

const CHARGE_ID = /ch_[0-9A-Za-z]{24}/;

/** Where the buyer's browser comes with what Alipay's old gateway, or WeChat's page, is asked. */
function openCashier(context: GatewayContext, req: Request, res: Response): void {
  const { searchParams } = new URL(req.originalUrl, context.baseUrl);
  const id = CHARGE_ID.exec([...searchParams.values()].join(' '))?.[0] ?? '';
  const trade = context.trades.findByTradeNo('pingpp', id);
  if (trade) return res.redirect(302, context.cashierUrl(trade.tradeNo));
  res.status(200).type('html').send(page('Ping++', '<h1>支付请求已失效，请重新发起支付</h1>'));
}

/** A client library opens the charge, or what is inside its credential. */
function openCredential(context: GatewayContext, strings: readonly string[]): Trade {
  for (const text of strings) {
    const byId = context.trades.findByTradeNo('pingpp', CHARGE_ID.exec(text)?.[0] ?? '');
    if (byId) return byId;
  }
  const [trade] = context.trades.list(
    ({ channel, credential }) =>
      channel === 'pingpp' && strings.some((text) => text === credential['code'] || isIn(text, credential)),
  );
  if (trade) return trade;
  throw new Refusal('bad_credential', 'No Ping++ charge has this id or this credential.');
}

/** Long enough to be one charge's own, such as a prepay id or a signature. */
function isIn(text: string, credential: Trade['credential']): boolean {
  return text.length >= 16 && (credential['held'] ?? '').includes(JSON.stringify(text));
}

/** Ping++ has no word for a charge's state; these are its fields. */
function providerStatus(trade: Trade): string {
  if (trade.paidAmount !== null) return trade.refundedAmount > 0 ? 'refunded' : 'paid';
  return trade.status === 'closed' && !trade.expired ? 'reversed' : 'unpaid';
}

function send(res: Response, answer: PingppAnswer): void {
  res.status(answer.status).set('content-type', 'application/json; charset=utf-8');
  res.end(JSON.stringify(answer.body));
}

function applied(work: () => PingppAnswer): PingppAnswer {
  try {
    return work();
  } catch (error) {
    if (error instanceof PingppRefusal) return error.toAnswer();
    throw error;
  }
}
