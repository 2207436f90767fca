import { sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parsedJson } from '../../values/json.js';
import type { PingppAccount } from './account.js';
import { invalidRequest, unauthorized, type PingppAnswer } from './refusal.js';

const ALGORITHM = 'RSA-SHA256';

/** What of a request its signature covers, and who sent it. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query exactly as requested. */
  readonly originalUrl: string;
  readonly body: string;
  readonly authorization: string | undefined;
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
}

/**
 * Checks a request's API key, and its signature: every call that changes anything has one, and any that is there is
 * looked at.
 * @throws PingppRefusal 401
 */
export function authenticate(request: SignedRequest, pingpp: PingppAccount): void {
  const key = /^Basic ([\w+/=-]+)$/.exec(request.authorization ?? '')?.[1] ?? '';
  const bearer = /^Bearer (\S+)$/.exec(request.authorization ?? '')?.[1];
  const given = bearer ?? Buffer.from(key, 'base64').toString('utf8').replace(/:$/, '');
  if (!isSame(given, pingpp.apiKey)) throw unauthorized('api_key_invalid', 'API Key 无效');
  const { method, originalUrl, body, timestamp = '', signature } = request;
  if (signature === undefined && method === 'GET') return;
  const text = `${body}${originalUrl}${timestamp}`;
  const isGood =
    signature !== undefined &&
    /^\d{1,12}$/.test(timestamp) &&
    verify(ALGORITHM, Buffer.from(text), pingpp.merchant.publicKey, Buffer.from(signature, 'base64'));
  if (!isGood) throw unauthorized('signature_invalid', '请求签名验证失败，请检查商户私钥与待签名串');
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Ping++'s times are whole seconds. */
export function toSecond(at: number): number {
  return Math.floor(at / 1_000);
}

export function signature(body: string, key: KeyObject): string {
  return sign(ALGORITHM, Buffer.from(body), key).toString('base64');
}

/** @throws PingppRefusal 400 that names the field */
export function readBody<T>(body: string, schema: z.ZodType<T>): T {
  const read = schema.safeParse(parsedJson(body));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw invalidRequest('request_param_invalid', `${field} ${issue?.message ?? 'is not valid'}`, field);
}

const second = z
  .string()
  .regex(/^\d{1,11}$/)
  .transform(Number)
  .optional();
const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();

const listQuery = z.object({
  'app[id]': z.string().optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .default(10),
  starting_after: z.string().optional(),
  ending_before: z.string().optional(),
  'created[gt]': second,
  'created[gte]': second,
  'created[lt]': second,
  'created[lte]': second,
  channel: z.string().optional(),
  paid: flag,
  refunded: flag,
  reversed: flag,
  status: z.string().optional(),
});
export type ListQuery = z.infer<typeof listQuery>;

// A list without a time holds the last month's.
const MONTH_S = 30 * 86_400;

/** @throws PingppRefusal 400: a parameter that is none, or another app's */
export function readList(originalUrl: string, appId: string): ListQuery {
  const params = new URL(originalUrl, 'http://127.0.0.1').searchParams;
  const read = listQuery.safeParse(Object.fromEntries(params));
  if (!read.success || read.data.limit < 1 || read.data.limit > 100) {
    throw invalidRequest('request_param_invalid', 'a parameter of the list is not valid');
  }
  const asked = read.data['app[id]'];
  if (asked !== undefined && asked !== appId) throw invalidRequest('app_not_found', 'app 不存在', 'app[id]');
  return read.data;
}

/** Ping++'s page of a list: the items, newest first, that fit the times and follow or precede the cursor. */
export function toPage(
  url: string,
  items: readonly { readonly id: string; readonly created: number }[],
  query: ListQuery,
  nowMs: number,
): PingppAnswer {
  const times = [
    query['created[gt]'],
    query['created[gte]'],
    query['created[lt]'],
    query['created[lte]'],
  ] as const;
  const [gt = -1, gte = 0, lt = Infinity, lte = Infinity] = times;
  const since = times.every((time) => time === undefined) ? Math.floor(nowMs / 1000) - MONTH_S : 0;
  const fitting = items.filter(
    ({ created }) => created > gt && created >= gte && created < lt && created <= lte && created >= since,
  );
  const indexOf = (id: string | undefined): number => fitting.findIndex((item) => item.id === id);
  const after = query.starting_after === undefined ? 0 : indexOf(query.starting_after) + 1;
  const before = query.ending_before === undefined ? fitting.length : indexOf(query.ending_before);
  const rest = fitting.slice(after, before);
  const data = rest.slice(0, query.limit);
  return { status: 200, body: { object: 'list', url, has_more: rest.length > data.length, data } };
}
