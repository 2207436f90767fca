import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { redeliver } from '../../commands/webhooks.js';
import { webhookDeliveries } from '../../db/schema.js';
import { type DeliveryRow, deliveryById } from '../../db/webhooks.js';
import { DELIVERY_STATUSES, DELIVERY_TYPES } from '../../domain/webhooks.js';
import { operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, numberCursor, pageOf, pageQuery, toPage } from './schemas.js';

const tag = 'webhooks';
const id = z.string().regex(/^[0-9a-f]{24}$/, 'must be 24 hex digits');
const params = z.object({ id });

export const deliverySchema = z
  .object({
    id: z.string(),
    endpointId: z.string(),
    messageId: z.string().meta({ description: 'The `webhook-id` of every try.', example: 'msg_5c1f' }),
    type: z.enum(DELIVERY_TYPES),
    orderNo: z.string().nullable(),
    status: z.enum(DELIVERY_STATUSES),
    payload: z
      .looseObject({ type: z.string(), timestamp: moment, data: z.unknown() })
      .meta({ description: 'The body as it is sent.' }),
    attempts: z.array(
      z.object({
        at: moment,
        durationMs: z.number().int(),
        status: z.number().int().nullable().meta({ description: 'Null where there was no answer.' }),
        error: z.string().nullable(),
        answer: z.string().nullable().meta({ description: 'The beginning of the answer.' }),
      }),
    ),
    nextTryAt: moment.nullable().meta({ description: 'Null once it has ended.' }),
    createdAt: moment,
    endedAt: moment.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

export function toDelivery(row: DeliveryRow): z.input<typeof deliverySchema> {
  const { endpointId, messageId, type, orderNo, status, attempts } = row;
  return {
    id: row.id,
    endpointId,
    messageId,
    type,
    orderNo,
    status,
    payload: JSON.parse(row.payload) as z.input<typeof deliverySchema>['payload'],
    attempts,
    nextTryAt: status === 'pending' ? row.dueAt.toISOString() : null,
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

export const webhookDeliveryEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/webhook-deliveries',
    access: operator,
    tag,
    summary: 'List deliveries, newest first',
    description:
      'One row for each event and endpoint. `failed` are those that no 2xx answered within a day; those of an endpoint ' +
      'that was disabled or answered 410 fail at once.',
    query: pageQuery.extend({
      endpointId: id.optional(),
      status: z.enum(DELIVERY_STATUSES).optional(),
      type: z.enum(DELIVERY_TYPES).optional(),
    }),
    responses: { 200: { description: 'A page of deliveries.', schema: pageOf(deliverySchema) } },
    handler: async ({ services }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(webhookDeliveries)
        .where(
          and(
            query.endpointId === undefined ? undefined : eq(webhookDeliveries.endpointId, query.endpointId),
            query.status && eq(webhookDeliveries.status, query.status),
            query.type && eq(webhookDeliveries.type, query.type),
            before === null ? undefined : lt(webhookDeliveries.seq, before),
          ),
        )
        .orderBy(desc(webhookDeliveries.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toDelivery) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/webhook-deliveries/:id',
    access: operator,
    tag,
    summary: 'Read a delivery, try by try',
    params,
    responses: { 200: { description: 'The delivery.', schema: deliverySchema } },
    errors: ['not_found'],
    handler: async ({ services }, input) => ({
      status: 200,
      body: toDelivery(await deliveryById(services.db, input.params.id)),
    }),
  }),
  endpoint({
    method: 'post',
    path: '/v1/webhook-deliveries/:id/redeliver',
    access: operator,
    tag,
    summary: 'Send an event again',
    description: 'Under the same `webhook-id`, now and by the whole schedule, whatever became of it before.',
    params,
    responses: { 200: { description: 'The delivery, on its way.', schema: deliverySchema } },
    errors: ['not_found', 'conflict'],
    handler: async ({ services }, input) => ({
      status: 200,
      body: toDelivery(await redeliver({ db: services.db }, input.params.id)),
    }),
  }),
];
