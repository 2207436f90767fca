import { z } from 'zod';
import { SETTING_KEY, type Setting, getSetting, listSettings, putSetting } from '../../commands/catalog.js';
import { actorOf } from '../../commands/credentials.js';
import { anyOf, backend, operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, pageOf, pageQuery, toPage } from './schemas.js';

const key = z
  .string()
  .regex(SETTING_KEY, '1 to 64 letters, digits, dots, hyphens or underscores')
  .meta({ example: 'fee.platformBps' });

const anyJson = z.unknown().meta({ description: 'Any JSON value.', example: 250 });

const setting = z
  .object({ key, value: anyJson, updatedBy: z.string(), updatedAt: moment })
  .meta({ id: 'Setting' });

function toSetting(found: Setting): z.input<typeof setting> {
  return { ...found, updatedAt: found.updatedAt.toISOString() };
}

const params = z.object({ key });
const readers = anyOf(backend('settings'), operator);

export const settingEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'put',
    path: '/v1/settings/:key',
    access: backend('settings'),
    tag: 'settings',
    summary: 'Set a system parameter',
    description:
      'Actions read parameters without a dot as variables. `price.*` (fen), `fee.*` and `limit.*` are whole numbers from 0; `fee.platformBps`, and `fee.channelBps.<channel>`, by which a bill’s fees are checked, are at most 10000.',
    params,
    body: z
      .object({ value: anyJson.refine((given) => given !== undefined, 'is missing') })
      .meta({ required: ['value'] }),
    bodyExample: { value: 250 },
    responses: { 200: { description: 'The parameter as it is now.', schema: setting } },
    handler: async ({ services, caller }, input) => ({
      status: 200,
      body: toSetting(await putSetting(services.db, input.params.key, input.body.value, actorOf(caller))),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/settings/:key',
    access: readers,
    tag: 'settings',
    summary: 'Read a system parameter',
    params,
    responses: { 200: { description: 'The parameter.', schema: setting } },
    errors: ['not_found'],
    handler: async ({ services }, input) => ({
      status: 200,
      body: toSetting(await getSetting(services.db, input.params.key)),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/settings',
    access: readers,
    tag: 'settings',
    summary: 'List system parameters, in the order of their keys',
    query: pageQuery,
    responses: { 200: { description: 'A page.', schema: pageOf(setting) } },
    handler: async ({ services }, { query }) => {
      const after = fromCursor(key, query.cursor);
      const rows = await listSettings(services.db, { limit: query.limit + 1, after });
      return { status: 200, body: toPage(rows, query.limit, (row) => row.key, toSetting) };
    },
  }),
];
