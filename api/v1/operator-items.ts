import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { actorOf } from '../../commands/credentials.js';
import {
  ALL_RESOLUTIONS,
  type ItemRow,
  RESOLUTIONS,
  resolveOperatorItem,
} from '../../commands/resolve-item.js';
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

function toItem(row: ItemRow): z.input<typeof item> {
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
    description:
      'Verified money that fits no order, refunds and payouts that came to nothing, endpoints that events did not reach, payments that a payer’s bank takes back, and parked steps.',
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
  endpoint({
    method: 'post',
    path: '/v1/operator-items/:id/resolve',
    access: operator,
    tag: 'operations',
    summary: 'Resolve what needed a person, for a reason',
    description:
      `suspense: ${RESOLUTIONS.suspense.join(', ')}. refund sends the money back the way it came, keep makes it the ` +
      'platform’s, settled_by_hand closes an item whose money is not in the books. ' +
      `failed_refund: ${RESOLUTIONS.failed_refund.join(', ')}. retry asks again under a new number. ` +
      `failed_payout: ${RESOLUTIONS.failed_payout.join(', ')}. Its money is its owner's again, and nothing moves. ` +
      `failed_delivery: ${RESOLUTIONS.failed_delivery.join(', ')}. retry sends all that has failed at its endpoint again. ` +
      `chargeback: ${RESOLUTIONS.chargeback.join(', ')}. accept takes the money from the order's hold or from whoever ` +
      'had it, and what is missing becomes their debt: never more than is left of the payment, and not while a refund ' +
      'of the order is open. reject moves nothing, or gives back what was taken before the bank decided for us. ' +
      'settled_by_hand closes one whose money cannot be taken here. ' +
      `difference: ${RESOLUTIONS.difference.join(', ')}. Nothing moves; it is opened again where its facts change. ` +
      'A parked step is decided about at its order’s actions.',
    params: z.object({ id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of an item id') }),
    body: z
      .object({ resolution: z.enum(ALL_RESOLUTIONS), reason: z.string().min(1).max(256) })
      .meta({ id: 'ItemResolution' }),
    bodyExample: { resolution: 'refund', reason: 'the buyer paid twice' },
    responses: { 200: { description: 'The item, resolved.', schema: item } },
    errors: ['not_found', 'conflict', 'refund_not_possible', 'already_spent'],
    handler: async ({ services, caller }, { params, body }) => {
      const resolved = await resolveOperatorItem(services.commands, params.id, body, actorOf(caller));
      return { status: 200, body: toItem(resolved) };
    },
  }),
];
