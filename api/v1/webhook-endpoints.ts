import { and, desc, isNull, lt } from 'drizzle-orm';
import { z } from 'zod';
import { actorOf } from '../../commands/credentials.js';
import {
  type WebhookContext,
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  rotateSecret,
  sendTestEvent,
} from '../../commands/webhooks.js';
import { webhookEndpoints } from '../../db/schema.js';
import { type EndpointRow, endpointById } from '../../db/webhooks.js';
import { ENDPOINT_STATUSES, WEBHOOK_EVENT_TYPES } from '../../domain/webhooks.js';
import { backend } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import type { Services } from '../services.js';
import { fromCursor, moment, numberCursor, pageOf, pageQuery, toPage } from './schemas.js';
import { deliverySchema, toDelivery } from './webhook-deliveries.js';

// Whoever sets one up sees every order, so it takes a key of a back end.
const access = backend('operate');
const tag = 'webhooks';
const params = z.object({
  id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of an endpoint id'),
});

const url = z.string().min(1).max(2_048).meta({
  description: 'https; private addresses, and http, are for installations with ALLOW_PRIVATE_URLS.',
  example: 'https://shop.example.com/holdfast',
});
const description = z.string().max(256);
const eventTypes = z
  .array(z.enum(WEBHOOK_EVENT_TYPES))
  .min(1)
  .max(50)
  .transform((given) => [...new Set(given)])
  .nullable()
  .meta({ description: 'Null: all of them.', example: ['order.paid', 'order.completed'] });

const shown = {
  id: z.string(),
  url: z.string(),
  description: z.string(),
  eventTypes: z.array(z.enum(WEBHOOK_EVENT_TYPES)).nullable(),
  status: z.enum(ENDPOINT_STATUSES),
  disabledReason: z.string().nullable(),
  previousSecretUntil: moment.nullable().meta({ description: 'Until then the secret before signs too.' }),
  failingSince: moment.nullable().meta({ description: 'Null while tries succeed.' }),
  createdAt: moment,
};
const endpointSchema = z.object(shown).meta({ id: 'WebhookEndpoint' });
const withSecret = z
  .object({
    ...shown,
    secret: z.string().meta({ description: 'For verifying by Standard Webhooks: shown this once.' }),
  })
  .meta({ id: 'NewWebhookEndpoint' });

function toEndpoint(row: EndpointRow): z.input<typeof endpointSchema> {
  const { id, description: text, status, disabledReason, previousUntil, failingSince, createdAt } = row;
  const rotates = previousUntil !== null && previousUntil > new Date();
  return {
    id,
    url: row.url,
    description: text,
    eventTypes: row.eventTypes,
    status,
    disabledReason,
    previousSecretUntil: rotates ? previousUntil.toISOString() : null,
    failingSince: failingSince?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}

/** What calls to URLs of others are set up by. */
export const contextOf = ({ db, config }: Services): WebhookContext => ({
  db,
  allowPrivateUrls: config.allowPrivateUrls,
  payloadKey: config.temporal.payloadKey,
});

const editing: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/webhook-endpoints',
    access,
    tag,
    summary: 'Have events sent to a URL',
    description:
      'Each event is POSTed as `{"type", "timestamp", "data"}`, signed by Standard Webhooks with the secret that is ' +
      'answered here, and tried for a day until a 2xx answers. The same event has the same `webhook-id` on every try; ' +
      'events may come more than once, and in another order than they happened. `data` is the order as GET shows it, ' +
      'without its nextAction; for `action.parked` with the `action`; for `withdrawal.*` the withdrawal.',
    body: z
      .object({ url, description: description.default(''), eventTypes: eventTypes.default(null) })
      .meta({ id: 'WebhookEndpointInput' }),
    bodyExample: { url: 'https://shop.example.com/holdfast', eventTypes: ['order.paid', 'order.completed'] },
    responses: { 201: { description: 'The endpoint, with its secret.', schema: withSecret } },
    errors: ['conflict'],
    secretAnswer: true,
    handler: async ({ services, caller }, { body }) => {
      const { endpoint: made, secret } = await createEndpoint(contextOf(services), body, actorOf(caller));
      return { status: 201, body: { ...toEndpoint(made), secret } };
    },
  }),
  endpoint({
    method: 'patch',
    path: '/v1/webhook-endpoints/:id',
    access,
    tag,
    summary: 'Change an endpoint, enable or disable it',
    description: 'Disabling ends what is on its way: it has failed, and can be sent again by hand.',
    params,
    body: z
      .object({
        url: url.optional(),
        description: description.optional(),
        eventTypes: eventTypes.optional(),
        status: z.enum(ENDPOINT_STATUSES).optional(),
      })
      .meta({ id: 'WebhookEndpointChange' }),
    bodyExample: { status: 'enabled' },
    responses: { 200: { description: 'The endpoint.', schema: endpointSchema } },
    errors: ['not_found'],
    handler: async ({ services, caller }, { params: { id }, body }) => {
      const changed = await changeEndpoint(contextOf(services), id, body, actorOf(caller));
      return { status: 200, body: toEndpoint(changed) };
    },
  }),
  endpoint({
    method: 'delete',
    path: '/v1/webhook-endpoints/:id',
    access,
    tag,
    summary: 'Send no more events to an endpoint',
    params,
    responses: { 204: { description: 'Deleted; its deliveries stay to be looked at.' } },
    errors: ['not_found'],
    handler: async ({ services, caller }, { params: { id } }) => {
      await deleteEndpoint(contextOf(services), id, actorOf(caller));
      return { status: 204 };
    },
  }),
];

const acting: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/webhook-endpoints/:id/rotate-secret',
    access,
    tag,
    summary: 'Replace the secret',
    description: 'For a day both secrets sign, so that receivers can be changed in their own time.',
    params,
    responses: { 200: { description: 'The endpoint, with its new secret.', schema: withSecret } },
    errors: ['not_found'],
    secretAnswer: true,
    handler: async ({ services }, { params: { id } }) => {
      const { endpoint: rotated, secret } = await rotateSecret(contextOf(services), id);
      return { status: 200, body: { ...toEndpoint(rotated), secret } };
    },
  }),
  endpoint({
    method: 'post',
    path: '/v1/webhook-endpoints/:id/test',
    access,
    tag,
    summary: 'Send an event of type webhook.test',
    params,
    responses: { 201: { description: 'The delivery, on its way.', schema: deliverySchema } },
    errors: ['not_found', 'conflict'],
    handler: async ({ services }, { params: { id } }) => ({
      status: 201,
      body: toDelivery(await sendTestEvent(contextOf(services), id)),
    }),
  }),
];

const reading: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/webhook-endpoints',
    access,
    tag,
    summary: 'List endpoints, newest first',
    query: pageQuery,
    responses: { 200: { description: 'A page of endpoints.', schema: pageOf(endpointSchema) } },
    handler: async ({ services }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(webhookEndpoints)
        .where(
          and(
            isNull(webhookEndpoints.deletedAt),
            before === null ? undefined : lt(webhookEndpoints.seq, before),
          ),
        )
        .orderBy(desc(webhookEndpoints.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toEndpoint) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/webhook-endpoints/:id',
    access,
    tag,
    summary: 'Read an endpoint',
    params,
    responses: { 200: { description: 'The endpoint, without its secret.', schema: endpointSchema } },
    errors: ['not_found'],
    handler: async ({ services }, { params: { id } }) => ({
      status: 200,
      body: toEndpoint(await endpointById(services.db, id)),
    }),
  }),
];

export const webhookEndpointEndpoints: readonly Endpoint[] = [...editing, ...acting, ...reading];
