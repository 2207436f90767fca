import type { Temporal } from '../temporal/connect.js';
import { TASK_QUEUE } from '../workflows/contract.js';
import type { Probes } from './services.js';

const DEADLINE_MS = 1_000;
// temporal.api.enums.v1.TaskQueueType
const WORKFLOW_QUEUE = 1;
/** A worker polls at least once a minute; one that was killed stays listed for longer. */
const SEEN_WITHIN_MS = 75_000;

/** What /readyz asks of Temporal. */
export function temporalProbes({ client, connection }: Temporal, namespace: string): Probes {
  const asked = <T>(call: () => Promise<T>): Promise<T> =>
    connection.withDeadline(Date.now() + DEADLINE_MS, call);
  return {
    async temporal() {
      await asked(() => client.workflowService.getSystemInfo({})).catch((error: unknown) => {
        throw new Error('Temporal does not answer', { cause: error });
      });
    },
    async worker() {
      const queue = await asked(() =>
        client.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: TASK_QUEUE },
          taskQueueType: WORKFLOW_QUEUE,
        }),
      ).catch((error: unknown) => {
        throw new Error('unknown: Temporal does not answer', { cause: error });
      });
      const seenAtMs = Math.max(
        0,
        ...queue.pollers.map((poller) => Number(poller.lastAccessTime?.seconds ?? 0) * 1_000),
      );
      if (Date.now() - seenAtMs > SEEN_WITHIN_MS) throw new Error('no worker polls the queue');
    },
  };
}
