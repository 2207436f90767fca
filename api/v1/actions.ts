import { asc, eq } from 'drizzle-orm';
import { z } from 'zod';
import { type StepVerdict, decideStep } from '../../commands/decide-order.js';
import { isOperator } from '../../commands/credentials.js';
import { type StepRow, stepOf } from '../../db/orders.js';
import { actionSteps } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { STEP_STATUSES } from '../../domain/order.js';
import { anyOf, anyUser, backend, operator } from '../access.js';
import { type Context, type Endpoint, endpoint } from '../endpoint.js';
import { asked, orderParams } from './orders.js';
import { orderFor } from '../parties.js';
import { moment } from './schemas.js';

const step = z
  .object({
    path: z.string().meta({ example: '0.0' }),
    type: z.number().int(),
    name: z.string().meta({ example: 'sendSms' }),
    status: z.enum(STEP_STATUSES),
    parameters: z.record(z.string(), z.unknown()),
    attempts: z.number().int(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
    startedAt: moment.optional(),
    endedAt: moment.optional(),
  })
  .meta({ id: 'ActionStep' });

function toStep(row: StepRow): z.input<typeof step> {
  const { path, type, name, status, parameters, attempts, error, startedAt, endedAt } = row;
  return {
    path,
    type,
    name,
    status,
    parameters,
    attempts,
    ...(error !== null && { error }),
    ...(startedAt !== null && { startedAt: startedAt.toISOString() }),
    ...(endedAt !== null && { endedAt: endedAt.toISOString() }),
  };
}

const stepParams = orderParams.extend({
  path: z.string().regex(/^0(\.0){0,9}(:\d{1,16})?$/, 'must be a step such as 0, 0.0 or 0:77'),
});
const reason = z.string().min(1).max(500);

/** A payer may retry what parked for too little balance; everything else is an operator's. */
async function decide(context: Context, params: z.output<typeof stepParams>, verdict: StepVerdict) {
  const { services, caller } = context;
  if (caller === undefined) throw new Error('only public routes have no caller');
  const { db, commands } = services;
  const order = await orderFor(db, caller, params.id, ['buyer', 'operator']);
  if (!isOperator(caller)) {
    const parked = await stepOf(db, order.orderNo, params.path);
    if (verdict.verdict !== 'retry' || parked.error?.code !== 'insufficient_funds') {
      throw new HoldfastError('forbidden', {
        message: 'a payer may retry a step that parked for too little balance',
      });
    }
  }
  await decideStep(commands, order, params.path, verdict, asked(context));
  return { status: 200 as const, body: toStep(await stepOf(db, order.orderNo, params.path)) };
}

const decision = {
  method: 'post',
  access: anyOf(operator, anyUser),
  tag: 'actions',
  params: stepParams,
  responses: { 200: { description: 'The step, taken up again.', schema: step } },
  errors: ['order_not_found', 'step_not_found', 'step_not_parked', 'conflict', 'unavailable'],
} as const;

export const actionEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/v1/orders/:id/actions',
    access: anyOf(backend('orders'), anyUser, operator),
    tag: 'actions',
    summary: "Read an order's nextAction chain, outer step first",
    params: orderParams,
    responses: { 200: { description: 'The steps.', schema: z.object({ data: z.array(step) }) } },
    errors: ['order_not_found'],
    handler: async ({ services, caller }, { params }) => {
      // Parameters may hold the payer's phone number, so the seller does not see them.
      const order = await orderFor(services.db, caller, params.id, ['buyer', 'backend', 'operator']);
      const rows = await services.db
        .select()
        .from(actionSteps)
        .where(eq(actionSteps.orderNo, order.orderNo))
        .orderBy(asc(actionSteps.position));
      return { status: 200, body: { data: rows.map(toStep) } };
    },
  }),
  endpoint({
    ...decision,
    path: '/v1/orders/:id/actions/:path/retry',
    summary: 'Retry a parked step',
    body: z.object({}),
    handler: (context, { params }) => decide(context, params, { verdict: 'retry' }),
  }),
  endpoint({
    ...decision,
    path: '/v1/orders/:id/actions/:path/skip',
    summary: 'Skip a parked step, for a reason',
    body: z.object({ reason }),
    handler: (context, { params, body }) => decide(context, params, { verdict: 'skip', ...body }),
  }),
  endpoint({
    ...decision,
    path: '/v1/orders/:id/actions/:path/edit',
    summary: "Correct a parked step's parameters and continue",
    body: z.object({ parameters: z.record(z.string(), z.unknown()), reason }),
    errors: [...decision.errors, 'invalid_next_action', 'not_owner'],
    handler: (context, { params, body }) => decide(context, params, { verdict: 'edit', ...body }),
  }),
];
