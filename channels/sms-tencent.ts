/** SMS by Tencent Cloud (2021-01-11), by its own client library. Values go by position, and each number has its own code. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { z } from 'zod';
import { DEFAULT_TIMEOUT_MS, unknownOutcome, withDeadline } from './provider-errors.js';
import type { Posted, SmsMessage, SmsProvider, SmsState } from './sms.js';
import { codeOf, neverLeft, partsOf, refusalOf, withCountry } from './sms-parts.js';

export interface TencentSmsConfig {
  secretId: string;
  secretKey: string;
  /** Of the SMS application: `1400006666`. */
  appId: string;
  /** `https://sms.tencentcloudapi.com`. */
  endpoint: string;
  /** Tencent takes messages in a few of its regions alone, such as `ap-guangzhou`. */
  region: string;
  /** Of one call. */
  timeoutMs?: number | undefined;
  showsWithinMs: number;
}

const MINUTE_S = 60;
const MOST_ROWS = 100;

const sent = z.object({
  SendStatusSet: z
    .array(z.object({ Code: z.string(), Message: z.string().optional(), SerialNo: z.string().optional() }))
    .length(1),
});
const pulled = z.object({
  PullSmsSendStatusSet: z
    .array(
      z.object({
        SerialNo: z.string().optional(),
        SessionContext: z.string().optional(),
        ReportStatus: z.string().optional(),
      }),
    )
    .default([]),
});

/** Not taken, but worth another try: the limits that are over within a minute. */
const LATER = new Set(['ServiceUnavailable', 'LimitExceeded.PhoneNumberThirtySecondLimit']);

export function createTencentSms(config: TencentSmsConfig): SmsProvider {
  let opening: ReturnType<typeof openClient> | undefined;
  const client = () => (opening ??= openClient(config));
  return {
    showsWithinMs: config.showsWithinMs,
    send: async (message) => send(await client(), config.appId, message),
    query: async (message, postedAt) => query(await client(), config.appId, message, postedAt),
  };
}

async function openClient({ timeoutMs = DEFAULT_TIMEOUT_MS, ...config }: TencentSmsConfig) {
  const { sms } = await import('tencentcloud-sdk-nodejs-sms');
  const { host, protocol } = partsOf(config.endpoint);
  const client = new sms.v20210111.Client({
    credential: { secretId: config.secretId, secretKey: config.secretKey },
    region: config.region,
    profile: {
      httpProfile: {
        endpoint: host,
        protocol: `${protocol}://`,
        reqTimeout: timeoutMs / 1_000,
        // Without one of our own the library goes by `http_proxy` of the environment.
        agent: protocol === 'http' ? new HttpAgent() : new HttpsAgent(),
      },
    },
  });
  return {
    send: (request: Parameters<typeof client.SendSms>[0]) => withDeadline(client.SendSms(request), timeoutMs),
    pull: (request: Parameters<typeof client.PullSmsSendStatusByPhoneNumber>[0]) =>
      withDeadline(client.PullSmsSendStatusByPhoneNumber(request), timeoutMs),
  };
}

type Client = Awaited<ReturnType<typeof openClient>>;

const toNumber = (mobile: string): string => `+${withCountry(mobile)}`;

async function send(client: Client, appId: string, message: SmsMessage): Promise<Posted> {
  let answer: unknown;
  try {
    answer = await client.send({
      SmsSdkAppId: appId,
      SignName: message.sign,
      TemplateId: message.template,
      PhoneNumberSet: [toNumber(message.mobile)],
      TemplateParamSet: message.paramNames.map((name) => message.params[name] ?? ''),
      SessionContext: message.key,
    });
  } catch (error) {
    // The library gives a code only to what Tencent itself has said.
    if (codeOf(error) !== '') return outcomeOf(codeOf(error), textOf(error));
    const unreachable = neverLeft(error);
    if (unreachable === undefined) throw unknown('SendSms', error);
    return unreachable;
  }
  const read = sent.safeParse(answer);
  const [status] = read.data?.SendStatusSet ?? [];
  if (status === undefined) throw unknown('SendSms');
  const { Code: code, Message: words, SerialNo: serialNo = '' } = status;
  if (code !== 'Ok') return outcomeOf(code, words);
  if (serialNo === '') throw unknown('SendSms');
  return { state: 'sent', providerMessageId: serialNo };
}

function outcomeOf(code: string, words: string | undefined): Posted {
  // Among these is a time-out inside of Tencent, after which it may have been taken.
  if (code.startsWith('InternalError')) throw unknown('SendSms', undefined, code);
  const isLater = LATER.has(code) || code.startsWith('RequestLimitExceeded');
  return { state: isLater ? 'later' : 'refused', ...refusalOf(code, words) };
}

/**
 * Tencent shows a message once the carrier has reported on it, and our number with it where the account is set up for
 * that; a row without a number of ours may be any message to that phone, and proves nothing.
 */
async function query(client: Client, appId: string, message: SmsMessage, postedAt: Date): Promise<SmsState> {
  let answer: unknown;
  try {
    answer = await client.pull({
      SmsSdkAppId: appId,
      PhoneNumber: toNumber(message.mobile),
      BeginTime: Math.floor(+postedAt / 1_000) - MINUTE_S,
      Offset: 0,
      Limit: MOST_ROWS,
    });
  } catch (error) {
    throw unknown('PullSmsSendStatusByPhoneNumber', error);
  }
  const read = pulled.safeParse(answer);
  if (!read.success) throw unknown('PullSmsSendStatusByPhoneNumber');
  const row = read.data.PullSmsSendStatusSet.find(({ SessionContext: key }) => key === message.key);
  if (row === undefined) return { state: 'unknown' };
  if (row.ReportStatus === 'FAIL') return { state: 'failed', code: 'FAIL' };
  return { state: 'sent', providerMessageId: row.SerialNo ?? null };
}

const textOf = (error: unknown): string | undefined => (error instanceof Error ? error.message : undefined);

function unknown(operation: string, cause?: unknown, providerCode = codeOf(cause)): Error {
  return unknownOutcome(
    { channel: 'tencent', operation, ...(providerCode !== '' && { providerCode }) },
    cause,
  );
}
