/** What the relay does at Temporal: it starts a workflow once, and tells one that runs. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
} from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import { withDeadline } from '../temporal/connect.js';
import { TASK_QUEUE } from '../workflows/contract.js';

/** Temporal answers within this, or the row stays where it is and is tried again. */
const DEADLINE_MS = 2_000;

/** @returns false when one runs already, or the policy allows no other run */
export async function startOnce(
  temporal: Client,
  type: string,
  options: Omit<WorkflowStartOptions, 'taskQueue'>,
): Promise<boolean> {
  try {
    await withDeadline(temporal, DEADLINE_MS, () =>
      temporal.workflow.start(type, { ...options, taskQueue: TASK_QUEUE }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}

/** @returns false when there is no such workflow running */
export async function tell<Args extends unknown[]>(
  temporal: Client,
  workflowId: string,
  signal: SignalDefinition<Args>,
  ...args: Args
): Promise<boolean> {
  try {
    await withDeadline(temporal, DEADLINE_MS, () =>
      temporal.workflow.getHandle(workflowId).signal(signal, ...args),
    );
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return false;
  }
}
