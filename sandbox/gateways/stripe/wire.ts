import { createHmac, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import { StripeRefusal, type StripeAnswer } from './refusal.js';
import type { StripeAccount } from './account.js';

/** As many as a page of a list has when nobody says. */
const USUAL_PAGE = 10;

/**
 * Checks the key of a call: a bearer token, or the user name of basic authentication.
 * @throws StripeRefusal 401
 */
export function authenticate(authorization: string | undefined, { secretKey }: StripeAccount): void {
  const key = keyIn(authorization ?? '');
  if (key === '') {
    throw new StripeRefusal(
      401,
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
  }
  const [given, wanted] = [Buffer.from(key), Buffer.from(secretKey)];
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new StripeRefusal(401, `Invalid API Key provided: ${key.slice(0, 8)}****${key.slice(-4)}`);
}

function keyIn(authorization: string): string {
  const [scheme = '', value = ''] = authorization.split(' ');
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return '';
  return Buffer.from(value, 'base64').toString('utf8').split(':')[0] ?? '';
}

/** What vouches for an event: HMAC-SHA256 by the whole text of the secret, over the time and the bytes. */
export function signatureHeader(body: string, secret: string): string {
  const at = Math.floor(Date.now() / 1000);
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
}

/**
 * Reads a call's parameters. Forms have texts alone, so the schema makes numbers of them; what it does not know is
 * refused, as there.
 * @throws StripeRefusal 400 that names the parameter
 */
export function readParams<T>(params: unknown, schema: z.ZodType<T>): T {
  const read = schema.safeParse(params ?? {});
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const param = bracketed([...issue.path, issue.keys[0] ?? '']);
    throw new StripeRefusal(400, `Received unknown parameter: ${param}`, {
      code: 'parameter_unknown',
      param,
    });
  }
  const param = bracketed(issue?.path ?? []);
  throw new StripeRefusal(400, `Invalid ${param}: ${issue?.message ?? 'is not valid'}`, { param });
}

/** `metadata[order_no]`, as a form writes it. */
function bracketed([first = '', ...rest]: readonly PropertyKey[]): string {
  return `${String(first)}${rest.map((part) => `[${String(part)}]`).join('')}`;
}

/** One page of a list that is newest first. */
export function pageOf(
  url: string,
  all: readonly Readonly<Record<string, unknown>>[],
  {
    limit = USUAL_PAGE,
    starting_after: after,
  }: { limit?: number | undefined; starting_after?: string | undefined },
): StripeAnswer {
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const data = all.slice(from, from + limit);
  const body = { object: 'list', url, has_more: from + limit < all.length, data };
  return { status: 200, body };
}

export const seconds = (at: number): number => Math.floor(at / 1000);
