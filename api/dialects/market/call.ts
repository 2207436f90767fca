/** What all calls of `market` share: POST under /api/v1, one envelope, the document's fields for tokens. */
import { eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Caller } from '../../../commands/credentials.js';
import type { OrderRow } from '../../../db/orders.js';
import { orders } from '../../../db/schema.js';
import { HoldfastError } from '../../../domain/errors.js';
import type { AccessRule } from '../../access.js';
import type { Context, Endpoint } from '../../endpoint.js';
import { type Party, orderFor } from '../../parties.js';
import type { Services } from '../../services.js';
import { declareCall } from '../declare.js';
import { MARKET_TEXTS, type MarketCode, toMarketError } from './errors.js';

const codes = Object.keys(MARKET_TEXTS).map(Number) as MarketCode[];

const failure = z
  .object({
    success: z.literal(false),
    code: z.int().min(0).max(12),
    msg: z.string(),
    error: z.string().optional(),
  })
  .meta({
    id: 'MarketFailure',
    description: codes.map((code) => `${code}: ${MARKET_TEXTS[code]}`).join('; '),
    example: { success: false, code: 2, msg: MARKET_TEXTS[2] },
  });

interface Spec<A extends AccessRule, B extends z.ZodRawShape, S extends z.ZodRawShape> {
  name: string;
  summary: string;
  description?: string;
  access: A;
  body: z.ZodObject<B>;
  /** The document's own request, and its answer beside `success`. */
  example: object;
  answered?: object;
  /** Beside `success`. */
  answer: z.ZodObject<S>;
  answerError?: Endpoint['answerError'];
}

export function call<const A extends AccessRule, B extends z.ZodRawShape, S extends z.ZodRawShape>(
  spec: Spec<A, B, S>,
  handler: (context: Context<A>, body: z.output<z.ZodObject<B>>) => Promise<z.input<z.ZodObject<S>>>,
): Endpoint {
  const { name, body, answered = {}, answer, answerError = toMarketError, ...rest } = spec;
  return declareCall(
    {
      ...rest,
      method: 'post',
      path: `/api/v1/${name}`,
      tag: 'market',
      fields: body,
      tokenField: 'accesstoken',
      answered: { success: true, ...answered },
      success: z.object({ success: z.literal(true) }).extend(answer.shape),
      failure,
      answerError,
    },
    async (context, sent) => ({
      success: true,
      ...(await handler(context, sent as z.output<z.ZodObject<B>>)),
    }),
  );
}

/** Nothing beside `success`. */
export const done = z.object({});

/**
 * The order, for a caller who is one of `may`; where the call needs no credential, whoever makes it.
 * @throws HoldfastError `order_not_found`, `forbidden`
 */
export async function orderOf(
  { db }: Services,
  caller: Caller | undefined,
  oid: string,
  may: readonly Party[],
): Promise<OrderRow> {
  if (caller !== undefined) return orderFor(db, caller, oid, may);
  const [order] = await db.select().from(orders).where(eq(orders.id, oid));
  if (order !== undefined) return order;
  throw new HoldfastError('order_not_found', { message: `there is no order ${oid}` });
}
