/** Starting and telling an order's workflow, from what PostgreSQL has. */
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { asc, eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { actionSteps } from '../db/schema.js';
import { fen, toYuan } from '../domain/money.js';
import type { StepRef } from '../domain/order.js';
import { withDeadline } from '../temporal/connect.js';
import {
  ORDER_WORKFLOW,
  type OrderInput,
  SEARCH_ATTRIBUTES,
  TASK_QUEUE,
  orderWorkflowId,
  paymentReceived,
} from '../workflows/contract.js';

/** Temporal answers within this, or the row stays where it is and is tried again. */
const DEADLINE_MS = 2_000;

function inputOf(order: OrderRow, steps: StepRef[]): OrderInput {
  return {
    orderNo: order.orderNo,
    kind: order.kind,
    sellerId: order.sellerId,
    amountFen: order.amount,
    feeBps: order.feeBps,
    expiresAtMs: order.expiresAt.getTime(),
    chatWindowMs: order.chatWindowMs,
    autoConfirmAfterMs: order.autoConfirmAfterMs,
    steps,
  };
}

function startOptions(order: OrderRow, steps: StepRef[]) {
  return {
    workflowId: orderWorkflowId(order.orderNo),
    taskQueue: TASK_QUEUE,
    // A closed order must never get a second run; the default policy would start one.
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    args: [inputOf(order, steps)] as [OrderInput],
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.status, value: 'unpaid' },
      { key: SEARCH_ATTRIBUTES.kind, value: order.kind },
      { key: SEARCH_ATTRIBUTES.amount, value: order.amount },
      ...(order.sellerId === null ? [] : [{ key: SEARCH_ATTRIBUTES.seller, value: order.sellerId }]),
    ],
    staticSummary: `${order.kind} of ${toYuan(fen(order.amount))} yuan, ${steps.length} actions`,
  };
}

async function stepsOf(db: Db, orderNo: string): Promise<StepRef[]> {
  return db
    .select({ path: actionSteps.path, type: actionSteps.type })
    .from(actionSteps)
    .where(eq(actionSteps.orderNo, orderNo))
    .orderBy(asc(actionSteps.position));
}

/**
 * Starts the order's workflow once; a repeat finds it started.
 * @param again also where the last run was terminated by hand: a new run takes up the order as SQL has it, since
 *   every step of it is known by its key. A run that came to its end is never followed by another.
 * @returns whether a run was started
 */
export async function startOrderWorkflow(
  db: Db,
  temporal: Client,
  orderNo: string,
  again = false,
): Promise<boolean> {
  const order = await orderByNo(db, orderNo);
  const steps = order.chain === 'none' ? [] : await stepsOf(db, orderNo);
  try {
    await withDeadline(temporal, DEADLINE_MS, () =>
      temporal.workflow.start(ORDER_WORKFLOW, {
        ...startOptions(order, steps),
        ...(again && { workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const }),
      }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}

/** @returns false when there is no such workflow running */
export async function signalPayment(temporal: Client, orderNo: string, inboxId: number): Promise<boolean> {
  try {
    await withDeadline(temporal, DEADLINE_MS, () =>
      temporal.workflow.getHandle(orderWorkflowId(orderNo)).signal(paymentReceived, { inboxId }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
