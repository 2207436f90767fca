import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { OPERATOR_ITEM_KINDS, operatorItems } from '../../db/schema.js';
import { operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, numberCursor, pageOf, pageQuery, toPage } from './schemas.js';

const STATUSES = ['open', 'resolved'] as const;

const item = z
  .object({
    id: z.string(),
    kind: z.enum(OPERATOR_ITEM_KINDS),
    ref: z.string(),
    orderNo: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
    status: z.enum(STATUSES),
    resolution: z.string().nullable(),
    reason: z.string().nullable(),
    resolvedBy: z.string().nullable(),
    createdAt: moment,
    resolvedAt: moment.nullable(),
  })
  .meta({ id: 'OperatorItem' });

function toItem(row: typeof operatorItems.$inferSelect): z.input<typeof item> {
  const { seq: _, createdAt, resolvedAt, ...rest } = row;
  return { ...rest, createdAt: createdAt.toISOString(), resolvedAt: resolvedAt?.toISOString() ?? null };
}

export const operatorItemEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/operator-items',
    access: operator,
    tag: 'operations',
    summary: 'What needs a person, newest first',
    description: 'Verified money that fits no unpaid order, and parked steps.',
    query: pageQuery.extend({
      status: z.enum(STATUSES).optional(),
      kind: z.enum(OPERATOR_ITEM_KINDS).optional(),
    }),
    responses: { 200: { description: 'A page of items.', schema: pageOf(item) } },
    handler: async ({ services }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(operatorItems)
        .where(
          and(
            query.status && eq(operatorItems.status, query.status),
            query.kind && eq(operatorItems.kind, query.kind),
            before === null ? undefined : lt(operatorItems.seq, before),
          ),
        )
        .orderBy(desc(operatorItems.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toItem) };
    },
  }),
];
