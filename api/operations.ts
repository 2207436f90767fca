/** Whether the process lives, whether it can work, and its metrics. */
import { z } from 'zod';
import { within } from '../db/probe.js';
import { everybody } from './access.js';
import type { DatabaseWatch } from './database-watch.js';
import { type Endpoint, endpoint } from './endpoint.js';
import { toHoldfastError } from './failures.js';
import type { Services } from './services.js';

const PROBE_MS = 1_500;

const readiness = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    checks: z.object({
      database: z.string().meta({ description: '`ok`, or what is wrong.', example: 'ok' }),
      temporal: z.string().meta({ example: 'ok' }),
      worker: z.string().meta({ example: 'no worker polls the queue' }),
    }),
  })
  .meta({ id: 'Readiness' });

async function check(what: string, probe: () => Promise<void>): Promise<string> {
  try {
    await within(PROBE_MS, probe(), what);
    return 'ok';
  } catch (error) {
    const { code, message } = toHoldfastError(error);
    // A probe's own words are for operators; what the database's driver says may hold addresses.
    return code === 'internal' && error instanceof Error ? error.message : message;
  }
}

async function readinessOf({ probes }: Services, watch: DatabaseWatch): Promise<z.input<typeof readiness>> {
  const [database, temporal, worker] = await Promise.all([
    check('the database', () => watch.alive()),
    check('Temporal', () => probes.temporal()),
    check('the worker', () => probes.worker()),
  ]);
  const ready = [database, temporal, worker].every((found) => found === 'ok');
  return { status: ready ? 'ready' : 'not_ready', checks: { database, temporal, worker } };
}

export function operationsEndpoints(watch: DatabaseWatch): readonly Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/healthz',
      access: everybody,
      tag: 'operations',
      summary: 'Whether the process lives',
      unlimited: true,
      responses: { 200: { description: 'It does.', schema: z.object({ status: z.enum(['ok']) }) } },
      handler: async () => ({ status: 200, body: { status: 'ok' as const } }),
    }),
    endpoint({
      method: 'get',
      path: '/readyz',
      access: everybody,
      tag: 'operations',
      summary: 'Whether orders can be served: database, Temporal, a worker that polls',
      unlimited: true,
      ownDeadline: true,
      responses: {
        200: { description: 'All of them answer.', schema: readiness },
        503: { description: 'Something does not answer; the checks say what.', schema: readiness },
      },
      handler: async ({ services }) => {
        const found = await readinessOf(services, watch);
        return found.status === 'ready'
          ? { status: 200, body: found }
          : { status: 503, body: found, headers: { 'Retry-After': '2' } };
      },
    }),
    endpoint({
      method: 'get',
      path: '/metrics',
      access: everybody,
      tag: 'operations',
      summary: 'Metrics in Prometheus text format',
      unlimited: true,
      responses: { 200: { description: 'The metrics.', contentType: 'text/plain', schema: z.string() } },
      handler: async ({ services: { metrics } }) => ({
        status: 200,
        body: await metrics.registry.metrics(),
        headers: { 'Content-Type': metrics.registry.contentType },
      }),
    }),
  ];
}
