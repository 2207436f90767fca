import type { Request } from 'express';
import { z } from 'zod';
import { DIFFERENCE_TYPES } from '../bills/desk.js';
import { CHANNELS, SMS_PROVIDERS } from '../gateway.js';
import {
  FAULT_PLACES,
  OPERATIONS,
  touchesCalls,
  touchesNotifications,
  type FaultRequest,
} from '../notify/faults.js';
import { DISPUTE_STATUSES } from '../state/disputes.js';
import { PAYOUT_RESULTS } from '../state/payouts.js';
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

const dispute = z.object({
  status: z
    .enum(DISPUTE_STATUSES, { error: `must be one of ${DISPUTE_STATUSES.join(', ')}` })
    .default('opened'),
  reason: z.string().min(1).max(64).default('fraudulent'),
  amount: fen.nullable().default(null),
});

const payoutSettlement = z.object({
  result: z.enum(PAYOUT_RESULTS, { error: `must be one of ${PAYOUT_RESULTS.join(', ')}` }),
  notify: z.boolean().nullable().default(null),
});

const place = z.enum(FAULT_PLACES, { error: `must be one of ${FAULT_PLACES.join(', ')}` });

const fault = z
  .object({
    channel: place,
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
    lowBalance: z.boolean().default(false),
    billNotReady: z.boolean().default(false),
    refuse: z.string().min(1).max(100).nullable().default(null),
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

const webhook = z.object({ channel, url: httpUrl });

const tradeFilter = z.object({ channel: channel.optional(), outTradeNo: z.string().optional() });

const payoutFilter = z.object({
  channel: channel.optional(),
  outPayoutNo: z.string().optional(),
  receiver: z.string().optional(),
  status: z.string().optional(),
});

const billDay = z.object({
  channel: z.enum(['alipay', 'wechat'], { error: 'must be alipay or wechat' }),
  date: z.string({ error: 'must be a day such as 2026-11-23' }),
});

const billFaults = billDay.extend({
  channel,
  differences: z
    .array(
      z.object({
        type: z.enum(DIFFERENCE_TYPES, { error: `must be one of ${DIFFERENCE_TYPES.join(', ')}` }),
        count: z.int().min(1).max(1_000_000).default(1),
        kind: z.enum(['payment', 'refund', 'payout', 'payout_return']).nullable().default(null),
        no: z.string().min(1).nullable().default(null),
      }),
    )
    .min(1),
});

const faultFilter = z.object({ channel: place.optional() });

const smsFilter = z.object({
  mobile: z.string().optional(),
  template: z.string().optional(),
  provider: z.enum(SMS_PROVIDERS).optional(),
});

/** The bodies and queries of the control calls. */
export const inputs = {
  carriedTrade,
  directTrade,
  payment,
  settlement,
  dispute,
  payoutSettlement,
  fault,
  webhook,
  tradeFilter,
  payoutFilter,
  billDay,
  billFaults,
  faultFilter,
  smsFilter,
} as const;

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
