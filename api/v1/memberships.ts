import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { actorOf } from '../../commands/credentials.js';
import { cancelRenewal } from '../../commands/memberships.js';
import type { RenewalRow } from '../../db/memberships.js';
import { membershipRenewals } from '../../db/schema.js';
import { RENEWAL_STATUSES } from '../../domain/memberships.js';
import { anyOf, backend, operator, userSelf } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fenAmount, fromCursor, moment, numberCursor, pageOf, pageQuery, toPage, userId } from './schemas.js';

const renewal = z
  .object({
    id: z.string(),
    userId: z.string(),
    levelId: z.string(),
    priceId: z.string().meta({ description: 'The price row that it was bought by.' }),
    amount: fenAmount.meta({ description: 'Fen for each term, as it was bought.' }),
    days: z.int().meta({ description: 'The length of a term.' }),
    orderId: z.string().meta({ description: 'The order that asked for it last.' }),
    step: z.string(),
    status: z
      .enum(RENEWAL_STATUSES)
      .meta({ description: 'Lapsed: the payer had too little money three times.' }),
    renewals: z.int().meta({ description: 'How many terms it has paid for.' }),
    failedTries: z.int().meta({ description: 'For the coming term.' }),
    nextTryAt: moment.nullable(),
    createdAt: moment,
    endedAt: moment.nullable(),
    endedBy: z.string().nullable(),
    endReason: z.string().nullable(),
  })
  .meta({ id: 'MembershipRenewal' });

function toRenewal(row: RenewalRow): z.input<typeof renewal> {
  const { seq: _seq, orderNo: _no, dueAt, startDueAt: _due, startAttempts: _tries, ...shown } = row;
  return {
    ...shown,
    nextTryAt: row.status === 'active' ? dueAt.toISOString() : null,
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

const access = anyOf(backend('orders'), userSelf('id'), operator);

export const membershipEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/users/:id/membership-renewals',
    access,
    tag: 'entitlements',
    summary: "List a user's memberships that renew themselves, newest first",
    params: z.object({ id: userId }),
    query: pageQuery,
    responses: { 200: { description: 'A page of renewals.', schema: pageOf(renewal) } },
    handler: async ({ services }, { params, query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const isOlder = before === null ? undefined : lt(membershipRenewals.seq, before);
      const rows = await services.db
        .select()
        .from(membershipRenewals)
        .where(and(eq(membershipRenewals.userId, params.id), isOlder))
        .orderBy(desc(membershipRenewals.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toRenewal) };
    },
  }),
  endpoint({
    method: 'post',
    path: '/v1/users/:id/membership-renewals/:renewalId/cancel',
    access,
    tag: 'entitlements',
    summary: 'Cancel a membership’s renewal',
    description:
      'What was paid for runs to its end, and nothing is charged any more. A repeat answers the same.',
    params: z.object({
      id: userId,
      renewalId: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of a renewal id'),
    }),
    responses: { 200: { description: 'The renewal.', schema: renewal } },
    errors: ['not_found'],
    handler: async ({ services, caller }, { params }) => ({
      status: 200,
      body: toRenewal(await cancelRenewal(services.db, params.id, params.renewalId, actorOf(caller))),
    }),
  }),
];
