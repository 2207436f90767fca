import { z } from 'zod';
import { SCOPES, createApiKey, listApiKeys, revokeApiKey } from '../../commands/credentials.js';
import { backend } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, pageOf, pageQuery, toPage } from './schemas.js';

const name = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: 'For the audit trail.', example: 'shop back end' });
const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(50)
  .meta({ example: ['orders', 'users'] });
const id = z
  .string()
  .regex(/^[0-9a-f]{24}$/, '24 hex digits')
  .meta({ example: '5552c15fa145bd880311a245' });

const apiKey = z
  .object({
    id,
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    createdAt: moment,
    revokedAt: moment.nullable(),
  })
  .meta({ id: 'ApiKey' });

const newApiKey = z
  .object({
    id,
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    key: z.string().meta({ description: 'The secret: shown this once.' }),
    createdAt: moment,
  })
  .meta({ id: 'NewApiKey' });

const after = z.tuple([z.iso.datetime().transform((text) => new Date(text)), id]);

export const apiKeyEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/api-keys',
    access: backend('admin'),
    tag: 'api keys',
    summary: 'Make an API key',
    body: z.object({ name, scopes: scopes.transform((given) => [...new Set(given)]) }),
    bodyExample: { name: 'shop back end', scopes: ['orders', 'users'] },
    responses: { 201: { description: 'The key, shown this once.', schema: newApiKey } },
    secretAnswer: true,
    handler: async ({ services }, input) => {
      const made = await createApiKey(services.db, input.body);
      return { status: 201, body: { ...made, createdAt: made.createdAt.toISOString() } };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/api-keys',
    access: backend('admin'),
    tag: 'api keys',
    summary: 'List API keys, newest first',
    query: pageQuery,
    responses: { 200: { description: 'A page of keys, without their secrets.', schema: pageOf(apiKey) } },
    handler: async ({ services }, { query }) => {
      const [createdAt, lastId] = fromCursor(after, query.cursor) ?? [];
      const rows = await listApiKeys(services.db, {
        limit: query.limit + 1,
        after: createdAt === undefined || lastId === undefined ? null : { createdAt, id: lastId },
      });
      return {
        status: 200,
        body: toPage(
          rows,
          query.limit,
          (row) => [row.createdAt.toISOString(), row.id],
          (row) => ({
            ...row,
            createdAt: row.createdAt.toISOString(),
            revokedAt: row.revokedAt?.toISOString() ?? null,
          }),
        ),
      };
    },
  }),
  endpoint({
    method: 'delete',
    path: '/v1/api-keys/:id',
    access: backend('admin'),
    tag: 'api keys',
    summary: 'Revoke an API key',
    description: 'It is refused from now on. Revoking it again is no error.',
    params: z.object({ id }),
    responses: { 204: { description: 'Revoked.' } },
    errors: ['not_found'],
    handler: async ({ services }, input) => {
      await revokeApiKey(services.db, input.params.id);
      return { status: 204 };
    },
  }),
];
