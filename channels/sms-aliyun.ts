/**
 * SMS by Alibaba Cloud (Dysmsapi 2017-05-25), by its own client library. A refusal for business reasons comes as
 * HTTP 200 with another code than OK, and the library throws nothing then.
 */
import { z } from 'zod';
import { toChinaTime } from '../domain/china-time.js';
import { DEFAULT_TIMEOUT_MS, unknownOutcome, withDeadline } from './provider-errors.js';
import type { Posted, SmsMessage, SmsProvider, SmsState } from './sms.js';
import { codeOf, neverLeft, partsOf, refusalOf, withCountry } from './sms-parts.js';

export interface AliyunSmsConfig {
  accessKeyId: string;
  accessKeySecret: string;
  /** `https://dysmsapi.aliyuncs.com`. */
  endpoint: string;
  /** Of one call. */
  timeoutMs?: number | undefined;
  showsWithinMs: number;
}

const MINUTE_MS = 60_000;
const PAGE_SIZE = 50;
// Far more than a number may get on one day.
const MOST_PAGES = 20;

const sent = z.object({
  code: z.string(),
  message: z.string().optional(),
  bizId: z.string().min(1).optional(),
});
const details = z.object({
  code: z.string(),
  totalCount: z.coerce.number().default(0),
  smsSendDetailDTOs: z
    .object({
      smsSendDetailDTO: z
        .array(
          z.object({ outId: z.string().optional(), sendStatus: z.number(), errCode: z.string().optional() }),
        )
        .default([]),
    })
    .optional(),
});

/** `SendStatus` of a message that did not reach the phone; 1 is under way, 3 is delivered. */
const FAILED = 2;

export function createAliyunSms(config: AliyunSmsConfig): SmsProvider {
  let opening: ReturnType<typeof openClient> | undefined;
  const client = () => (opening ??= openClient(config));
  return {
    showsWithinMs: config.showsWithinMs,
    send: async (message) => send(await client(), message),
    query: async (message, postedAt) => query(await client(), message, postedAt),
  };
}

async function openClient({ endpoint, timeoutMs = DEFAULT_TIMEOUT_MS, ...keys }: AliyunSmsConfig) {
  const [dysms, core] = await Promise.all([
    import('@alicloud/dysmsapi20170525'),
    import('@alicloud/openapi-core'),
  ]);
  const { host, protocol } = partsOf(endpoint);
  const config = new core.$OpenApiUtil.Config({
    accessKeyId: keys.accessKeyId,
    accessKeySecret: keys.accessKeySecret,
    endpoint: host,
    protocol: protocol.toUpperCase(),
    connectTimeout: timeoutMs,
    readTimeout: timeoutMs,
  });
  const sms = new (classOf(dysms.default))(config);
  return {
    sendSms: (request: object) =>
      withDeadline(sms.sendSms(new dysms.SendSmsRequest({ ...request })), timeoutMs),
    querySendDetails: (request: object) =>
      withDeadline(sms.querySendDetails(new dysms.QuerySendDetailsRequest({ ...request })), timeoutMs),
  };
}

type Dysms = (typeof import('@alicloud/dysmsapi20170525'))['default'];

/** Node leaves a CommonJS module's own default inside of its default; other loaders take it out. */
function classOf(given: Dysms | { default: Dysms }): Dysms {
  return 'default' in given ? given.default : given;
}

type Client = Awaited<ReturnType<typeof openClient>>;

/** Without the code of China, which a number of another country must have and these must not, to be found again. */
function toNumber(mobile: string): string {
  return withCountry(mobile).replace(/^86(?=1\d{10}$)/, '');
}

async function send(client: Client, message: SmsMessage): Promise<Posted> {
  const request = {
    phoneNumbers: toNumber(message.mobile),
    signName: message.sign,
    templateCode: message.template,
    outId: message.key,
    ...(Object.keys(message.params).length > 0 && { templateParam: JSON.stringify(message.params) }),
  };
  let answer: unknown;
  try {
    answer = (await client.sendSms(request)).body;
  } catch (error) {
    return outcomeOfError(error);
  }
  const read = sent.safeParse(answer);
  if (!read.success) throw unknown('SendSms');
  const { code, message: words, bizId } = read.data;
  if (code !== 'OK') return outcomeOfCode(code, words);
  if (bizId === undefined) throw unknown('SendSms');
  return { state: 'sent', providerMessageId: bizId };
}

function outcomeOfError(error: unknown): Posted {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : Number.NaN;
  const refusal = refusalOf(codeOf(error), error instanceof Error ? error.message : undefined);
  if (isLater(refusal.code, refusal.message) || status === 429) return { state: 'later', ...refusal };
  if (status >= 400 && status < 500 && status !== 408) return { state: 'refused', ...refusal };
  const unreachable = Number.isNaN(status) ? neverLeft(error) : undefined;
  if (unreachable === undefined) throw unknown('SendSms', error);
  return unreachable;
}

function outcomeOfCode(code: string, words: string | undefined): Posted {
  // Those of `isv.` are the merchant's fault. After those of `isp.`, Alibaba's own, it may have been taken.
  if (code.startsWith('isp.') && code !== 'isp.RAM_PERMISSION_DENY')
    throw unknown('SendSms', undefined, code);
  const refusal = refusalOf(code, words);
  return { state: isLater(code, refusal.message) ? 'later' : 'refused', ...refusal };
}

/** The limit per number is by minute, hour and day; only the first is worth waiting for. */
function isLater(code: string, message: string): boolean {
  if (code === 'isv.BUSINESS_LIMIT_CONTROL') return /分钟|minute/i.test(message);
  return code.startsWith('Throttling') || code === 'ServiceUnavailable';
}

async function query(client: Client, message: SmsMessage, postedAt: Date): Promise<SmsState> {
  // Clocks differ, and a message that was posted at midnight may stand under either day.
  const days = new Set([-MINUTE_MS, MINUTE_MS].map((shift) => toDay(new Date(+postedAt + shift))));
  for (const day of days) {
    const found = await queryDay(client, message, day);
    if (found !== undefined) return found;
  }
  return { state: 'unknown' };
}

/** `20261124`, in China. */
const toDay = (at: Date): string => toChinaTime(at).slice(0, 10).replaceAll('-', '');

async function queryDay(client: Client, message: SmsMessage, day: string): Promise<SmsState | undefined> {
  for (let page = 1; page <= MOST_PAGES; page++) {
    const { totalCount, rows } = await queryPage(client, toNumber(message.mobile), day, page);
    const row = rows.find(({ outId }) => outId === message.key);
    if (row?.sendStatus === FAILED) return { state: 'failed', code: row.errCode ?? 'no code' };
    if (row !== undefined) return { state: 'sent', providerMessageId: null };
    if (page * PAGE_SIZE >= totalCount) return undefined;
  }
  return undefined;
}

async function queryPage(client: Client, phoneNumber: string, sendDate: string, currentPage: number) {
  let answer: unknown;
  try {
    const request = { phoneNumber, sendDate, pageSize: PAGE_SIZE, currentPage };
    answer = (await client.querySendDetails(request)).body;
  } catch (error) {
    throw unknown('QuerySendDetails', error);
  }
  const read = details.safeParse(answer);
  if (!read.success || read.data.code !== 'OK') {
    throw unknown('QuerySendDetails', undefined, read.data?.code);
  }
  return { totalCount: read.data.totalCount, rows: read.data.smsSendDetailDTOs?.smsSendDetailDTO ?? [] };
}

function unknown(operation: string, cause?: unknown, providerCode = codeOf(cause)): Error {
  return unknownOutcome(
    { channel: 'aliyun', operation, ...(providerCode !== '' && { providerCode }) },
    cause,
  );
}
