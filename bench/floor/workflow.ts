/** The barest workflow with an order's durable points: timer, signal, local activity, timer, local activity. */
import { condition, defineSignal, proxyLocalActivities, setHandler, sleep } from '@temporalio/workflow';
import type { FloorActivities } from './worker.js';

export interface FloorInput {
  id: string;
  expiresInMs: number;
  holdMs: number;
}

export const paid = defineSignal<[number]>('paid');

const { hold, release } = proxyLocalActivities<FloorActivities>({ startToCloseTimeout: '10s' });

export async function barest({ id, expiresInMs, holdMs }: FloorInput): Promise<void> {
  let isPaid = false;
  setHandler(paid, () => {
    isPaid = true;
  });
  if (!(await condition(() => isPaid, expiresInMs))) return;
  await hold(id);
  await sleep(holdMs);
  await release(id);
}
