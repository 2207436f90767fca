/** Temporal Updates of an order's workflow, whose caller waits for an answer. */
import { createHash } from 'node:crypto';
import {
  type Client,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
} from '@temporalio/client';
import { ApplicationFailure, type UpdateDefinition } from '@temporalio/common';
import { eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import type { OrderRow } from '../db/orders.js';
import { outbox } from '../db/schema.js';
import { HoldfastError, isErrorCode } from '../domain/errors.js';
import { withDeadline } from '../temporal/connect.js';
import { orderWorkflowId } from '../workflows/contract.js';
import { restartOrderWorkflow } from './order-workflow.js';
import { deliverStart } from './starts.js';

export interface Asked {
  /** Who asks, for the audit trail. */
  by: string;
  /** The caller's idempotency key, if any: the same wish twice is one Update. */
  idempotencyKey: string | null;
}

interface UpdateContext {
  db: Db;
  temporal: Client;
}

const DEADLINE_MS = 5_000;

/** @returns false when the order's workflow has ended: SQL says what became of it */
export async function update<A>(
  context: UpdateContext,
  order: OrderRow,
  definition: UpdateDefinition<void, [A]>,
  input: A,
  asked: Asked,
): Promise<boolean> {
  const handle = context.temporal.workflow.getHandle(orderWorkflowId(order.orderNo));
  const execute = (): Promise<void> =>
    withDeadline(context.temporal, DEADLINE_MS, () =>
      handle.executeUpdate(definition, { args: [input], ...updateIdOf(definition.name, asked) }),
    );
  try {
    await execute().catch(async (error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      // Also where nothing was to be started: the start may have come to its end between the two looks.
      await startIfDue(context, order.orderNo);
      await execute();
    });
    crashPoint('update: taken by the workflow');
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw updateFailure(error);
  }
}

/** A command that beat the start of its order's workflow, or comes after somebody has terminated that. */
async function startIfDue({ db, temporal }: UpdateContext, orderNo: string): Promise<void> {
  const [row] = await db.select().from(outbox).where(eq(outbox.orderNo, orderNo));
  if (row?.doneAt === null) await deliverStart(db, temporal, orderNo);
  else await restartOrderWorkflow(db, temporal, orderNo);
}

/** Update ids are readable in Temporal, so the caller's key goes in as a digest. */
function updateIdOf(name: string, { by, idempotencyKey }: Asked): { updateId?: string } {
  if (idempotencyKey === null) return {};
  const digest = createHash('sha256').update(`${by}\n${idempotencyKey}`).digest('hex').slice(0, 32);
  return { updateId: `${name}:${digest}` };
}

/** Temporal, or a worker, did not answer: a time-out, a refused connection, or either wrapped by the client. */
function isUnanswered(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcServiceError(cause)) return true;
  }
  return false;
}

function updateFailure(error: unknown): unknown {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { type, message } = error.cause;
    const code = typeof type === 'string' && isErrorCode(type) ? type : 'internal';
    return new HoldfastError(code, { message, cause: error });
  }
  // With no worker, or with Temporal down, an Update is stored nowhere: the caller may repeat it.
  if (isUnanswered(error)) {
    return new HoldfastError('unavailable', {
      message: 'no answer in time; repeat the call',
      cause: error,
    });
  }
  return error;
}
