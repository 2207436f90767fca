import { and, asc, eq, gt } from 'drizzle-orm';
import { z } from 'zod';
import { entitlements } from '../../db/schema.js';
import { ENTITLEMENT_KINDS } from '../../domain/entitlements.js';
import { anyOf, backend, operator, userSelf } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, numberCursor, pageOf, pageQuery, toPage, userId } from './schemas.js';

const kind = z.enum(ENTITLEMENT_KINDS);

const entitlement = z
  .object({
    id: z.string().meta({ description: 'Of a coupon: its `couponId`.' }),
    kind,
    ref: z.string().meta({ description: 'What it is of: a level, a content, a rule, `goodsId:number`.' }),
    quantity: z.int().meta({ description: '0 once a coupon is used.' }),
    validFrom: moment,
    validTo: moment.nullable().meta({ description: 'Null: for good.' }),
    orderId: z.string().meta({ description: 'The order that gave it, or added to it last.' }),
    step: z.string(),
  })
  .meta({ id: 'Entitlement' });

function toEntitlement(row: typeof entitlements.$inferSelect): z.input<typeof entitlement> {
  return {
    id: String(row.id),
    kind: row.kind,
    ref: row.ref,
    quantity: row.quantity,
    validFrom: row.validFrom.toISOString(),
    validTo: row.validTo?.toISOString() ?? null,
    orderId: row.orderId,
    step: row.step,
  };
}

export const entitlementEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/users/:id/entitlements',
    access: anyOf(backend('orders'), userSelf('id'), operator),
    tag: 'entitlements',
    summary: 'What a user was given by the actions of their orders, oldest first',
    params: z.object({ id: userId }),
    query: pageQuery.extend({ kind: kind.optional() }),
    responses: { 200: { description: 'A page of entitlements.', schema: pageOf(entitlement) } },
    handler: async ({ services }, { params, query }) => {
      const after = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(entitlements)
        .where(
          and(
            eq(entitlements.userId, params.id),
            query.kind && eq(entitlements.kind, query.kind),
            after === null ? undefined : gt(entitlements.id, after),
          ),
        )
        .orderBy(asc(entitlements.id))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.id, toEntitlement) };
    },
  }),
];
