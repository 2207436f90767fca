import { type SQL, and, desc, eq, lt, or } from 'drizzle-orm';
import { z } from 'zod';
import { createOrder } from '../../commands/create-order.js';
import { type Caller, actorOf, hasScope, isOperator } from '../../commands/credentials.js';
import { cancelOrder, closeOrderChat, confirmOrder } from '../../commands/decide-order.js';
import type { OrderRow } from '../../db/orders.js';
import { orderEvents, orders } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { ORDER_STATUSES } from '../../domain/order-status.js';
import { ORDER_KINDS } from '../../domain/order.js';
import { anyOf, anyUser, backend, operator } from '../access.js';
import { type Context, type Endpoint, endpoint } from '../endpoint.js';
import { fromOrderInput, orderInput, orderSchema, toOrder } from './order-schemas.js';
import { assertMayConfirm, orderFor } from '../parties.js';
import { fromCursor, moment, numberCursor, pageOf, pageQuery, toPage, userId } from './schemas.js';

export const orderParams = z.object({
  id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of an order id'),
});
export const partiesOrBackend = anyOf(backend('orders'), anyUser, operator);

const example = {
  kind: 'deal',
  buyerId: '000000000000000000000b01',
  sellerId: '000000000000000000000501',
  amount: 10_000,
  subject: 'One hour of guitar',
  chatId: 'room_1',
};

/** A user may act only for themselves; a back end for any user. */
function assertActsFor(caller: Caller, user: string, field: string): void {
  if (hasScope(caller, 'orders') || (caller.kind === 'user' && caller.userId === user)) return;
  throw new HoldfastError('forbidden', { message: `${field} must be the caller`, details: { field } });
}

/** Users see their own orders, whatever they ask for. */
function visibleTo(caller: Caller): SQL | undefined {
  if (hasScope(caller, 'orders') || isOperator(caller)) return undefined;
  if (caller.kind !== 'user') throw new HoldfastError('forbidden');
  return or(eq(orders.buyerId, caller.userId), eq(orders.sellerId, caller.userId));
}

/** What a command needs to know of who asks. */
export function asked({ caller, idempotencyKey }: Context): { by: string; idempotencyKey: string | null } {
  if (caller === undefined) throw new Error('only public routes have no caller');
  return { by: actorOf(caller), idempotencyKey: idempotencyKey ?? null };
}

type Command = (context: Context, order: OrderRow, reason: string | undefined) => Promise<OrderRow>;

/** confirm, cancel and close-chat: answered as GET shows the order, after the money has moved. */
function command(
  verb: string,
  spec: { summary: string; may: Parameters<typeof orderFor>[3]; errors: Endpoint['errors'] },
  run: Command,
): Endpoint {
  return endpoint({
    method: 'post',
    path: `/v1/orders/:id/${verb}`,
    access: anyOf(backend('orders'), anyUser),
    tag: 'orders',
    summary: spec.summary,
    description: 'Answers after it has happened; a repeat answers the same.',
    params: orderParams,
    body: z.object({ reason: z.string().max(500).optional() }),
    responses: { 200: { description: 'The order.', schema: orderSchema } },
    errors: ['order_not_found', 'conflict', 'unavailable', ...(spec.errors ?? [])],
    handler: async (context, { params, body }) => {
      const order = await orderFor(context.services.db, context.caller, params.id, spec.may);
      return { status: 200, body: toOrder(await run(context, order, body.reason)) };
    },
  });
}

export const orderEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/orders',
    access: anyOf(backend('orders'), anyUser),
    tag: 'orders',
    summary: 'Create an order',
    body: orderInput,
    bodyExample: example,
    responses: { 201: { description: 'The order; its workflow starts at once.', schema: orderSchema } },
    errors: ['user_not_found', 'invalid_next_action', 'price_mismatch', 'missing_thing', 'invalid_amount'],
    handler: async (context, { body }) => {
      assertActsFor(context.caller, body.buyerId, 'buyerId');
      const order = await createOrder(context.services.commands, fromOrderInput(body), asked(context));
      return { status: 201, body: toOrder(order) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/orders',
    access: partiesOrBackend,
    tag: 'orders',
    summary: 'List orders, newest first',
    description: 'A user sees the orders that they are a party of.',
    query: pageQuery.extend({
      status: z.enum(ORDER_STATUSES).optional(),
      kind: z.enum(ORDER_KINDS).optional(),
      buyerId: userId.optional(),
      sellerId: userId.optional(),
    }),
    responses: { 200: { description: 'A page of orders.', schema: pageOf(orderSchema) } },
    handler: async ({ services, caller }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(orders)
        .where(
          and(
            visibleTo(caller),
            query.status && eq(orders.status, query.status),
            query.kind && eq(orders.kind, query.kind),
            query.buyerId === undefined ? undefined : eq(orders.buyerId, query.buyerId),
            query.sellerId === undefined ? undefined : eq(orders.sellerId, query.sellerId),
            before === null ? undefined : lt(orders.seq, before),
          ),
        )
        .orderBy(desc(orders.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toOrder) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/orders/:id',
    access: partiesOrBackend,
    tag: 'orders',
    summary: 'Read an order',
    params: orderParams,
    responses: { 200: { description: 'The order.', schema: orderSchema } },
    errors: ['order_not_found'],
    handler: async ({ services, caller }, { params }) => ({
      status: 200,
      body: toOrder(
        await orderFor(services.db, caller, params.id, ['buyer', 'seller', 'backend', 'operator']),
      ),
    }),
  }),
  command(
    'confirm',
    {
      summary: 'Release the money to the seller',
      may: ['buyer', 'backend'],
      errors: ['order_not_confirmable'],
    },
    (context, order) => {
      assertMayConfirm(context.caller, order);
      return confirmOrder(context.services.commands, order, asked(context));
    },
  ),
  command(
    'cancel',
    {
      summary: 'Cancel an unpaid order',
      may: ['buyer', 'backend'],
      errors: ['order_not_cancellable', 'order_already_paid'],
    },
    (context, order, reason) =>
      cancelOrder(context.services.commands, order, reason ?? 'cancelled', asked(context)),
  ),
  command(
    'close-chat',
    { summary: 'End the chat window by hand', may: ['buyer', 'seller', 'backend'], errors: [] },
    (context, order) => closeOrderChat(context.services.commands, order, asked(context)),
  ),
];

export const eventSchema = z
  .object({
    id: z.number().int(),
    type: z.string().meta({ example: 'order.paid' }),
    actor: z.string(),
    reason: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
    createdAt: moment,
  })
  .meta({ id: 'OrderEvent' });

export function toEvent(event: typeof orderEvents.$inferSelect): z.input<typeof eventSchema> {
  const { id, type, actor, reason, data, createdAt } = event;
  return { id, type, actor, reason, data, createdAt: createdAt.toISOString() };
}
