import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { actorOf } from '../../commands/credentials.js';
import { type DepositRow, returnDeposit } from '../../commands/deposits.js';
import { deposits } from '../../db/schema.js';
import { anyOf, backend, operator, userSelf } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fenAmount, fromCursor, moment, numberCursor, pageOf, pageQuery, toPage, userId } from './schemas.js';

const deposit = z
  .object({
    id: z.string(),
    userId: z.string(),
    orderId: z.string(),
    step: z.string().meta({ description: 'The step of the order that took it, such as `0`.' }),
    amount: fenAmount.meta({ description: 'Fen.' }),
    refCode: z.string().nullable(),
    remark: z.string().nullable(),
    ext: z.record(z.string(), z.unknown()).nullable(),
    status: z.enum(['held', 'returned']),
    createdAt: moment,
    returnAskedAt: moment.nullable().meta({ description: 'Since when its payer wants it back.' }),
    returnedAt: moment.nullable(),
    returnedBy: z.string().nullable(),
  })
  .meta({ id: 'Deposit' });

function toDeposit({ seq: _seq, orderNo: _no, ...row }: DepositRow): z.input<typeof deposit> {
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    returnAskedAt: row.returnAskedAt?.toISOString() ?? null,
    returnedAt: row.returnedAt?.toISOString() ?? null,
  };
}

export const depositEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/users/:id/deposits',
    access: anyOf(backend('orders'), userSelf('id'), operator),
    tag: 'deposits',
    summary: "List a user's deposits, newest first",
    params: z.object({ id: userId }),
    query: pageQuery,
    responses: { 200: { description: 'A page of deposits.', schema: pageOf(deposit) } },
    handler: async ({ services }, { params, query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(deposits)
        .where(and(eq(deposits.userId, params.id), before === null ? undefined : lt(deposits.seq, before)))
        .orderBy(desc(deposits.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toDeposit) };
    },
  }),
  endpoint({
    method: 'post',
    path: '/v1/deposits/:id/return',
    access: anyOf(backend('orders'), operator),
    tag: 'deposits',
    summary: 'Return a deposit to the balance that it came from',
    description:
      'What was topped up becomes cash again, what was earned becomes withdrawable. A repeat answers the same.',
    params: z.object({ id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of a deposit id') }),
    responses: { 200: { description: 'The deposit.', schema: deposit } },
    errors: ['deposit_not_found'],
    handler: async ({ services, caller }, { params }) => ({
      status: 200,
      body: toDeposit(await returnDeposit(services.db, params.id, actorOf(caller))),
    }),
  }),
];
