import { fileURLToPath } from 'node:url';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import type { Channels } from '../channels/index.js';
import type { SmsProviders } from '../channels/sms.js';
import type { Db } from '../db/client.js';
import type { Outgoing } from '../outgoing/post.js';
import { within } from '../db/probe.js';
import { type TemporalSettings, connectionOptions, dataConverterOf } from '../temporal/connect.js';
import { TASK_QUEUE } from '../workflows/contract.js';
import { workflowBundle } from './bundle.js';
import { failureInterceptor } from './failures.js';
import { heartbeatInterceptor } from './heartbeat.js';

/** A network that swallows everything would keep a start hanging for ever. */
export const CONNECT_MS = 30_000;

export interface WorkerParts {
  db: Db;
  channels: Channels;
  sms: SmsProviders;
  outgoing: Outgoing;
  publicUrl: string;
  temporal: TemporalSettings & { maxCachedWorkflows: number };
  log: Logger;
}

/** What a worker needs beside its connection; tests give it their own server's. */
export function workerOptions({ db, channels, sms, outgoing, publicUrl, temporal, log }: WorkerParts) {
  return {
    namespace: temporal.namespace,
    taskQueue: TASK_QUEUE,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    activities: createActivities(db, channels, publicUrl, sms, {
      outgoing,
      payloadKey: temporal.payloadKey,
    }),
    dataConverter: dataConverterOf(temporal),
    interceptors: {
      activity: [
        (context) => ({ inbound: heartbeatInterceptor(context) }),
        (context) => ({ inbound: failureInterceptor(log, context.info.activityType) }),
      ],
    },
    // About 0.35 MB a cached workflow: bounded by memory, not by how many orders wait.
    maxCachedWorkflows: temporal.maxCachedWorkflows,
    workflowTaskPollerBehavior: { type: 'autoscaling' },
    activityTaskPollerBehavior: { type: 'autoscaling' },
    shutdownGraceTime: '5s',
  } satisfies WorkerOptions;
}

/** @throws HoldfastError `unavailable`, when Temporal is not there: whoever supervises the process starts it again */
export async function createWorker(
  parts: WorkerParts & { home: string },
): Promise<{ worker: Worker; connection: NativeConnection }> {
  Runtime.install({
    logger: temporalLogger(parts.log),
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  });
  const [connection, bundle] = await Promise.all([
    within(CONNECT_MS, NativeConnection.connect(connectionOptions(parts.temporal)), 'Temporal'),
    workflowBundle(parts),
  ]);
  const { workflowsPath, ...options } = workerOptions(parts);
  const workflows = bundle === undefined ? { workflowsPath } : { workflowBundle: bundle };
  const worker = await Worker.create({ ...options, ...workflows, connection });
  return { worker, connection };
}

function temporalLogger(log: Logger) {
  const at = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: object) =>
    log[level](meta ?? {}, message);
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  return {
    log: (level: keyof typeof levels, message: string, meta?: object) => at(levels[level])(message, meta),
    trace: at('trace'),
    debug: at('debug'),
    info: at('debug'),
    warn: at('warn'),
    error: at('error'),
  };
}
