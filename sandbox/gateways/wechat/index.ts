import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { page } from '../../pages/html.js';
import type { Gateway, GatewayContext } from '../../gateway.js';
import type { Operation } from '../../notify/faults.js';
import { Refusal } from '../../state/refusal.js';
import type { Trade } from '../../state/trades.js';
import { base62 } from '../../values/random.js';
import { bodyOf, handle, lastResort, param } from '../../http.js';
import { serveCall, serveDownload } from '../call.js';
import { loadAccount, type WechatAccount } from './account.js';
import { wechatNotifications } from './notifications.js';
import { BILL_PATH, statementCreating, wechatBills } from './bills.js';
import { balanceTooLow, transfer, transferCancel, transferQuery } from './payouts.js';
import { systemError, WechatRefusal, type WechatAnswer } from './refusal.js';
import { refund, refundQuery } from './refunds.js';
import {
  close,
  create,
  newTransactionId,
  queryById,
  queryByOutTradeNo,
  SCENES,
  TRADE_LIFE_MS,
  tradeState,
  type Way,
} from './trades.js';
import { authenticate, sendSigned } from './wire.js';

/** An h5_url lives this long. */
const H5_LIFE_MS = 5 * 60_000;

/** WeChat Pay's API v3: SHA256-RSA2048 both ways, public-key mode. */
export async function createWechat(context: GatewayContext): Promise<Gateway> {
  const wechat = await loadAccount(context.folder);
  const { merchant, provider } = wechat;
  return {
    channel: 'wechat',
    app: wechatApp(context, wechat),
    publicFacts: {
      appId: wechat.appId,
      mchId: wechat.mchId,
      serial: wechat.serial,
      publicKeyId: wechat.publicKeyId,
      baseUrl: `${context.baseUrl}/`,
      wechatPublicKey: provider.publicPem,
      wechatPublicKeyPath: provider.publicPath,
      merchantPublicKey: merchant.publicPem,
      merchantPublicKeyPath: merchant.publicPath,
      merchantPrivateKeyPath: merchant.privatePath,
    },
    merchantEnvironment: {
      WECHAT_APP_ID: wechat.appId,
      WECHAT_MCH_ID: wechat.mchId,
      WECHAT_SERIAL: wechat.serial,
      WECHAT_PRIVATE_KEY: merchant.privatePath,
      WECHAT_API_V3_KEY: wechat.apiV3Key,
      WECHAT_PUBLIC_KEY_ID: wechat.publicKeyId,
      WECHAT_PUBLIC_KEY: provider.publicPath,
      WECHAT_BASE_URL: `${context.baseUrl}/`,
    },
    tradeLifeMs: TRADE_LIFE_MS,
    newTradeNo: () => newTransactionId(context.now()),
    newBuyer: () => `o${base62(27)}`,
    providerStatus: tradeState,
    openCredential: (strings) => openCredential(context, strings),
    returnUrl: (trade) => trade.returnUrl,
    notifications: wechatNotifications(wechat),
  };
}

function wechatApp(context: GatewayContext, wechat: WechatAccount): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.get(
    '/cgi-bin/mmpayweb-bin/checkmweb',
    handle((req, res) => openH5(context, req, res)),
  );
  // The signature covers the body's bytes, so it is kept as it came and parsed only after the check.
  app.use(express.text({ type: () => true, limit: '256kb' }));
  app.use((req: Request, _res: Response, next: NextFunction) => {
    const { method, originalUrl } = req;
    authenticate({ method, originalUrl, body: bodyOf(req), authorization: req.get('authorization') }, wechat);
    next();
  });
  const serve: Serve = (operation, run) =>
    handle((req, res) =>
      serveCall(context, res, {
        channel: 'wechat',
        operation,
        apply: () => applied(() => run(req)),
        busy: () => systemError().toAnswer(),
        poor: () => balanceTooLow().toAnswer(),
        notReady: () => statementCreating().toAnswer(),
        send: (answer) => sendSigned(res, wechat, answer),
      }),
    );
  for (const way of Object.keys(SCENES) as Way[]) {
    app.post(
      `/v3/pay/transactions/${way}`,
      serve('create', (req) => create(context, wechat, way, bodyOf(req))),
    );
  }
  app.get(
    '/v3/pay/transactions/out-trade-no/:no',
    serve('query', (req) => queryByOutTradeNo(context, wechat, param(req, 'no'), mchidOf(req))),
  );
  app.get(
    '/v3/pay/transactions/id/:no',
    serve('query', (req) => queryById(context, wechat, param(req, 'no'), mchidOf(req))),
  );
  app.post(
    '/v3/pay/transactions/out-trade-no/:no/close',
    serve('close', (req) => close(context, wechat, param(req, 'no'), bodyOf(req))),
  );
  app.post(
    '/v3/refund/domestic/refunds',
    serve('refund', (req) => refund(context, bodyOf(req))),
  );
  app.get(
    '/v3/refund/domestic/refunds/:no',
    serve('refundQuery', (req) => refundQuery(context, param(req, 'no'))),
  );
  transferRoutes(app, context, wechat, serve);
  billRoutes(app, context, wechat, serve);
  app.use(() => {
    throw new WechatRefusal(404, 'RESOURCE_NOT_EXISTS', '请求的资源不存在');
  });
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (error instanceof WechatRefusal) sendSigned(res, wechat, error.toAnswer());
    else next(error);
  });
  app.use(lastResort(context.report));
  return app;
}

type Serve = (operation: Operation, run: (req: Request) => WechatAnswer) => RequestHandler;

function transferRoutes(app: Express, context: GatewayContext, wechat: WechatAccount, serve: Serve): void {
  const bills = '/v3/fund-app/mch-transfer/transfer-bills';
  app.post(
    bills,
    serve('payout', (req) => transfer(context, wechat, bodyOf(req), req.get('wechatpay-serial'))),
  );
  app.get(
    `${bills}/out-bill-no/:no`,
    serve('payoutQuery', (req) => transferQuery(context, wechat, param(req, 'no'))),
  );
  app.post(
    `${bills}/out-bill-no/:no/cancel`,
    serve('payoutCancel', (req) => transferCancel(context, param(req, 'no'))),
  );
}

function billRoutes(app: Express, context: GatewayContext, wechat: WechatAccount, serve: Serve): void {
  const bills = wechatBills(context, wechat);
  for (const type of ['tradebill', 'fundflowbill'] as const) {
    app.get(
      `/v3/bill/${type}`,
      serve('bill', (req) => bills.addressOf(type, req)),
    );
  }
  app.get(
    BILL_PATH,
    handle(async (req, res) => {
      const file = bills.open(req.query['token']);
      if (!file) throw new WechatRefusal(400, 'INVALID_REQUEST', '下载地址已失效');
      await serveDownload(context, res.type('text/plain'), 'wechat', file);
    }),
  );
}

/** The buyer's browser follows an h5_url, perhaps with a `redirect_url` to come back to. */
async function openH5(context: GatewayContext, req: Request, res: Response): Promise<void> {
  const query = new URL(req.originalUrl, context.baseUrl).searchParams;
  const prepayId = query.get('prepay_id') ?? '';
  const [trade] = context.trades.list(
    (known) => known.channel === 'wechat' && known.credential['prepayId'] === prepayId,
  );
  if (!trade || context.now() > trade.credentialAt + H5_LIFE_MS) {
    const sentence = '支付请求已失效，请重新发起支付';
    res
      .status(200)
      .type('html')
      .send(page('WeChat Pay', `<h1>${sentence}</h1>`));
    return;
  }
  const back = query.get('redirect_url');
  if (back !== null && /^https?:/.test(back) && URL.canParse(back)) context.trades.returnTo(trade, back);
  await context.store.commit();
  res.redirect(302, context.cashierUrl(trade.tradeNo));
}

/** WeChat's app, page or scanner opens what the merchant's server got from here. */
function openCredential(context: GatewayContext, strings: readonly string[]): Trade {
  const bare = strings.map((text) => text.replace(/^prepay_id=/, ''));
  const [trade] = context.trades.list(
    (known) =>
      known.channel === 'wechat' && Object.values(known.credential).some((code) => bare.includes(code)),
  );
  if (trade) return trade;
  throw new Refusal('bad_credential', 'No WeChat trade has this prepay_id, code_url or h5_url.');
}

function applied(work: () => WechatAnswer): WechatAnswer {
  try {
    return work();
  } catch (error) {
    if (error instanceof WechatRefusal) return error.toAnswer();
    throw error;
  }
}

function mchidOf(req: Request): string | undefined {
  const { mchid } = req.query;
  return typeof mchid === 'string' ? mchid : undefined;
}
