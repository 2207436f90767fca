/** The floor's processes, and the calls that start and signal its workflows. */
import { randomBytes } from 'node:crypto';
import { ALIPAY_ENVIRONMENT } from '../alipay.js';
import { type Child, firstMessage, startScript } from '../children.js';
import { isObject } from '../../domain/variables.js';
import type { Servers } from '../servers.js';
import type { FloorMessage } from './worker.js';
import type { FloorInput } from './workflow.js';

const EXPIRES_IN_MS = 86_400_000;

export interface Floor {
  worker: Child;
  /** When a workflow's steps ran, epoch ms, by its id. */
  holds: ReadonlyMap<string, number>;
  releases: ReadonlyMap<string, number>;
  /** @returns the workflow's number */
  start(holdMs: number): Promise<string>;
  signal(id: string): Promise<void>;
}

export async function startFloor(servers: Servers): Promise<Floor> {
  const holds = new Map<string, number>();
  const releases = new Map<string, number>();
  const worker = await startScript({
    name: 'floor-worker',
    script: 'bench/floor/worker.ts',
    home: servers.home,
    environment: { TEMPORAL_ADDRESS: servers.temporal.address },
    isReady: async () => true,
  });
  worker.process.on('message', (message: FloorMessage) => {
    if ('step' in message) (message.step === 'hold' ? holds : releases).set(message.id, message.atMs);
  });
  await firstMessage(
    worker,
    (message): message is { ready: true } => isObject(message) && 'ready' in message,
  );
  return {
    worker,
    holds,
    releases,
    start: async (holdMs) => {
      const id = randomBytes(8).toString('hex');
      const input: FloorInput = { id, expiresInMs: EXPIRES_IN_MS, holdMs };
      await servers.client.workflow.start('barest', {
        workflowId: `floor/${id}`,
        taskQueue: 'floor',
        args: [input],
      });
      return id;
    },
    signal: (id) => servers.client.workflow.getHandle(`floor/${id}`).signal('paid', 1),
  };
}

/** @returns the process, and where it listens */
export async function startInlineHandler(servers: Servers): Promise<{ handler: Child; url: string }> {
  const handler = await startScript({
    name: 'inline-handler',
    script: 'bench/floor/inline-handler.ts',
    home: servers.home,
    environment: { TEMPORAL_ADDRESS: servers.temporal.address, ...ALIPAY_ENVIRONMENT },
    isReady: async () => true,
  });
  const { port } = await firstMessage(
    handler,
    (message): message is { port: number } => isObject(message) && typeof message['port'] === 'number',
  );
  return { handler, url: `http://127.0.0.1:${port}` };
}
