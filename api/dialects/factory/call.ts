/** What all calls of `factory` share: the tenant's word before every path, and one envelope. */
import { z } from 'zod';
import type { Caller } from '../../../commands/credentials.js';
import { HoldfastError } from '../../../domain/errors.js';
import { RESERVED_WORDS, TENANT_WORD } from '../../../domain/tenant.js';
import { type ActingRule, type LeftOut, acting } from '../../access.js';
import type { Context, Endpoint } from '../../endpoint.js';
import { actsFor } from '../calls.js';
import { declareCall } from '../declare.js';
import { optionalText } from '../fields.js';
import { FACTORY_TEXTS, type FactoryCode, toFactoryError } from './errors.js';

const AREA = /^\/([^/]*)\/(?:pay|user|order|deposit|payBill)\//;
const RESERVED: ReadonlySet<string> = new Set(RESERVED_WORDS);

/** Whether a path is below a tenant's word, known or not, even one that cannot be any. */
export function isFactoryPath(path: string): boolean {
  const word = AREA.exec(path)?.[1];
  return word !== undefined && !RESERVED.has(word);
}

const params = z.object({
  subDomain: z.string().regex(TENANT_WORD).meta({
    description: 'The tenant: any word, or the one of `FACTORY_SUBDOMAIN`.',
    example: 'shop',
  }),
});

const codes = Object.keys(FACTORY_TEXTS).map(Number) as FactoryCode[];

const failure = z
  .object({
    code: z.int().min(1),
    msg: z.string(),
    data: z.number().optional().meta({ description: 'Of 40000: what is missing, in yuan.' }),
  })
  .meta({
    id: 'FactoryFailure',
    description: codes.map((code) => `${code}: ${FACTORY_TEXTS[code]}`).join('; '),
    example: { code: 40_000, msg: `${FACTORY_TEXTS[40_000]}: 30 fen are missing`, data: 0.3 },
  });

/** For whom a back end asks; the platform's own name of a user's id. */
const uid = optionalText(64).meta({ description: 'For whom a back end asks; of users their own.' });

interface Spec<F extends z.ZodRawShape, D extends z.ZodType> {
  /** GET reads the query, POST the body. */
  method: 'get' | 'post';
  /** Behind the tenant; more than one where the client spells it in several ways. */
  paths: readonly [string, ...string[]];
  summary: string;
  description?: string;
  mayBeLeftOut?: LeftOut;
  fields: z.ZodObject<F>;
  example: object;
  answered: unknown;
  data: D;
}

type Fields<F extends z.ZodRawShape> = z.output<z.ZodObject<F>> & { uid?: string | undefined };

/** The same call under each of its paths. */
export function calls<F extends z.ZodRawShape, D extends z.ZodType>(
  spec: Spec<F, D>,
  handler: (context: Context<ActingRule>, fields: Fields<F>) => Promise<z.input<D>>,
): Endpoint[] {
  const { paths, fields, mayBeLeftOut = 'never', answered, data, ...rest } = spec;
  const success = z.object({ code: z.literal(0), msg: z.literal('success'), data });
  return paths.map((path) =>
    declareCall(
      {
        ...rest,
        path: `/:subDomain${path}`,
        access: acting('orders', mayBeLeftOut),
        tag: 'factory',
        params,
        accepts: isTenant,
        fields: fields.extend({ uid }),
        tokenField: 'token',
        answered: { ...DONE, data: answered },
        success,
        failure,
        alsoFails: NO_TENANT,
        answerError: toFactoryError,
      },
      async (context, sent) => ({ ...DONE, data: await handler(context, sent as Fields<F>) }),
    ),
  );
}

const NO_TENANT = { 404: { description: 'That is not the tenant’s word.', schema: failure } };

const DONE = { code: 0, msg: 'success' } as const;

const isTenant: NonNullable<Endpoint['accepts']> = ({ subDomain }, { config: { factorySubDomain } }) =>
  typeof subDomain === 'string' &&
  TENANT_WORD.test(subDomain) &&
  (factorySubDomain === undefined || factorySubDomain === subDomain);

/** The user for whom a call acts. @throws HoldfastError `forbidden`, `invalid_request` */
export function payerOf(caller: Caller | undefined, named: string | undefined): string {
  return actsFor(caller, named, 'uid');
}

/** The platform answers "nothing" with a code of its own. @throws HoldfastError `missing_thing` */
export function someOf<T>(listed: T[]): T[] {
  if (listed.length > 0) return listed;
  throw new HoldfastError('missing_thing', { message: 'there is nothing' });
}
