/** The OpenAPI 3.1 document, written from the same declarations that the routes are made from. */
import {
  OpenAPIRegistry,
  OpenApiGeneratorV31,
  type ResponseConfig,
  type RouteConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../domain/errors.js';
import { type AccessRule, describeAccess } from './access.js';
import { type Endpoint, type Responses, rawBytes } from './endpoint.js';
import { takesKey } from './mount.js';
import { PROBLEMS, problemSchema } from './v1/errors.js';

const DESCRIPTION = `Payments that hold money until they are confirmed. Amounts are whole fen; times are UTC.

Send \`Authorization: Bearer <API key or access token>\` or \`x-api-key\`. Bodies are JSON; forms
(\`application/x-www-form-urlencoded\`) are read too. Unknown fields are ignored; a name that stands twice in one
object is refused. Errors are RFC 9457 problem details with a stable \`code\`. Every POST takes an
\`Idempotency-Key\`, kept for a day: the same key and request answer what the first one answered. An answer that
shows a secret is kept encrypted with the caller's own credential, so that only this credential can have it repeated.`;

const idempotencyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    // No example: a page that fills it in would send one key with everything.
    .meta({
      description: 'A new one for each request; the same key and request answer what the first one answered.',
    }),
});

function header(description: string, type: 'string' | 'integer') {
  return { description, schema: { type } };
}

// Components are written as they are, and the schema that they name comes in with the first route that has it.
const PROBLEM_REF = { $ref: '#/components/schemas/Problem' };
const REQUEST_ID_HEADER = header('Names this request in the logs.', 'string');

/** Codes that any route of this kind can answer. */
function codesOf(route: Endpoint): ErrorCode[] {
  const withBody = route.method === 'post' || route.method === 'put' || route.method === 'patch';
  const isPublic = route.access.kind === 'public';
  return [
    ...(withBody || route.params || route.query ? (['invalid_request'] as const) : []),
    ...(isPublic ? [] : (['unauthenticated', 'forbidden'] as const)),
    ...(withBody ? (['payload_too_large'] as const) : []),
    ...(takesKey(route) ? (['idempotency_conflict', 'idempotency_in_progress'] as const) : []),
    ...(route.unlimited ? [] : (['rate_limited'] as const)),
    ...(route.errors ?? []),
    'unavailable',
    'internal',
  ];
}

function problemResponses(route: Endpoint): RouteConfig['responses'] {
  const all = [...new Set(codesOf(route))];
  const statuses = new Set(all.map((code) => PROBLEMS[code].status));
  return Object.fromEntries(
    [...statuses].map((status) => {
      const codes = all.filter((code) => PROBLEMS[code].status === status);
      const [only] = codes.length === 1 ? codes : [];
      return [
        String(status),
        only === undefined
          ? problemResponse(codes, problemSchema)
          : { $ref: `#/components/responses/${only}` },
      ];
    }),
  );
}

/** One status may stand for several codes. */
function problemResponse<S>(codes: readonly ErrorCode[], schema: S) {
  const waits = codes.some((code) => 'retryAfterSeconds' in PROBLEMS[code]);
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    headers: {
      'X-Request-Id': REQUEST_ID_HEADER,
      ...(waits && { 'Retry-After': header('Seconds after which trying again can help.', 'integer') }),
      ...(codes.includes('unauthenticated') && {
        'WWW-Authenticate': header('How to authenticate.', 'string'),
      }),
    },
    content: {
      'application/problem+json': {
        schema,
        example: problemExample(codes[0] ?? 'internal'),
      },
    },
  };
}

function problemExample(code: ErrorCode): Record<string, unknown> {
  const { status, title } = PROBLEMS[code];
  return {
    type: `urn:holdfast:problem:${code}`,
    title,
    status,
    detail: title,
    code,
    requestId: '6f1f0c8e-6d0e-4a5e-9a2b-0d3c4f1e2a77',
  };
}

/** What a handler writes itself. A stream has no schema as a whole, and 3.1 has no way to give one to its events. */
function rawContent(contentType: string): z.ZodType {
  if (contentType === 'text/event-stream') return z.unknown();
  return /\bjson\b/.test(contentType) ? z.looseObject({}) : z.string();
}

function responsesOf(route: Endpoint, responses: Responses): Record<string, ResponseConfig> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, schema, contentType, example }]) => [
      status,
      {
        description,
        headers: {
          'X-Request-Id': REQUEST_ID_HEADER,
          ...(takesKey(route) && {
            'Idempotent-Replayed': header('`true` where this repeats the first answer.', 'string'),
          }),
        },
        ...(schema && {
          content: {
            [contentType ?? 'application/json']: { schema, ...(example === undefined ? {} : { example }) },
          },
        }),
        ...(!schema && contentType && { content: { [contentType]: { schema: rawContent(contentType) } } }),
      },
    ]),
  );
}

/** `/v1/users/:id` in Express is `/v1/users/{id}` here. */
function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function operationId(route: Endpoint): string {
  const words = route.path.split(/\W+/).filter((word) => word !== '' && word !== 'v1');
  return [route.method, ...words].join('_');
}

function routeConfig(route: Endpoint): RouteConfig {
  const { body, params, query, access } = route;
  const who = `For ${describeAccess(access)}.`;
  return {
    method: route.method,
    path: openApiPath(route.path),
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    description: route.description === undefined ? who : `${route.description}\n\n${who}`,
    security: securityOf(access),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(takesKey(route) && { headers: idempotencyHeader }),
      ...(body && body !== rawBytes && { body: requestBody(body, route.bodyExample) }),
    },
    responses: {
      ...(route.failures === undefined ? problemResponses(route) : responsesOf(route, route.failures)),
      ...responsesOf(route, route.responses),
    },
  };
}

function securityOf(access: AccessRule): Record<string, string[]>[] {
  if (access.kind === 'public') return [];
  const credentials: Record<string, string[]>[] = [{ apiKey: [] }, { bearer: [] }];
  // The empty one says that none is needed.
  const isOptional = access.kind === 'acting' && access.mayBeLeftOut !== 'never';
  return isOptional ? [...credentials, {}] : credentials;
}

function requestBody(
  schema: z.ZodType,
  example: unknown,
): NonNullable<NonNullable<RouteConfig['request']>['body']> {
  return {
    required: true,
    content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
  };
}

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

export function openApiDocument(endpoints: readonly Endpoint[], version: string): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'The API key of a back end.',
  });
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'The API key of a back end, or the access token of a user.',
  });
  for (const code of ERROR_CODES) {
    registry.registerComponent('responses', code, problemResponse([code], PROBLEM_REF));
  }
  for (const route of endpoints) {
    if (route.hidden !== true) registry.registerPath(routeConfig(route));
  }
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
  });
}
