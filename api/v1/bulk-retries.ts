import { z } from 'zod';
import { type BulkRetry, bulkRetryById, startBulkRetry } from '../../commands/bulk-retries.js';
import { ERROR_CODES } from '../../domain/errors.js';
import { operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { asked } from './orders.js';
import { moment, userId } from './schemas.js';

const tag = 'actions';

const filter = z
  .object({
    code: z
      .enum(ERROR_CODES)
      .optional()
      .meta({ description: 'Why it is parked.', example: 'insufficient_funds' }),
    type: z.int().min(0).max(999).optional().meta({ description: 'Of the action.' }),
    buyerId: userId.optional(),
    triedBefore: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'Only steps whose last try was before this.' }),
  })
  .meta({
    id: 'BulkRetryFilter',
    description: 'All that is given must hold; nothing given is every parked step.',
  });

const bulkRetry = z
  .object({
    id: z.string(),
    filter,
    status: z.enum(['running', 'done']),
    total: z.int().meta({ description: 'How many steps were parked, and fitted, when it began.' }),
    waiting: z.int(),
    retried: z.int().meta({ description: 'Taken up again; some of them may have parked anew.' }),
    left: z.int().meta({ description: 'Not parked any more when their turn came.' }),
    createdBy: z.string(),
    createdAt: moment,
  })
  .meta({ id: 'BulkRetry' });

function toBulkRetry({ createdAt, ...row }: BulkRetry): z.input<typeof bulkRetry> {
  const status = row.waiting === 0 ? 'done' : 'running';
  return { ...row, status, createdAt: createdAt.toISOString() };
}

export const bulkRetryEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/v1/bulk-retries',
    access: operator,
    tag,
    summary: 'Retry every parked step that fits',
    description: 'Those that are parked now, some at a time; GET shows how far it is.',
    body: z.object({ filter }).meta({ id: 'BulkRetryInput' }),
    bodyExample: { filter: { code: 'insufficient_funds' } },
    responses: { 201: { description: 'It has begun.', schema: bulkRetry } },
    handler: async (context, { body }) => ({
      status: 201,
      body: toBulkRetry(await startBulkRetry(context.services.db, body.filter, asked(context))),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/v1/bulk-retries/:id',
    access: operator,
    tag,
    summary: 'How far a bulk retry is',
    params: z.object({ id: z.string().regex(/^[0-9a-f]{24}$/, 'must be the 24 hex digits of a bulk retry') }),
    responses: { 200: { description: 'Its progress.', schema: bulkRetry } },
    errors: ['not_found'],
    handler: async ({ services }, { params }) => ({
      status: 200,
      body: toBulkRetry(await bulkRetryById(services.db, params.id)),
    }),
  }),
];
