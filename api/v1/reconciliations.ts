import { and, asc, desc, eq, gt, lt } from 'drizzle-orm';
import { z } from 'zod';
import { actorOf } from '../../commands/credentials.js';
import { reconciliationNamed, requestReconciliation } from '../../commands/reconciliations.js';
import type { Db } from '../../db/client.js';
import { type DifferenceRow, countOpen } from '../../db/differences.js';
import type { ReconciliationRow } from '../../db/reconciliations.js';
import { reconciliationDifferences as differences, reconciliations } from '../../db/schema.js';
import { PROVIDER_CHANNELS } from '../../domain/order.js';
import {
  DIFFERENCE_KINDS,
  DIFFERENCE_TYPES,
  RECONCILIATION_STATUSES,
  isDay,
} from '../../domain/reconciliation.js';
import { anyOf, backend, operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fenAmount, fromCursor, moment, numberCursor, pageOf, pageQuery, toPage } from './schemas.js';

const day = z
  .string()
  .refine(isDay, 'must be a day such as 2026-11-23')
  .meta({ format: 'date', description: 'A day in China (UTC+8).', example: '2026-11-23' });

const channel = z.enum(PROVIDER_CHANNELS);
const SIDES = ['open', 'resolved'] as const;
const SHOWN = 100;

const facts = z.object({
  amount: fenAmount,
  status: z.string().optional(),
  at: moment.optional(),
  providerNo: z.string().optional(),
  fee: fenAmount.optional(),
  copies: z.number().int().optional().meta({ description: 'How often the bill has it.' }),
});

const difference = z
  .object({
    id: z.number().int(),
    date: day.meta({ description: 'The day of our row, or of the bill where only the bill has it.' }),
    type: z.enum(DIFFERENCE_TYPES),
    kind: z.enum(DIFFERENCE_KINDS),
    no: z.string().meta({ description: 'Our number, as the provider knows it.' }),
    providerNo: z.string(),
    orderNo: z.string().nullable(),
    ours: facts.nullable().meta({ description: 'What our books have; null for nothing.' }),
    theirs: facts.nullable().meta({ description: 'What the bill has; null for nothing.' }),
    status: z.enum(SIDES),
    resolution: z.string().nullable(),
    ref: z.string().meta({ description: 'Of its operator item, which `late` ones have none of.' }),
    createdAt: moment,
    resolvedAt: moment.nullable(),
  })
  .meta({ id: 'ReconciliationDifference' });

const summary = z.object({
  id: z.string(),
  channel,
  date: day,
  status: z
    .enum(RECONCILIATION_STATUSES)
    .meta({ description: '`waiting`: the bill is not there yet; it is asked for again.' }),
  run: z.number().int().meta({ description: 'How often this day was compared, this time included.' }),
  progress: z
    .object({ billRows: z.number().int(), matched: z.number().int() })
    .meta({ description: 'Rows of the bill that are here, and that our books have alike.' }),
  fees: fenAmount
    .nullable()
    .meta({ description: 'Fen that the provider kept of the day; null before it is known.' }),
  requestedBy: z.string(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  createdAt: moment,
  startedAt: moment.nullable(),
  endedAt: moment.nullable(),
});

const whole = summary
  .extend({
    openDifferences: z.partialRecord(z.enum(DIFFERENCE_TYPES), z.number().int()),
    differences: z.array(difference).meta({ description: `The first ${SHOWN} that are open.` }),
  })
  .meta({ id: 'Reconciliation' });

const listed = summary.meta({ id: 'ReconciliationSummary' });

function toSummary(row: ReconciliationRow): z.input<typeof summary> {
  const { id, date, status, run, billRows, matched, fees, requestedBy, error } = row;
  return {
    id,
    channel: row.channel,
    date,
    status,
    run,
    progress: { billRows, matched },
    fees,
    requestedBy,
    error,
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

function toDifference(row: DifferenceRow): z.input<typeof difference> {
  const { id, date, type, kind, no, providerNo, orderNo, ours, theirs, status, resolution, ref } = row;
  return {
    id,
    date,
    type,
    kind,
    no,
    providerNo,
    orderNo,
    ours,
    theirs,
    status,
    resolution,
    ref,
    createdAt: row.createdAt.toISOString(),
    resolvedAt: row.resolvedAt?.toISOString() ?? null,
  };
}

async function toWhole(db: Db, row: ReconciliationRow): Promise<z.input<typeof whole>> {
  const ofDay = and(eq(differences.channel, row.channel), eq(differences.date, row.date));
  const [openDifferences, first] = await Promise.all([
    countOpen(db, row),
    db
      .select()
      .from(differences)
      .where(and(ofDay, eq(differences.status, 'open')))
      .orderBy(asc(differences.id))
      .limit(SHOWN),
  ]);
  return { ...toSummary(row), openDifferences, differences: first.map(toDifference) };
}

const readers = anyOf(backend('ledger:read'), operator);
const params = z.object({
  id: z
    .string()
    .regex(/^[a-z]+-\d{4}-\d{2}-\d{2}$/, 'must be a channel and a day, such as alipay-2026-11-23')
    .meta({ example: 'alipay-2026-11-23' }),
});

export const reconciliationEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/reconciliations',
    access: operator,
    tag: 'reconciliation',
    summary: 'Compare a day with its provider’s bill',
    description:
      'It is done every morning by itself. While it is under way a repeat answers the same run; afterwards the day is ' +
      'compared again, and its differences are updated. A bill that is not there yet is waited for.',
    body: z.object({ channel, date: day }).meta({ id: 'NewReconciliation' }),
    bodyExample: { channel: 'alipay', date: '2026-11-23' },
    responses: { 202: { description: 'It runs.', schema: whole } },
    errors: ['channel_not_configured', 'unavailable'],
    handler: async ({ services: { db, commands }, caller }, { body }) => {
      const row = await requestReconciliation(commands, body, actorOf(caller));
      return { status: 202, body: await toWhole(db, row) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/reconciliations/:id',
    access: readers,
    tag: 'reconciliation',
    summary: 'Read a reconciliation: how far it is, and what differs',
    params,
    responses: { 200: { description: 'The reconciliation.', schema: whole } },
    errors: ['not_found'],
    handler: async ({ services: { db, commands } }, input) => {
      const row = await reconciliationNamed(commands, input.params.id);
      return { status: 200, body: await toWhole(db, row) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/reconciliations',
    access: readers,
    tag: 'reconciliation',
    summary: 'List reconciliations, newest first',
    query: pageQuery.extend({
      channel: channel.optional(),
      status: z.enum(RECONCILIATION_STATUSES).optional(),
    }),
    responses: { 200: { description: 'A page.', schema: pageOf(listed) } },
    handler: async ({ services: { db } }, { query }) => {
      const before = fromCursor(numberCursor, query.cursor);
      const rows = await db
        .select()
        .from(reconciliations)
        .where(
          and(
            query.channel && eq(reconciliations.channel, query.channel),
            query.status && eq(reconciliations.status, query.status),
            before === null ? undefined : lt(reconciliations.seq, before),
          ),
        )
        .orderBy(desc(reconciliations.seq))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (row) => row.seq, toSummary) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/v1/reconciliations/:id/differences',
    access: readers,
    tag: 'reconciliation',
    summary: 'List what differs, or differed, in the order it was found',
    params,
    query: pageQuery.extend({
      status: z.enum(SIDES).optional(),
      type: z.enum(DIFFERENCE_TYPES).optional(),
    }),
    responses: { 200: { description: 'A page.', schema: pageOf(difference) } },
    errors: ['not_found'],
    handler: async ({ services: { db, commands } }, { params: { id }, query }) => {
      const row = await reconciliationNamed(commands, id);
      const after = fromCursor(numberCursor, query.cursor);
      const rows = await db
        .select()
        .from(differences)
        .where(
          and(
            eq(differences.channel, row.channel),
            eq(differences.date, row.date),
            query.status && eq(differences.status, query.status),
            query.type && eq(differences.type, query.type),
            after === null ? undefined : gt(differences.id, after),
          ),
        )
        .orderBy(asc(differences.id))
        .limit(query.limit + 1);
      return { status: 200, body: toPage(rows, query.limit, (found) => found.id, toDifference) };
    },
  }),
];
