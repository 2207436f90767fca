/** An order's workflow on a time-skipping server, with the real activities, the real database and the real sandbox. */
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import type { Channels } from '../../channels/index.js';
import type { CommandContext } from '../../commands/context.js';
import { findTemporal, findTestServer } from '../../dev/temporal.mjs';
import { createOutgoing } from '../../outgoing/post.js';
import { dataConverterOf } from '../../temporal/connect.js';
import { addSearchAttributes } from '../../temporal/search-attributes.js';
import { workerOptions } from '../../worker/run.js';
import { orderWorkflowId } from '../../workflows/contract.js';
import { workflowBundle } from './bundle.js';
import { type TestDatabase, freshDatabase } from './database.js';
import { type Providers, startProviders } from './providers.js';
import { contextOf } from './world.js';

export interface HistoryEvent {
  /** Such as `TIMER_STARTED`. */
  type: string;
  /** The attributes as JSON: bytes in base64, enums by name, large numbers as text. */
  attributes: Record<string, unknown>;
  timeMs: number;
  /** What Temporal's UI writes beside it. */
  summary: string | undefined;
}

export interface Flow {
  environment: TestWorkflowEnvironment;
  database: TestDatabase;
  providers: Providers;
  context: CommandContext;
  /** The skipped clock, read from the server: call it after time was skipped, and use its answer. */
  readClock: () => Promise<number>;
  workflow: (orderNo: string) => WorkflowHandle;
  events: (orderNo: string) => Promise<HistoryEvent[]>;
  /** Waits until the workflow has done all it can do now, and only time or people can move it on. */
  settled: (orderNo: string) => Promise<HistoryEvent[]>;
  stopWorker: () => Promise<void>;
  /** Starts another worker, with nothing in its cache. */
  startWorker: (payloadKey?: string) => Promise<void>;
  close: () => Promise<void>;
}

// The SDK's own log lines say nothing that a failing assertion does not.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
});

const POLL_MS = 15;
const NOBODY = 'http://127.0.0.1:9';

/** A moment, or a span. */
export interface ProtoTime {
  seconds?: string;
  nanos?: number;
}

export const msOf = ({ seconds = '0', nanos = 0 }: ProtoTime): number =>
  Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);

interface RawEvent extends Record<string, unknown> {
  eventType: string;
  eventTime: ProtoTime;
  userMetadata?: { summary?: { data: string } };
}

function eventOf(raw: RawEvent): HistoryEvent {
  const name = Object.keys(raw).find((key) => key.endsWith('EventAttributes')) ?? '';
  const summary = raw.userMetadata?.summary?.data;
  return {
    type: raw.eventType.replace('EVENT_TYPE_', ''),
    attributes: (raw[name] ?? {}) as Record<string, unknown>,
    timeMs: msOf(raw.eventTime),
    summary: summary === undefined ? undefined : Buffer.from(summary, 'base64').toString(),
  };
}

const count = (events: readonly HistoryEvent[], ...types: string[]): number =>
  events.filter(({ type }) => types.includes(type)).length;

function isSettled(events: readonly HistoryEvent[]): boolean {
  // A task fails when a signal comes while it runs; another one is scheduled for both.
  const openTasks =
    count(events, 'WORKFLOW_TASK_SCHEDULED') -
    count(events, 'WORKFLOW_TASK_COMPLETED', 'WORKFLOW_TASK_FAILED', 'WORKFLOW_TASK_TIMED_OUT');
  const openActivities =
    count(events, 'ACTIVITY_TASK_SCHEDULED') -
    count(events, 'ACTIVITY_TASK_COMPLETED', 'ACTIVITY_TASK_FAILED', 'ACTIVITY_TASK_TIMED_OUT');
  return count(events, 'WORKFLOW_TASK_COMPLETED') > 0 && openTasks === 0 && openActivities === 0;
}

function createWorker(
  { nativeConnection }: TestWorkflowEnvironment,
  { db }: TestDatabase,
  { channels: ofTheSandbox, sms }: Providers,
  { payloadKey, publicUrl = NOBODY, maxCachedWorkflows = 100, channels = ofTheSandbox, between }: FlowOptions,
): Promise<Worker> {
  const { workflowsPath: _, ...options } = workerOptions({
    db,
    channels,
    sms,
    // Merchants' systems of tests listen here.
    outgoing: createOutgoing({ allowPrivate: true }),
    publicUrl,
    temporal: { address: '', namespace: 'default', payloadKey, maxCachedWorkflows },
    log: pino({ level: 'silent' }),
  });
  const activities = Object.fromEntries(
    Object.entries<Activity>(options.activities).map(([name, activity]) => [
      name,
      between === undefined ? activity : between(name, activity),
    ]),
  );
  return workflowBundle().then((bundle) =>
    Worker.create({ ...options, activities, connection: nativeConnection, workflowBundle: bundle }),
  );
}

export type Activity = (...args: never[]) => Promise<unknown>;

export interface FlowOptions {
  payloadKey?: string;
  /** The server that people run, for tests that need no skipped time: the other one loses tasks to a worker that left. */
  realServer?: boolean;
  /** What providers call back; nobody listens where they do by default. */
  publicUrl?: string;
  maxCachedWorkflows?: number;
  /** How many connections to the database. */
  pool?: number;
  /** In place of the sandbox's. */
  channels?: Channels;
  /** How far the providers' clock is ahead of ours, in ms; negative where it is behind. */
  providersAheadMs?: number;
  /** How long the sandbox's channels wait for an answer; as long as in production when left out. */
  providerTimeoutMs?: number;
  /** What stands between Temporal and the activities: a network that loses tries and answers. */
  between?: (name: string, activity: Activity) => Activity;
}

async function createEnvironment({
  payloadKey,
  realServer = false,
}: FlowOptions): Promise<TestWorkflowEnvironment> {
  const { path } = await (realServer ? findTemporal() : findTestServer());
  const options = {
    server: { executable: { type: 'existing-path' as const, path } },
    client: { dataConverter: dataConverterOf({ address: '', namespace: 'default', payloadKey }) },
  };
  const environment = await (realServer
    ? TestWorkflowEnvironment.createLocal(options)
    : TestWorkflowEnvironment.createTimeSkipping(options));
  await addSearchAttributes(environment.connection, 'default');
  return environment;
}

export async function startFlow(given: FlowOptions = {}): Promise<Flow> {
  let skippedMs = 0;
  const now = (): number => Date.now() + skippedMs;
  const [database, environment, providers] = await Promise.all([
    freshDatabase(given.pool),
    createEnvironment(given),
    startProviders(() => now() + (given.providersAheadMs ?? 0), given.providerTimeoutMs),
  ]);
  let running: { worker: Worker; ended: Promise<void> } | undefined;
  const workflow = (orderNo: string): WorkflowHandle =>
    environment.client.workflow.getHandle(orderWorkflowId(orderNo));
  const events = async (orderNo: string): Promise<HistoryEvent[]> => {
    const history = JSON.stringify(await workflow(orderNo).fetchHistory());
    return (JSON.parse(history) as { events: RawEvent[] }).events.map(eventOf);
  };
  const stopWorker = async (): Promise<void> => {
    running?.worker.shutdown();
    await running?.ended;
    running = undefined;
  };
  const startWorker = async (payloadKey = given.payloadKey): Promise<void> => {
    const worker = await createWorker(environment, database, providers, {
      ...given,
      ...(payloadKey !== undefined && { payloadKey }),
    });
    running = { worker, ended: worker.run() };
  };
  await startWorker();
  return {
    environment,
    database,
    providers,
    context: contextOf(database.db, environment.client, given.channels ?? providers.channels, now),
    readClock: async () => {
      const nowMs = await environment.currentTimeMs();
      skippedMs = nowMs - Date.now();
      return nowMs;
    },
    workflow,
    events,
    settled: async (orderNo) => {
      for (;;) {
        const seen = await events(orderNo);
        if (isSettled(seen)) return seen;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    stopWorker,
    startWorker,
    close: async () => {
      await stopWorker();
      await environment.teardown();
      await providers.close();
      await database.close();
    },
  };
}
