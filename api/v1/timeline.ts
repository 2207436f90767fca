import { asc, eq } from 'drizzle-orm';
import { createSession } from 'better-sse';
import { z } from 'zod';
import { orderEvents } from '../../db/schema.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { eventSchema, orderParams, partiesOrBackend, toEvent } from './orders.js';
import { orderFor } from '../parties.js';

const EVERY_PARTY = ['buyer', 'seller', 'backend', 'operator'] as const;

export const timelineEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/orders/:id/timeline',
    access: partiesOrBackend,
    tag: 'orders',
    summary: 'What happened to an order, with actor and reason',
    params: orderParams,
    responses: { 200: { description: 'Oldest first.', schema: z.object({ data: z.array(eventSchema) }) } },
    errors: ['order_not_found'],
    handler: async ({ services, caller }, { params }) => {
      const { orderNo } = await orderFor(services.db, caller, params.id, EVERY_PARTY);
      const rows = await services.db
        .select()
        .from(orderEvents)
        .where(eq(orderEvents.orderNo, orderNo))
        .orderBy(asc(orderEvents.id));
      return { status: 200, body: { data: rows.map(toEvent) } };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/orders/:id/events',
    access: partiesOrBackend,
    tag: 'orders',
    summary: 'The same, live (server-sent events)',
    description:
      'Begins with what has happened, or behind `Last-Event-ID`, and goes on until the caller leaves.',
    params: orderParams,
    responses: {
      200: {
        description: 'Events whose data is an OrderEvent as JSON, as the timeline has them.',
        contentType: 'text/event-stream',
      },
    },
    errors: ['order_not_found'],
    handler: async ({ services, caller }, { params }) => {
      const { orderNo } = await orderFor(services.db, caller, params.id, EVERY_PARTY);
      return {
        status: 200,
        send: async (request, response) => {
          if (request.method === 'HEAD') {
            response.end();
            return;
          }
          const session = await createSession(request, response, { keepAlive: 15_000 });
          const after = /^\d{1,15}$/.test(session.lastId) ? Number(session.lastId) : 0;
          const end = services.liveEvents.listen(orderNo, after, (event) => {
            session.push(toEvent(event), event.type, String(event.id));
          });
          session.once('disconnected', end);
        },
      };
    },
  }),
];
