/** The nextAction chain: a step starts after the one before it; a failure never undoes or repeats a finished one. */
import { ActivityFailure, ApplicationFailure, condition } from '@temporalio/workflow';
import { type ActionName, actionName } from '../domain/next-actions.js';
import type { StepRef } from '../domain/order.js';
import { type Decision, type OrderProgress, change } from './progress.js';
import { ledger, nextActions } from './proxies.js';
import { byWish } from './versions.js';

export async function runNextActions(progress: OrderProgress): Promise<void> {
  for (const step of progress.input.steps) await runStep(progress, step);
  if (progress.chain !== 'none') change(progress, { chain: 'done' });
}

async function runStep(progress: OrderProgress, step: StepRef): Promise<void> {
  const { orderNo } = progress.input;
  for (let round = 1; ; round++) {
    try {
      return await act(orderNo, step, round);
    } catch (error) {
      const failure = permanentFailure(error);
      const decision = await parked(progress, step, failure);
      if (decision.verdict === 'skip') return;
    }
  }
}

function act(orderNo: string, step: StepRef, round: number): Promise<void> {
  const name = nameOf(step);
  return nextActions[name].executeWithOptions(
    {
      // Explicit, since the default is a sequence number that shifts when a workflow is edited.
      activityId: round === 1 ? step.path : `${step.path}#${round}`,
      // The activity's name stands beside it in Temporal's UI.
      summary: step.path,
    },
    [{ key: `${orderNo}:${step.path}`, orderNo, path: step.path }],
  );
}

function nameOf(step: StepRef): ActionName {
  const name = actionName(step.type);
  // Refused at creation, so this is a worker older than the order: the task is retried until a newer one takes it.
  if (name === undefined) throw new Error(`this worker does not know action type ${String(step.type)}`);
  return name;
}

/** What parks a step. Anything else is no failure of the step and goes up. */
function permanentFailure(error: unknown): { code: string; message: string } {
  if (error instanceof ActivityFailure && error.cause instanceof ApplicationFailure) {
    return { code: error.cause.type ?? 'internal', message: error.cause.message };
  }
  throw error;
}

/** Stops here, visibly, until an operator, or the payer where that may help, has decided. */
async function parked(
  progress: OrderProgress,
  { path }: StepRef,
  error: { code: string; message: string },
): Promise<Decision> {
  const { orderNo } = progress.input;
  await ledger.parkStep({ orderNo, path, error });
  progress.parkedPath = path;
  change(progress, { chain: 'parked' });
  await condition(() => progress.decision !== null);
  const decision = progress.decision;
  if (decision === null) throw new Error('a condition that held has ceased to hold');
  await byWish().decideStep({ orderNo, ...decision });
  progress.parkedPath = null;
  change(progress, { chain: 'running' });
  progress.decision = null;
  return decision;
}
