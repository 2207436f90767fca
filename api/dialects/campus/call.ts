/** What all calls of `campus` share: POST under /api/Pay, and one envelope. */
import { z } from 'zod';
import { acting } from '../../access.js';
import type { Context, Endpoint } from '../../endpoint.js';
import { declareCall } from '../declare.js';
import { toCampusError } from './errors.js';

/** Of every path, behind the prefix that CAMPUS_WEB_PATH may add. */
export const CAMPUS_PREFIX = '/api/Pay/';

const failure = z
  .object({ error: z.literal(1), message: z.string() })
  .meta({ id: 'CampusFailure', example: { error: 1, message: '参数错误: userID: is needed' } });

const access = acting('orders', 'documented');

interface Spec<B extends z.ZodRawShape, D extends z.ZodType> {
  name: string;
  summary: string;
  description?: string;
  body: z.ZodObject<B>;
  /** The document's own request, and the `data` of its answer. */
  example: object;
  answered: unknown;
  data: D;
}

export function call<B extends z.ZodRawShape, D extends z.ZodType>(
  spec: Spec<B, D>,
  handler: (context: Context<typeof access>, body: z.output<z.ZodObject<B>>) => Promise<z.input<D>>,
): Endpoint {
  const { name, body, answered, data, ...rest } = spec;
  return declareCall(
    {
      ...rest,
      method: 'post',
      path: `${CAMPUS_PREFIX}${name}`,
      access,
      tag: 'campus',
      fields: body,
      tokenField: 'accesstoken',
      answered: { error: 0, data: answered },
      success: z.object({ error: z.literal(0), data }),
      failure,
      answerError: toCampusError,
    },
    async (context, sent) => ({
      error: 0,
      data: await handler(context, sent as z.output<z.ZodObject<B>>),
    }),
  );
}
