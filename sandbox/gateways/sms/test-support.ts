import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { MerchantEnvironment } from '../../test-support.js';

/** Alibaba's own client, as a merchant would set it up from the written environment. */
export async function aliyunClient(
  environment: MerchantEnvironment,
  changes: { accessKeyId?: string; accessKeySecret?: string; readTimeout?: number } = {},
) {
  const [dysms, core] = await Promise.all([
    import('@alicloud/dysmsapi20170525'),
    import('@alicloud/openapi-core'),
  ]);
  const config = new core.$OpenApiUtil.Config({
    accessKeyId: environment['ALIYUN_SMS_ACCESS_KEY_ID'] ?? '',
    accessKeySecret: environment['ALIYUN_SMS_ACCESS_KEY_SECRET'] ?? '',
    endpoint: new URL(environment['ALIYUN_SMS_ENDPOINT'] ?? '').host,
    protocol: 'HTTP',
    ...changes,
  });
  const client = new (classOf(dysms.default))(config);
  return {
    send: async (wish: object = {}) => {
      const request = { phoneNumbers: '13500000000', signName: '阿里云 Ltd', templateCode: 'SMS_1', ...wish };
      return bodyOf(await client.sendSms(new dysms.SendSmsRequest(request)));
    },
    query: async (wish: object) => {
      const request = { pageSize: 50, currentPage: 1, ...wish };
      return bodyOf(await client.querySendDetails(new dysms.QuerySendDetailsRequest(request)));
    },
  };
}

function bodyOf<T>({ body }: { body?: T }): T {
  if (body === undefined) throw new Error('an answer without a body');
  return body;
}

type Dysms = (typeof import('@alicloud/dysmsapi20170525'))['default'];

/** Node leaves a CommonJS module's own default inside of its default; vitest takes it out. */
function classOf(given: Dysms | { default: Dysms }): Dysms {
  return 'default' in given ? given.default : given;
}

/**
 * A request for a message, signed by Alibaba's library, and perhaps changed afterwards.
 * @returns sends it; answers its status and body
 */
export async function signedAliyunCall(
  environment: MerchantEnvironment,
  changes: { query?: string; body?: string; at?: Date; headers?: Record<string, string> } = {},
): Promise<() => Promise<[number, unknown]>> {
  const { OpenApiUtil: util } = await import('@alicloud/openapi-core');
  const url = new URL(environment['ALIYUN_SMS_ENDPOINT'] ?? '');
  const query = { PhoneNumbers: '13500000000', SignName: 's', TemplateCode: 'SMS_1' };
  const contentHash = createHash('sha256').digest('hex');
  const headers = {
    host: url.host,
    'x-acs-action': 'SendSms',
    'x-acs-version': '2017-05-25',
    'x-acs-date': `${(changes.at ?? new Date()).toISOString().slice(0, 19)}Z`,
    'x-acs-signature-nonce': util.getNonce(),
    'x-acs-content-sha256': contentHash,
  };
  const authorization = util.getAuthorization(
    { protocol: 'http', port: 0, method: 'POST', pathname: '/', query, headers, body: Readable.from([]) },
    'ACS3-HMAC-SHA256',
    contentHash,
    environment['ALIYUN_SMS_ACCESS_KEY_ID'] ?? '',
    environment['ALIYUN_SMS_ACCESS_KEY_SECRET'] ?? '',
  );
  url.search = changes.query ?? new URLSearchParams(query).toString();
  return async () => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers, ...changes.headers, authorization },
      ...(changes.body !== undefined && { body: changes.body }),
    });
    return [answer.status, await answer.json()];
  };
}

/** Tencent's own client, likewise. */
export async function tencentClient(
  environment: MerchantEnvironment,
  changes: { secretId?: string; secretKey?: string; reqTimeout?: number } = {},
) {
  const { sms } = await import('tencentcloud-sdk-nodejs-sms');
  const { secretId, secretKey, reqTimeout = 60 } = changes;
  const client = new sms.v20210111.Client({
    credential: {
      secretId: secretId ?? environment['TENCENT_SMS_SECRET_ID'] ?? '',
      secretKey: secretKey ?? environment['TENCENT_SMS_SECRET_KEY'] ?? '',
    },
    region: 'ap-guangzhou',
    profile: {
      httpProfile: {
        endpoint: new URL(environment['TENCENT_SMS_ENDPOINT'] ?? '').host,
        protocol: 'http://',
        reqTimeout,
      },
    },
  });
  const app = { SmsSdkAppId: environment['TENCENT_SMS_APP_ID'] ?? '' };
  return {
    send: (wish: object = {}) =>
      client.SendSms({
        ...app,
        PhoneNumberSet: ['+8613500000000'],
        SignName: '腾讯云',
        TemplateId: '1234',
        TemplateParamSet: ['9527', '茶 & tea'],
        ...wish,
      }),
    pull: (wish: object) =>
      client.PullSmsSendStatusByPhoneNumber({
        ...app,
        PhoneNumber: '+8613500000000',
        BeginTime: 0,
        Offset: 0,
        Limit: 10,
        ...wish,
      }),
  };
}
