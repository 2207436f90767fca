import { z } from 'zod';
import type { AccessRule } from '../access.js';
import { type Context, type Endpoint, type Responses, endpoint } from '../endpoint.js';
import { tokensIn } from './calls.js';
import { accessToken, failuresOf } from './fields.js';

type Shared = Pick<
  Endpoint,
  'path' | 'tag' | 'summary' | 'description' | 'answerError' | 'accepts' | 'params'
>;

interface CallSpec<A extends AccessRule> extends Shared {
  /** GET reads the query, POST the body. */
  method: 'get' | 'post';
  access: A;
  fields: z.ZodObject;
  /** Which of the names of the access token the document has. */
  tokenField: 'accesstoken' | 'token';
  /** The document's own request, and its answer. */
  example: object;
  answered: object;
  success: z.ZodType;
  failure: z.ZodType;
  /** Beside what any call can be refused with. */
  alsoFails?: Responses;
}

/** A dialect's call: business is answered with 200, in the dialect's own envelope. @param answer the whole of it */
export function declareCall<const A extends AccessRule>(
  {
    method,
    access,
    fields,
    tokenField,
    example,
    answered,
    success,
    failure,
    alsoFails,
    ...rest
  }: CallSpec<A>,
  answer: (context: Context<A>, sent: unknown) => Promise<object>,
): Endpoint {
  const sent: z.ZodObject = fields.extend({ [tokenField]: accessToken });
  return endpoint({
    ...rest,
    method,
    access,
    ...(method === 'get' && { query: sent }),
    ...(method === 'post' && { body: sent, bodyExample: example }),
    responses: {
      200: {
        description: 'Done, or why not.',
        schema: z.union([success, failure]) as z.ZodType,
        example: answered,
      },
    },
    failures: { ...failuresOf(failure), ...alsoFails },
    credentials: tokensIn,
    handler: async (context, { query, body }) => ({
      status: 200,
      body: await answer(context, method === 'get' ? query : body),
    }),
  });
}
