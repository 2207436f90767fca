import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { decideRefund, requestRefund } from '../../commands/refunds.js';
import { type Caller, hasScope, isOperator } from '../../commands/credentials.js';
import type { Db } from '../../db/client.js';
import { orders, refunds } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { MAX_AMOUNT_FEN, fen } from '../../domain/money.js';
import { PAYMENT_CHANNELS } from '../../domain/order.js';
import { REFUND_STATUSES } from '../../domain/refund-postings.js';
import { type RefundRow, refundById } from '../../db/refunds.js';
import { anyOf, anyUser, backend, operator } from '../access.js';
import { type Context, type Endpoint, endpoint } from '../endpoint.js';
import { asked, orderParams, partiesOrBackend } from './orders.js';
import { orderFor } from '../parties.js';
import { fenAmount, fromCursor, moment, numberCursor, pageOf, pageQuery, toPage } from './schemas.js';

const reason = z.string().min(1).max(256);
const refundParams = z.object({
  id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of a refund id'),
});

const refundSchema = z
  .object({
    id: z.string(),
    orderId: z.string().nullable().meta({ description: 'Null for money that fitted no order.' }),
    amount: fenAmount,
    status: z.enum(REFUND_STATUSES),
    reason: z.string(),
    channel: z.enum(PAYMENT_CHANNELS).meta({ description: 'The way it came, and goes back.' }),
    outTradeNo: z.string(),
    requestedBy: z.string(),
    decidedBy: z.string().nullable(),
    decision: z.string().nullable().meta({ description: 'The reason of the decision.' }),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
    createdAt: moment,
    decidedAt: moment.nullable(),
    settledAt: moment.nullable(),
  })
  .meta({ id: 'Refund' });

function toRefund(row: RefundRow, orderId: string | null): z.input<typeof refundSchema> {
  const { id, amount, status, channel, outTradeNo, requestedBy, decidedBy, decision, error } = row;
  return {
    id,
    orderId,
    amount,
    status,
    reason: row.reason,
    channel,
    outTradeNo,
    requestedBy,
    decidedBy,
    decision,
    ...(error !== null && { error }),
    createdAt: row.createdAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}

async function orderIdOf(db: Db, { orderNo }: RefundRow): Promise<string | null> {
  if (orderNo === null) return null;
  const [order] = await db.select({ id: orders.id }).from(orders).where(eq(orders.orderNo, orderNo));
  return order?.id ?? null;
}

/** Parties of its order may see a refund, and who decides about refunds. */
async function assertMaySee(
  db: Db,
  caller: Caller,
  { id }: RefundRow,
  orderId: string | null,
): Promise<void> {
  if (isOperator(caller) || hasScope(caller, 'refunds:decide')) return;
  try {
    if (orderId === null) throw new HoldfastError('order_not_found');
    await orderFor(db, caller, orderId, ['buyer', 'seller', 'backend']);
  } catch (error) {
    // A stranger's refund is one that does not exist, to the last word.
    if (!(error instanceof HoldfastError) || error.code !== 'order_not_found') throw error;
    throw new HoldfastError('refund_not_found', {
      message: `there is no refund ${id}`,
      details: { refundId: id },
      cause: error,
    });
  }
}

async function decided(context: Context, id: string, verdict: { approve: boolean; reason: string }) {
  const { db, commands } = context.services;
  const refund = await decideRefund(commands, await refundById(db, id), verdict, asked(context));
  return { status: 200 as const, body: toRefund(refund, await orderIdOf(db, refund)) };
}

const decision = {
  method: 'post',
  access: anyOf(backend('refunds:decide'), operator),
  tag: 'refunds',
  params: refundParams,
  responses: { 200: { description: 'The refund.', schema: refundSchema } },
  errors: ['refund_not_found', 'refund_decided', 'already_spent', 'unavailable'],
} as const;

export const refundEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/orders/:id/refunds',
    access: anyOf(backend('orders'), anyUser),
    tag: 'refunds',
    summary: 'Ask for money back',
    description:
      'Full without `amount`, else partial; several, one at a time, never above what was paid. While one is open ' +
      'nothing is released; a rejection resumes the clock with the time that was left.',
    params: orderParams,
    body: z
      .object({ amount: z.number().int().min(1).max(MAX_AMOUNT_FEN).optional(), reason })
      .meta({ id: 'NewRefund' }),
    bodyExample: { amount: 500, reason: 'the lesson was cut short' },
    responses: { 201: { description: 'The refund, to be decided.', schema: refundSchema } },
    errors: ['order_not_found', 'refund_not_possible', 'unavailable'],
    handler: async (context, { params, body }) => {
      const { db, commands } = context.services;
      const order = await orderFor(db, context.caller, params.id, ['buyer', 'backend']);
      const wish = { amountFen: body.amount === undefined ? null : fen(body.amount), reason: body.reason };
      const refund = await requestRefund(commands, order, wish, asked(context));
      return { status: 201, body: toRefund(refund, order.id) };
    },
  }),
  endpoint({
    ...decision,
    path: '/v1/refunds/:id/approve',
    summary: 'Send the money back the way it came',
    body: z.object({ reason: reason.default('approved') }),
    handler: (context, { params, body }) =>
      decided(context, params.id, { approve: true, reason: body.reason }),
  }),
  endpoint({
    ...decision,
    path: '/v1/refunds/:id/reject',
    summary: 'Refuse a refund, for a reason',
    body: z.object({ reason }),
    handler: (context, { params, body }) =>
      decided(context, params.id, { approve: false, reason: body.reason }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/refunds/:id',
    access: anyOf(partiesOrBackend, backend('refunds:decide')),
    tag: 'refunds',
    summary: 'Read a refund',
    params: refundParams,
    responses: { 200: { description: 'The refund.', schema: refundSchema } },
    errors: ['refund_not_found'],
    handler: async ({ services: { db }, caller }, { params }) => {
      const refund = await refundById(db, params.id);
      const orderId = await orderIdOf(db, refund);
      await assertMaySee(db, caller, refund, orderId);
      return { status: 200, body: toRefund(refund, orderId) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/refunds',
    access: anyOf(backend('refunds:decide'), operator),
    tag: 'refunds',
    summary: 'List refunds, newest first',
    query: pageQuery.extend({ status: z.enum(REFUND_STATUSES).optional() }),
    responses: { 200: { description: 'A page of refunds.', schema: pageOf(refundSchema) } },
    handler: async ({ services }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select({ refund: refunds, orderId: orders.id })
        .from(refunds)
        .leftJoin(orders, eq(orders.orderNo, refunds.orderNo))
        .where(
          and(
            query.status && eq(refunds.status, query.status),
            before === null ? undefined : lt(refunds.seq, before),
          ),
        )
        .orderBy(desc(refunds.seq))
        .limit(query.limit + 1);
      return {
        status: 200,
        body: toPage(
          rows,
          query.limit,
          (row) => row.refund.seq,
          (row) => toRefund(row.refund, row.orderId),
        ),
      };
    },
  }),
];
