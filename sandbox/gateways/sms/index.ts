import express, { type Express, type Request } from 'express';
import type { GatewayContext } from '../../gateway.js';
import { handle, lastResort } from '../../http.js';
import { loadAccount, type SmsAccount } from './account.js';
import { aliyunSms } from './aliyun.js';
import { SmsBook } from './messages.js';
import type { SignedRequest } from './signatures.js';
import { tencentSms } from './tencent.js';

/** Both providers of SMS; they have no trades, tell nobody anything, and share a port. */
export interface SmsGateway {
  readonly app: Express;
  /** What `GET /keys` shows: ids and the endpoint, never a secret. */
  readonly publicFacts: Readonly<Record<string, string>>;
  /** The product's environment variables for both. */
  readonly merchantEnvironment: Readonly<Record<string, string>>;
}

/** Where it listens, counted from SANDBOX_PORT. */
export const SMS_OFFSET = 5;

export async function createSms(
  context: Pick<GatewayContext, 'folder' | 'baseUrl' | 'store' | 'faults' | 'now' | 'report'>,
): Promise<SmsGateway> {
  const { folder, baseUrl } = context;
  const account = await loadAccount(folder);
  const { aliyun, tencent } = account;
  return {
    app: smsApp(context, account),
    publicFacts: {
      endpoint: baseUrl,
      aliyunAccessKeyId: aliyun.accessKeyId,
      tencentSecretId: tencent.secretId,
      tencentAppId: tencent.appId,
    },
    merchantEnvironment: {
      ALIYUN_SMS_ACCESS_KEY_ID: aliyun.accessKeyId,
      ALIYUN_SMS_ACCESS_KEY_SECRET: aliyun.accessKeySecret,
      ALIYUN_SMS_ENDPOINT: baseUrl,
      TENCENT_SMS_SECRET_ID: tencent.secretId,
      TENCENT_SMS_SECRET_KEY: tencent.secretKey,
      TENCENT_SMS_APP_ID: tencent.appId,
      TENCENT_SMS_ENDPOINT: baseUrl,
    },
  };
}

function smsApp(
  { store, faults, now, report }: Pick<GatewayContext, 'store' | 'faults' | 'now' | 'report'>,
  { aliyun, tencent }: SmsAccount,
): Express {
  const context = { store, faults, book: new SmsBook(store, now) };
  const [serveAliyun, serveTencent] = [aliyunSms(context, aliyun), tencentSms(context, tencent)];
  const app = express();
  app.disable('x-powered-by').disable('etag');
  // Both signatures cover the body's bytes.
  app.use(express.text({ type: () => true, limit: '256kb' }));
  app.all(
    '/',
    handle((req, res) => (isForTencent(req) ? serveTencent : serveAliyun)(signedRequest(req), res)),
  );
  app.use(lastResort(report));
  return app;
}

/** By the headers that only Tencent's requests have. */
function isForTencent(req: Request): boolean {
  return req.get('x-tc-action') !== undefined || (req.get('authorization') ?? '').startsWith('TC3-');
}

function signedRequest(req: Request): SignedRequest {
  const [path = '/', query = ''] = req.originalUrl.split('?', 2);
  const body = typeof req.body === 'string' ? req.body : '';
  return { method: req.method, path, query, headers: req.headers, body };
}
