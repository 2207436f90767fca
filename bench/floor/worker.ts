/** The floor's worker, with the settings of the product's. Its activities only tell the benchmark when they ran. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

/** What the floor's processes say to the benchmark. */
export type FloorMessage = { ready: true } | { step: 'hold' | 'release'; id: string; atMs: number };

function tell(message: FloorMessage): void {
  process.send?.(message);
}

const activities = {
  async hold(id: string): Promise<void> {
    tell({ step: 'hold', id, atMs: Date.now() });
  },
  async release(id: string): Promise<void> {
    tell({ step: 'release', id, atMs: Date.now() });
  },
};

export type FloorActivities = typeof activities;

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS'] ?? '' });
  const worker = await Worker.create({
    connection,
    taskQueue: 'floor',
    workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
    activities,
    maxCachedWorkflows: 2_000,
    workflowTaskPollerBehavior: { type: 'autoscaling' },
    activityTaskPollerBehavior: { type: 'autoscaling' },
  });
  process.once('SIGTERM', () => worker.shutdown());
  tell({ ready: true });
  await worker.run();
  await connection.close();
  process.disconnect?.();
}

await main();
