import express, { type Express, type Response } from 'express';
import type { Gateway, GatewayContext } from '../../gateway.js';
import type { Operation } from '../../notify/faults.js';
import { hex } from '../../values/random.js';
import { handle, lastResort } from '../../http.js';
import { serveCall, serveDownload } from '../call.js';
import { authenticate, loadAccount, type AlipayAccount } from './account.js';
import { alipayBills, BILL_PATH, billNotExist } from './bills.js';
import { isByCertificate } from './certificates.js';
import { isPageMethod, openCredential, openPage, signedReturnUrl } from './buyer.js';
import { errorPage } from './error-page.js';
import { alipayNotifications } from './notifications.js';
import { balanceTooLow, transfer, transferQuery } from './payouts.js';
import { AlipayRefusal, systemBusy } from './refusal.js';
import { refund, refundQuery } from './refunds.js';
import { close, create, newTradeNo, precreate, query, TRADE_LIFE_MS, tradeStatus } from './trades.js';
import { answerKey, answerText, readParams, type Params } from './wire.js';

const BILL_METHOD = 'alipay.data.dataservice.bill.downloadurl.query';

interface Method {
  readonly operation: Operation;
  readonly run: (context: GatewayContext, params: Params) => Record<string, string>;
}

/** The methods that a merchant's server calls, but for the one about bills. */
const METHODS: ReadonlyMap<string, Method> = new Map([
  ['alipay.trade.precreate', { operation: 'create', run: precreate }],
  ['alipay.trade.create', { operation: 'create', run: create }],
  ['alipay.trade.query', { operation: 'query', run: query }],
  ['alipay.trade.close', { operation: 'close', run: close }],
  ['alipay.trade.refund', { operation: 'refund', run: refund }],
  ['alipay.trade.fastpay.refund.query', { operation: 'refundQuery', run: refundQuery }],
  ['alipay.fund.trans.uni.transfer', { operation: 'payout', run: transfer }],
  ['alipay.fund.trans.common.query', { operation: 'payoutQuery', run: transferQuery }],
]);

/** Alipay's v2 gateway: one path, RSA2 both ways, every answer an HTTP 200. */
export async function createAlipay(context: GatewayContext): Promise<Gateway> {
  const alipay = await loadAccount(context.folder);
  const { merchant, provider, certificates } = alipay;
  const gateway = `${context.baseUrl}/gateway.do`;
  return {
    channel: 'alipay',
    app: alipayApp(context, alipay),
    publicFacts: {
      appId: alipay.appId,
      sellerId: alipay.sellerId,
      gateway,
      alipayPublicKey: provider.publicPem,
      alipayPublicKeyPath: provider.publicPath,
      merchantPublicKey: merchant.publicPem,
      merchantPublicKeyPath: merchant.publicPath,
      merchantPrivateKeyPath: merchant.privatePath,
      appCertificate: certificates.app.pem,
      appCertificatePath: certificates.app.path,
      alipayCertificate: certificates.alipay.pem,
      alipayCertificatePath: certificates.alipay.path,
      rootCertificate: certificates.root.pem,
      rootCertificatePath: certificates.root.path,
    },
    merchantEnvironment: {
      ALIPAY_APP_ID: alipay.appId,
      ALIPAY_PRIVATE_KEY: merchant.privatePath,
      ALIPAY_PUBLIC_KEY: provider.publicPath,
      ALIPAY_GATEWAY: gateway,
      ALIPAY_SELLER_ID: alipay.sellerId,
    },
    tradeLifeMs: TRADE_LIFE_MS,
    newTradeNo: () => newTradeNo(context.now()),
    newBuyer: () => alipay.buyerId,
    providerStatus: tradeStatus,
    openCredential: (strings) => openCredential(context, alipay, strings),
    returnUrl: (trade) => signedReturnUrl(alipay, trade, context.now()),
    notifications: alipayNotifications(alipay),
  };
}

function alipayApp(context: GatewayContext, alipay: AlipayAccount): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  const bills = alipayBills(context, alipay);
  const methods: ReadonlyMap<string, Method> = new Map([
    ...METHODS,
    [BILL_METHOD, { operation: 'bill', run: (_context, params) => bills.addressOf(params) }],
  ]);
  // The signature covers the decoded parameters, which are read here from the text as it came.
  app.all(
    '/gateway.do',
    express.text({ type: () => true, limit: '256kb' }),
    handle(async (req, res) => {
      const params = readParams(req.originalUrl, typeof req.body === 'string' ? req.body : '');
      if (isPageMethod(params['method'])) await servePage(context, alipay, params, res);
      else await serveMethod(context, alipay, methods, params, res);
    }),
  );
  app.get(
    BILL_PATH,
    handle(async (req, res) => {
      const file = bills.open(req.query['token']);
      if (file) await serveDownload(context, res.type('zip'), 'alipay', file);
      else res.status(403).type('text').send('The address is unknown, or too old.\n');
    }),
  );
  app.use(lastResort(context.report));
  return app;
}

async function servePage(
  context: GatewayContext,
  alipay: AlipayAccount,
  params: Params,
  res: Response,
): Promise<void> {
  try {
    const trade = openPage(context, alipay, params);
    await context.store.commit();
    res.redirect(302, context.cashierUrl(trade.tradeNo));
  } catch (error) {
    if (!(error instanceof AlipayRefusal)) throw error;
    res.status(200).type('html').send(errorPage(error));
  }
}

async function serveMethod(
  context: GatewayContext,
  alipay: AlipayAccount,
  methods: ReadonlyMap<string, Method>,
  params: Params,
  res: Response,
): Promise<void> {
  const method = methods.get(params['method'] ?? '');
  const send = (inner: Record<string, string>): void => {
    const key = method ? answerKey(params['method']) : 'error_response';
    res.set({ 'content-type': 'text/html;charset=utf-8', trace_id: hex(32) });
    const certSn = isByCertificate(params) ? alipay.certificates.alipay.sn : null;
    res.end(answerText(key, inner, alipay.provider.privateKey, certSn));
  };
  const refusal = refusalOf(() => authenticate(params, alipay));
  if (refusal) return send(refusal.toAnswer());
  if (!method) return send(unknownMethod().toAnswer());
  await serveCall(context, res, {
    channel: 'alipay',
    operation: method.operation,
    apply: () => applied(() => method.run(context, params)),
    busy: () => systemBusy().toAnswer(),
    poor: () => balanceTooLow().toAnswer(),
    notReady: () => billNotExist().toAnswer(),
    send,
  });
}

function unknownMethod(): AlipayRefusal {
  return new AlipayRefusal('40002', 'isv.invalid-method', '不存在的方法名');
}

function refusalOf(work: () => void): AlipayRefusal | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof AlipayRefusal) return error;
    throw error;
  }
}

function applied(work: () => Record<string, string>): Record<string, string> {
  try {
    return { code: '10000', msg: 'Success', ...work() };
  } catch (error) {
    if (error instanceof AlipayRefusal) return error.toAnswer();
    throw error;
  }
}
