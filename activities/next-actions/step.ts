/** What every step of a chain shares: it starts visibly, and its effect and its success are one transaction. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { crashPoint } from '../../crash-points.js';
import type { Db } from '../../db/client.js';
import { type OrderRow, type StepRow, addEvent, orderByNo, refreshChain, stepOf } from '../../db/orders.js';
import { actionSteps } from '../../db/schema.js';
import { HoldfastError, isErrorCode } from '../../domain/errors.js';
import type { ActionName, StepParameters } from '../../domain/next-actions.js';

export interface StepInput {
  /** `<orderNo>:<path>`: from ids alone, so that every try has the same one. */
  key: string;
  orderNo: string;
  path: string;
}

export interface Step {
  input: StepInput;
  order: OrderRow;
  row: StepRow;
}

const here = ({ orderNo, path }: StepInput) =>
  and(eq(actionSteps.orderNo, orderNo), eq(actionSteps.path, path));

/**
 * Marks the step as running and counts the try, in one statement: a try that comes late must not undo what another
 * one has finished. @returns undefined when the step is over
 */
export async function startStep(db: Db, input: StepInput): Promise<Step | undefined> {
  const isOpen = inArray(actionSteps.status, ['pending', 'running']);
  const [row] = await db
    .update(actionSteps)
    .set({
      status: 'running',
      attempts: sql`${actionSteps.attempts} + 1`,
      startedAt: sql`COALESCE(${actionSteps.startedAt}, now())`,
      triedAt: sql`now()`,
    })
    .where(and(here(input), isOpen))
    .returning();
  if (row !== undefined) return { input, order: await orderByNo(db, input.orderNo), row };
  const { status, error } = await stepOf(db, input.orderNo, input.path);
  if (status === 'succeeded' || status === 'skipped') return undefined;
  // The run of the workflow that parked it was ended by hand: the next one waits at the same place.
  if (error !== null && isErrorCode(error.code))
    throw new HoldfastError(error.code, { message: error.message });
  throw new Error(`step ${input.path} is ${status}: a decision comes before the next try`);
}

/**
 * Writes the step's success; goes into the transaction of its effect. A step that is not running any more was
 * finished or parked while this try was thought dead: the effect must not be committed beside that.
 */
export async function finishStep(tx: Db, { input, row }: Step): Promise<void> {
  const [finished] = await tx
    .update(actionSteps)
    .set({ status: 'succeeded', endedAt: sql`now()`, error: null })
    .where(and(here(input), eq(actionSteps.status, 'running')))
    .returning({ path: actionSteps.path });
  if (finished === undefined) throw new Error(`step ${input.path} is not running any more`);
  await refreshChain(tx, input.orderNo);
  await addEvent(tx, {
    orderNo: input.orderNo,
    type: 'action.succeeded',
    actor: 'system',
    data: { path: input.path, name: row.name },
  });
  crashPoint('step: before commit', input.key);
}

export async function storeResolved(
  db: Db,
  { input }: Step,
  resolved: Record<string, unknown>,
): Promise<void> {
  await db.update(actionSteps).set({ resolved }).where(here(input));
}

/** Wraps one action's effect. The effect calls `finishStep` in its own transaction. */
export function stepActivity(db: Db, effect: (step: Step) => Promise<void>) {
  return async (input: StepInput): Promise<void> => {
    const step = await startStep(db, input);
    if (step === undefined) return;
    crashPoint('step: started', input.key);
    try {
      await effect(step);
      crashPoint('step: committed', input.key);
    } catch (error) {
      // An earlier try that was thought dead may have been faster: what it did is no reason to park.
      const { status } = await stepOf(db, input.orderNo, input.path);
      if (status !== 'succeeded') throw error;
    }
  };
}

/**
 * An action whose whole effect is one transaction with its success: all but those that call somebody else. As `within`
 * it is part of a transaction that somebody else began.
 */
export function effect<N extends ActionName>(
  _name: N,
  act: (tx: Db, parameters: StepParameters<N>, step: Step) => Promise<void>,
) {
  const within = async (tx: Db, step: Step): Promise<void> => {
    // Checked when the order was made, or the step was edited.
    await act(tx, step.row.parameters as StepParameters<N>, step);
    await finishStep(tx, step);
  };
  const activity = (db: Db) => stepActivity(db, (step) => db.transaction((tx) => within(tx, step)));
  return Object.assign(activity, { within });
}
