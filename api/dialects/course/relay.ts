/**
 * What relays say of payments. Nothing in these calls is money: the channel is asked, and decides. How a relay says
 * who it is stands beside the document's fields (COURSE_RELAY_AUTH).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { z } from 'zod';
import { takeCallback } from '../../../commands/courses.js';
import type { Config } from '../../../config.js';
import type { RelayedChannel } from '../../../domain/courses.js';
import { HoldfastError } from '../../../domain/errors.js';
import { type Fen, fromYuan } from '../../../domain/money.js';
import { everybody } from '../../access.js';
import { type Context, type Endpoint, endpoint } from '../../endpoint.js';
import { parseWith } from '../../parse.js';
import { failuresOf, optionalText, text } from '../fields.js';
import { COURSE_METHODS, COURSE_PREFIXES, courseFailure } from './call.js';
import { toCourseError } from './errors.js';

const WORDS: Readonly<Record<string, RelayedChannel>> = { alipay: 'alipay', wxpay: 'wechat' };

/** Relays pass on whatever they were sent: a number may be one, or a text. */
const loose = (max: number) => z.union([text(max), z.number()]);
const looseOptional = (max: number) => z.union([optionalText(max), z.number()]);

// No defaults: what stands in the query is not to be overruled by what is left out of the body.
const fields = z.object({
  result: loose(64).meta({ description: '`2` or `SUCCESS`: paid; anything else: not.' }),
  trade_no: text(64),
  third_trade_no: looseOptional(64),
  third_buyer_id: looseOptional(128),
  amount: looseOptional(32).meta({ description: 'Yuan.' }),
});

const PAID: ReadonlySet<string> = new Set(['2', 'SUCCESS']);

/** Whether a relay's signature is enough where a channel has no credentials. */
export function takesSigned({ courseRelay }: Config): boolean {
  return courseRelay.auth === 'hmac' && courseRelay.secret !== undefined;
}

function refused(message: string): HoldfastError {
  return new HoldfastError('unauthenticated', { message });
}

/** @returns whether the call is signed; @throws HoldfastError `unauthenticated` */
function verify({ services, headers, sent }: Context, secretInPath: string | undefined): boolean {
  const { auth, secret } = services.config.courseRelay;
  if (auth === 'query') return false;
  if (secret === undefined) throw refused('COURSE_RELAY_SECRET is not set');
  if (auth === 'token') {
    if (secretInPath === undefined || !isSame(secretInPath, secret))
      throw refused('the path has no secret, or another');
    return false;
  }
  const named = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, headers[name]]);
  if (named.some(([, value]) => typeof value !== 'string')) throw refused('the call is not signed');
  try {
    // A call without a body is signed over its query.
    const signed = sent.bytes.length > 0 ? sent.bytes : sent.query;
    verifierOf(secret).verify(signed, Object.fromEntries(named) as Record<string, string>, {
      jsonParse: false,
    });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) throw refused(error.message);
    throw error;
  }
}

/** `whsec_` or not, Standard Webhooks has its keys in base64; what is none is taken as it stands. */
function verifierOf(secret: string): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    return new Webhook(secret, { format: 'raw' });
  }
}

/** Digests have one length, so that the comparison takes the same time whatever was sent. */
function isSame(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((word) => createHash('sha256').update(word).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

function amountIn(sent: string | number): Fen | undefined {
  try {
    return fromYuan(sent);
  } catch (error) {
    if (error instanceof HoldfastError) return undefined;
    throw error;
  }
}

function relayEndpoint(
  prefix: string,
  word: string,
  method: (typeof COURSE_METHODS)[number],
  hasSecret: boolean,
): Endpoint {
  const some: z.ZodObject = fields.partial();
  return endpoint({
    method,
    path: `${prefix}${word}${hasSecret ? '/:secret' : ''}`,
    access: everybody,
    // What relays say is said once: none of it may be turned away.
    unlimited: true,
    tag: 'course',
    summary: `支付结果回调通知: what became of a payment by ${word}`,
    description:
      'A hint alone: the channel is asked at once. A relay says who it is as `COURSE_RELAY_AUTH` says: by the ' +
      'headers of Standard Webhooks over the body, or over the query of a call without one; by the secret in the path; or not at all.',
    ...(hasSecret && { params: z.object({ secret: text(256) }) }),
    query: some,
    ...(method === 'post' && {
      body: some,
      bodyExample: {
        result: 2,
        trade_no: '5-9996-6d2d',
        third_trade_no: '2026113022001',
        third_buyer_id: '2088',
        amount: '0.01',
      },
    }),
    responses: {
      200: {
        description: 'Kept, or why not.',
        schema: z.union([z.object({ code: z.literal(0) }), courseFailure]) as z.ZodType,
        example: { code: 0 },
      },
    },
    failures: failuresOf(courseFailure),
    answerError: toCourseError,
    handler: async (context, { params, query, body }) => {
      const signed = verify(context, (params as { secret?: string }).secret);
      const sent = parseWith(fields, { ...query, ...(body as object | undefined) }, 'query', false);
      const { amount = '', third_trade_no: thirdTradeNo = '', third_buyer_id: thirdBuyerId = '' } = sent;
      const result = String(sent.result);
      await takeCallback(context.services.commands, {
        channel: WORDS[word] ?? 'alipay',
        tradeNo: sent.trade_no,
        paid: PAID.has(result),
        result,
        thirdTradeNo: String(thirdTradeNo),
        thirdBuyerId: String(thirdBuyerId),
        amountText: String(amount),
        amount: amountIn(amount),
        signed,
      });
      return { status: 200, body: { code: 0 } };
    },
  });
}

export const relayEndpoints: readonly Endpoint[] = COURSE_PREFIXES.flatMap((prefix) =>
  Object.keys(WORDS).flatMap((word) =>
    COURSE_METHODS.flatMap((method) =>
      [false, true].map((hasSecret) => relayEndpoint(prefix, word, method, hasSecret)),
    ),
  ),
);
