/** What all calls of `campus` share: POST under /api/Pay, and one envelope. */
import { z } from 'zod';
import { acting } from '../../access.js';
import { type Context, type Endpoint, endpoint } from '../../endpoint.js';
import { tokensIn } from '../calls.js';
import { accessToken, failuresOf } from '../fields.js';
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
  const { name, summary, description, body, example, answered, data } = spec;
  const success = z.object({ error: z.literal(0), data });
  return endpoint({
    method: 'post',
    path: `${CAMPUS_PREFIX}${name}`,
    access,
    tag: 'campus',
    summary,
    ...(description !== undefined && { description }),
    body: body.extend({ accesstoken: accessToken }) as z.ZodType,
    bodyExample: example,
    responses: {
      200: {
        description: 'Done, or why not.',
        schema: z.union([success, failure]) as z.ZodType,
        example: { error: 0, data: answered },
      },
    },
    failures: failuresOf(failure),
    credentials: tokensIn,
    answerError: toCampusError,
    handler: async (context, { body: sent }) => ({
      status: 200,
      body: { error: 0, data: await handler(context, sent as z.output<z.ZodObject<B>>) },
    }),
  });
}
