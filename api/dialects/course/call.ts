/** What all calls of `course` share: GET and POST alike, under two prefixes, and one envelope. */
import { z } from 'zod';
import { type ActingRule, acting } from '../../access.js';
import { type Context, type Endpoint, type RawHeaders, type RawInput, endpoint } from '../../endpoint.js';
import { parseWith } from '../../parse.js';
import { tokensIn } from '../calls.js';
import { accessToken, failuresOf } from '../fields.js';
import { COURSE_TEXTS, type CourseCode, toCourseError } from './errors.js';

/** The document writes one call under the second of them, and all others under the first. */
export const COURSE_PREFIXES = ['/order/', '/orders/'] as const;
export const COURSE_METHODS = ['get', 'post'] as const;

const codes = Object.keys(COURSE_TEXTS).map(Number) as CourseCode[];

export const courseFailure = z.object({ code: z.int().min(1).max(9), err_desc: z.string() }).meta({
  id: 'CourseFailure',
  description: codes.map((code) => `${code}: ${COURSE_TEXTS[code]}`).join('; '),
  example: { code: 4, err_desc: COURSE_TEXTS[4] },
});

const SESSION = /(?:^|;\s*)session=([^;\s]+)/;

/** The document's clients are signed in by a cookie. */
function credentialsIn(raw: RawInput, { cookie }: RawHeaders): string[] {
  const session = typeof cookie === 'string' ? SESSION.exec(cookie)?.[1] : undefined;
  return [...tokensIn(raw), ...(session === undefined ? [] : [session])];
}

const access: ActingRule = acting('orders', 'never');

interface Spec<F extends z.ZodRawShape, I extends z.ZodType> {
  name: string;
  summary: string;
  description?: string;
  /** Without defaults: what stands in the query is not to be overruled by what is left out of the body. */
  fields: z.ZodObject<F>;
  item: I;
  /** The document's own request and the first item of its answer. */
  example: object;
  answered: object;
}

/** What stands beside `code`. */
interface Listed<I> {
  items: I[];
  /** Of all pages. */
  total?: number;
}

const SECOND_MS = 1_000;

/** The same call four times: by each method under each prefix. */
export function calls<F extends z.ZodRawShape, I extends z.ZodType>(
  spec: Spec<F, I>,
  handler: (context: Context<ActingRule>, fields: z.output<z.ZodObject<F>>) => Promise<Listed<z.input<I>>>,
): Endpoint[] {
  const { name, summary, description, fields, item, example, answered } = spec;
  // What stands in the query and what in the body is one set of fields, of which neither has to have all.
  const some: z.ZodObject = fields.partial().extend({ accesstoken: accessToken });
  const success = z.object({
    code: z.literal(0),
    data: z.object({
      count: z.int().meta({ description: 'Of the items here.' }),
      ts: z.int().meta({ description: 'Epoch seconds.' }),
      items: z.array(item as z.ZodType),
      total: z.int().optional().meta({ description: 'Of all pages.' }),
    }),
  });
  return COURSE_PREFIXES.flatMap((prefix) =>
    COURSE_METHODS.map((method) =>
      endpoint({
        method,
        path: `${prefix}${name}`,
        access,
        tag: 'course',
        summary,
        ...(description !== undefined && { description }),
        query: some,
        ...(method === 'post' && { body: some, bodyExample: example }),
        responses: {
          200: {
            description: 'Done, or why not.',
            schema: z.union([success, courseFailure]) as z.ZodType,
            example: { code: 0, data: { count: 1, ts: 1_530_760_164, items: [answered] } },
          },
        },
        failures: failuresOf(courseFailure),
        credentials: credentialsIn,
        answerError: toCourseError,
        handler: async (context, { query, body }) => {
          const sent = { ...query, ...(body as object | undefined) };
          const { items, ...more } = await handler(context, parseWith(fields, sent, 'query', false));
          const ts = Math.floor(Date.now() / SECOND_MS);
          return { status: 200, body: { code: 0, data: { count: items.length, ts, items, ...more } } };
        },
      }),
    ),
  );
}
