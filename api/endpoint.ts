/**
 * One declaration per route. The Express route, the OpenAPI path and the row of the authorization matrix all come
 * from it.
 */
import type express from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Caller } from '../commands/credentials.js';
import type { ErrorCode, HoldfastError } from '../domain/errors.js';
import type { AccessRule, ActingRule, PublicRule } from './access.js';
import type { SentBody } from './body.js';
import { parseWith } from './parse.js';
import type { Services } from './services.js';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

interface ResponseSpec {
  description: string;
  /** Left out: the answer has no body, or one that the handler sends itself. */
  schema?: z.ZodType;
  /** `application/json` when left out; with another type a string is sent as it is. */
  contentType?: string;
  example?: unknown;
}

export type Responses = Readonly<Record<number, ResponseSpec>>;
export type Headers = Readonly<Record<string, string>>;

/** What goes out. Built by handlers, by the error maps, and from the store of idempotent answers. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Headers | undefined;
  contentType?: string | undefined;
  /** Sends the body itself: event streams and files. */
  send?: ((request: express.Request, response: express.Response) => void | Promise<void>) | undefined;
}

type ReplyOf<R extends Responses> = {
  [S in keyof R & number]: R[S] extends { schema: infer T extends z.ZodType }
    ? { status: S; body: z.input<T>; headers?: Headers }
    : { status: S; headers?: Headers; send?: Answer['send'] };
}[keyof R & number];

export type RawHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Context<A extends AccessRule = AccessRule> {
  services: Services;
  /** Undefined on public routes, and where a dialect's call may leave its credential out. */
  caller: A extends PublicRule ? undefined : A extends ActingRule ? Caller | undefined : Caller;
  requestId: string;
  /** The caller's, as `addressOf` finds it. */
  address: string | undefined;
  /** The Idempotency-Key of a POST: a source for keys of effects, unique within the caller. */
  idempotencyKey: string | undefined;
  /** As they came, names in lower case. */
  headers: RawHeaders;
  /** What signatures are made over: the query and the body as they came. */
  sent: { query: string; bytes: Buffer };
  /** Carries the request's id. */
  log: Logger;
}

type Empty = z.ZodObject<Record<string, never>>;

export interface EndpointSpec<
  A extends AccessRule,
  R extends Responses,
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
> {
  method: Method;
  /** In Express's style: `/v1/users/:id`. */
  path: string;
  access: A;
  /** Groups routes in the documentation. */
  tag: string;
  summary: string;
  description?: string;
  params?: P;
  query?: Q;
  /** A schema, or `rawBytes` for who must see the bytes as they came. */
  body?: B;
  bodyExample?: unknown;
  responses: R;
  /** Codes that this route can answer beside those that its access, method and inputs imply. */
  errors?: readonly ErrorCode[];
  /** Answers hold a secret that is shown once: the store of idempotent answers keeps them sealed. */
  secretAnswer?: boolean;
  /** Left out of the OpenAPI document: pages and their files. */
  hidden?: boolean;
  /** Neither counted nor limited: health, metrics, providers' notifications. */
  unlimited?: boolean;
  /** Answers in time by itself, also while the database is out. */
  ownDeadline?: boolean;
  /** Credentials that a call of this dialect has beside its headers: the body is read before it is known who calls. */
  credentials?: (raw: RawInput, headers: RawHeaders) => readonly string[];
  /** Whether a path that fits is this route's; where it is not, the next one is tried. */
  accepts?: (params: Readonly<Record<string, unknown>>, services: Services) => boolean;
  /** Errors in another shape than problem details. */
  answerError?: (error: HoldfastError, requestId: string) => Answer;
  /** What these are, for the documentation. */
  failures?: Responses;
  handler: (
    context: Context<A>,
    input: { params: z.output<P>; query: z.output<Q>; body: z.output<B> },
  ) => Promise<ReplyOf<NoInfer<R>>>;
}

export interface RawInput {
  params: Readonly<Record<string, unknown>>;
  query: object;
  body: SentBody;
}

type Declared = EndpointSpec<AccessRule, Responses, z.ZodObject, z.ZodObject, z.ZodType>;

/** A declaration whose types were checked, and can be forgotten. */
export interface Endpoint extends Omit<Declared, 'handler'> {
  /** Parses the input, and returns the handler's work with it. @throws HoldfastError `invalid_request` */
  prepare(raw: RawInput): (context: Context) => Promise<Answer>;
}

/** A body that is not parsed: the handler gets the Buffer. */
export const rawBytes = z.instanceof(Buffer);

/** @example see `api/v1/users.ts` */
export function endpoint<
  const A extends AccessRule,
  const R extends Responses,
  P extends z.ZodObject = Empty,
  Q extends z.ZodObject = Empty,
  B extends z.ZodType = z.ZodUndefined,
>(spec: EndpointSpec<A, R, P, Q, B>): Endpoint {
  const { handler, params, query, body, ...rest } = spec;
  return {
    ...rest,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    prepare(raw) {
      const input = {
        params: parseWith(params ?? z.object({}), raw.params, 'path', true) as z.output<P>,
        query: parseWith(query ?? z.object({}), raw.query, 'query', true) as z.output<Q>,
        body: (body &&
          parseWith(
            body,
            raw.body.value === undefined ? {} : raw.body.value,
            'body',
            raw.body.form,
          )) as z.output<B>,
      };
      return async (context) => {
        const answer: Answer = await handler(context, input);
        return { ...answer, contentType: spec.responses[answer.status]?.contentType };
      };
    },
  };
}
