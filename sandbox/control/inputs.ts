import type { Request } from 'express';
import { z } from 'zod';
import { CHANNELS } from '../gateway.js';
import { OPERATIONS, touchesCalls, touchesNotifications, type FaultRequest } from '../notify/faults.js';
import { Refusal } from '../state/refusal.js';
import { parsedJson } from '../values/json.js';

const HIGHEST_FEN = 10_000_000_000;
const LONGEST_MS = 3_600_000;

const channel = z.enum(CHANNELS, { error: `must be one of ${CHANNELS.join(', ')}` });
const fen = z.int('must be integer fen').min(1).max(HIGHEST_FEN);
// Hyphens too: a front end submits its own numbers here. Alipay itself takes letters, digits and _ only.
const merchantNumber = z
  .string()
  .regex(/^[0-9A-Za-z_\-|*@]{1,64}$/, 'takes up to 64 letters, digits and _-|*@');
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
const moment = z.union(
  [z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)), z.int().min(0)],
  {
    error: 'must be ISO 8601 with a zone, or epoch milliseconds',
  },
);
const ms = z.int().min(0).max(LONGEST_MS);

const carriedTrade = z.object({
  channel,
  credential: z.union([z.string().min(1), z.record(z.string(), z.unknown())]).optional(),
});

const directTrade = z.object({
  channel,
  outTradeNo: merchantNumber,
  amount: fen,
  subject: z.string().min(1).max(256).optional(),
  notifyUrl: httpUrl.optional(),
});

const payment = z.object({
  buyer: z.string().min(1).max(128).nullable().default(null),
  paidAt: moment.nullable().default(null),
  amount: fen.nullable().default(null),
  notify: z.boolean().default(true),
  force: z.boolean().default(false),
});

const settlement = z.object({
  result: z.enum(['success', 'fail', 'abnormal'], { error: 'must be success, fail or abnormal' }),
  notify: z.boolean().nullable().default(null),
});

const fault = z
  .object({
    channel,
    duplicate: z.int().min(0).max(100).default(0),
    delayMs: ms.default(0),
    drop: z.boolean().default(false),
    reorder: z.boolean().default(false),
    tamper: z.boolean().default(false),
    wrongKey: z.boolean().default(false),
    signtest: z.boolean().default(false),
    wrongAmount: z.boolean().default(false),
    wrongMerchant: z.boolean().default(false),
    wrongOrder: z.boolean().default(false),
    hangMs: ms.default(0),
    errorRate: z.number().min(0).max(1).default(0),
    requestTimeout: z.boolean().default(false),
    operation: z.enum(OPERATIONS).nullable().default(null),
    times: z.int().min(1).max(1_000_000).nullable().default(null),
  })
  .refine((body: FaultRequest) => touchesNotifications(body) || touchesCalls(body), {
    message: 'names no fault',
  })
  .refine((body) => !body.signtest || body.channel === 'wechat', {
    message: 'is a probe that only wechat sends',
    path: ['signtest'],
  });

const tradeFilter = z.object({ channel: channel.optional(), outTradeNo: z.string().optional() });

/** The bodies and queries of the control calls. */
export const inputs = { carriedTrade, directTrade, payment, settlement, fault, tradeFilter } as const;

/**
 * Reads the JSON body of a control call, whatever its content type says; no body reads as `{}`.
 * @throws Refusal `invalid_json` or `invalid_input`
 */
export function bodyOf<T>(req: Request, schema: z.ZodType<T>): T {
  const text = typeof req.body === 'string' ? req.body.trim() : '';
  const body = text === '' ? {} : parsedJson(text);
  if (body === undefined) throw new Refusal('invalid_json', 'The body is no JSON.');
  return checked(body, schema);
}

/** @throws Refusal `invalid_input` */
export function queryOf<T>(req: Request, schema: z.ZodType<T>): T {
  return checked(req.query, schema);
}

function checked<T>(value: unknown, schema: z.ZodType<T>): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue?.path.join('.') || 'The input';
  throw new Refusal('invalid_input', `${where}: ${issue?.message ?? 'is not valid'}.`);
}
