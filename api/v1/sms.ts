import { and, desc, eq, lt } from 'drizzle-orm';
import { z } from 'zod';
import { SMS_STATUSES, smsOutbox } from '../../db/schema.js';
import { anyOf, backend, operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, numberCursor, pageOf, pageQuery, toPage } from './schemas.js';

const sms = z
  .object({
    id: z.string(),
    orderNo: z.string(),
    path: z.string().meta({ description: 'The step of the order, such as `0.0`.' }),
    smsId: z.string(),
    provider: z.string().meta({ description: '`outbox` goes to no phone.', example: 'aliyun' }),
    mobile: z.string(),
    sign: z.string(),
    template: z.string(),
    params: z.record(z.string(), z.unknown()),
    status: z.enum(SMS_STATUSES).meta({
      description:
        '`queued`: no provider has it. `sending`: it is being posted, or its provider is asked what became of it. ' +
        '`sent`: its provider has taken it. `failed`: refused for good. `unknown`: nobody knows, so it is not sent again by itself.',
    }),
    providerMessageId: z.string().nullable().meta({
      description: 'Null until it is sent, and where its provider told of it without a number.',
    }),
    attempts: z
      .int()
      .meta({ description: 'How often it was posted. Above 1 only after refusals for the moment.' }),
    error: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Why it was not taken, in the words of its provider.' }),
    createdAt: moment,
    sentAt: moment.nullable(),
  })
  .meta({ id: 'Sms' });

function toSms({
  key: _key,
  seq: _seq,
  paramNames: _names,
  triedAt: _tried,
  ...row
}: typeof smsOutbox.$inferSelect): z.input<typeof sms> {
  return { ...row, createdAt: row.createdAt.toISOString(), sentAt: row.sentAt?.toISOString() ?? null };
}

export const smsEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/sms',
    access: anyOf(backend('orders'), operator),
    tag: 'sms',
    summary: 'List the messages that orders sent, newest first',
    query: pageQuery.extend({
      mobile: z
        .string()
        .regex(/^\+?\d{5,20}$/, 'must have 5 to 20 digits')
        .optional()
        .meta({ example: '13500000000' }),
    }),
    responses: { 200: { description: 'A page of messages.', schema: pageOf(sms) } },
    handler: async ({ services }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await services.db
        .select()
        .from(smsOutbox)
        .where(
          and(
            query.mobile === undefined ? undefined : eq(smsOutbox.mobile, query.mobile),
            before === null ? undefined : lt(smsOutbox.seq, before),
          ),
        )
        .orderBy(desc(smsOutbox.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toSms) };
    },
  }),
];
