import { z } from 'zod';
import {
  deleteActionEndpoint,
  getActionEndpoint,
  putActionEndpoint,
} from '../../commands/action-endpoints.js';
import { actorOf } from '../../commands/credentials.js';
import type { ActionEndpointRow } from '../../db/action-endpoints.js';
import { ACTION_NAMES, type ActionType, NEXT_ACTIONS, actionName } from '../../domain/next-actions.js';
import { backend } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { moment } from './schemas.js';
import { contextOf } from './webhook-endpoints.js';

// Whoever sets one up decides what paid orders do, so it takes a key of a back end.
const access = backend('operate');
const tag = 'actions';

const TYPES = ACTION_NAMES.map((name) => String(NEXT_ACTIONS[name].type));
const params = z.object({
  type: z
    .enum(TYPES, { error: 'is not a type of nextAction' })
    .transform((word) => Number(word) as ActionType)
    .meta({ example: '0' }),
});

// The specification of Standard Webhooks asks for 24 to 64 bytes.
const SECRET = /^(?:whsec_)?[0-9A-Za-z+/]{32,88}={0,2}$/;

const shown = z
  .object({
    type: z.int(),
    name: z.string().meta({ example: 'payShopOrder' }),
    url: z.string(),
    timeoutMs: z.int(),
    updatedBy: z.string(),
    updatedAt: moment,
  })
  .meta({ id: 'ActionEndpoint' });

function toActionEndpoint({
  type,
  url,
  timeoutMs,
  updatedBy,
  updatedAt,
}: ActionEndpointRow): z.input<typeof shown> {
  const name = actionName(type) ?? String(type);
  return { type, name, url, timeoutMs, updatedBy, updatedAt: updatedAt.toISOString() };
}

export const actionEndpointEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'put',
    path: '/v1/action-endpoints/:type',
    access,
    tag,
    summary: 'Have a type of nextAction carried out by a system of yours',
    description:
      'A step of this type is then POSTed there as `{"type", "timestamp", "data"}`, signed by Standard Webhooks; its ' +
      '`webhook-id` is the step’s own key, the same on every try. It is tried until a 2xx answers. A 4xx other than ' +
      '408, 425 and 429 parks the step.',
    params,
    body: z
      .object({
        url: z.string().min(1).max(2_048).meta({ example: 'https://shop.example.com/actions' }),
        secret: z
          .string()
          .regex(SECRET, 'must be 24 to 64 bytes as base64, with or without whsec_ before it')
          .meta({ example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }),
        timeoutMs: z.int().min(100).max(25_000).default(10_000),
      })
      .meta({ id: 'ActionEndpointInput' }),
    responses: { 200: { description: 'The endpoint.', schema: shown } },
    handler: async ({ services, caller }, input) => {
      const row = await putActionEndpoint(
        contextOf(services),
        input.params.type,
        input.body,
        actorOf(caller),
      );
      return { status: 200, body: toActionEndpoint(row) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/action-endpoints/:type',
    access,
    tag,
    summary: 'Where a type of nextAction goes',
    params,
    responses: { 200: { description: 'The endpoint, without its secret.', schema: shown } },
    errors: ['not_found'],
    handler: async ({ services }, input) => ({
      status: 200,
      body: toActionEndpoint(await getActionEndpoint(services.db, input.params.type)),
    }),
  }),
  endpoint({
    method: 'delete',
    path: '/v1/action-endpoints/:type',
    access,
    tag,
    summary: 'Carry a type of nextAction out here again',
    params,
    responses: { 204: { description: 'From the next step on.' } },
    errors: ['not_found'],
    handler: async ({ services }, input) => {
      await deleteActionEndpoint(services.db, input.params.type);
      return { status: 204 };
    },
  }),
];
