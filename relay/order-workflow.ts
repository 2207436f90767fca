/** Starting and telling an order's workflow, from what PostgreSQL has. */
import type { Client } from '@temporalio/client';
import { and, asc, eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { type OrderRow, addEvent, orderByNo } from '../db/orders.js';
import { actionSteps, inbox, payments } from '../db/schema.js';
import { fen, toYuan } from '../domain/money.js';
import type { StepRef } from '../domain/order.js';
import {
  ORDER_WORKFLOW,
  type OrderInput,
  SEARCH_ATTRIBUTES,
  orderWorkflowId,
  paymentReceived,
} from '../workflows/contract.js';
import { startOnce, tell } from './workflows.js';

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

/** The inbox row of the payment that paid the order; undefined when none did. */
async function paidBy(db: Db, { orderNo, money }: OrderRow): Promise<number | undefined> {
  if (money === 'unpaid') return undefined;
  const [row] = await db
    .select({ id: inbox.id })
    .from(payments)
    .innerJoin(
      inbox,
      and(
        eq(inbox.channel, payments.channel),
        eq(inbox.outTradeNo, payments.outTradeNo),
        eq(inbox.providerTradeNo, payments.providerTradeNo),
      ),
    )
    .where(and(eq(payments.orderNo, orderNo), eq(payments.status, 'paid'), eq(inbox.kind, 'paid')))
    .orderBy(asc(inbox.id))
    .limit(1);
  return row?.id;
}

/** What has paid it already goes along, so that its first task takes it up. @returns false when the policy allows no run */
async function start(
  db: Db,
  temporal: Client,
  orderNo: string,
  policy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE_FAILED_ONLY',
): Promise<boolean> {
  const order = await orderByNo(db, orderNo);
  const steps = order.chain === 'none' ? [] : await stepsOf(db, orderNo);
  const paidByInboxId = await paidBy(db, order);
  const input = { ...inputOf(order, steps), ...(paidByInboxId !== undefined && { paidByInboxId }) };
  return startOnce(temporal, ORDER_WORKFLOW, {
    ...startOptions(order, steps),
    args: [input],
    workflowIdReusePolicy: policy,
  });
}

/** Starts the order's workflow once; a repeat finds it started. A closed order never gets a second run. */
export async function startOrderWorkflow(db: Db, temporal: Client, orderNo: string): Promise<void> {
  await start(db, temporal, orderNo, 'REJECT_DUPLICATE');
}

/**
 * Starts another run where the last one was ended by hand: it takes up the order as SQL has it, since every step of
 * it is known by its key. A run that came to its own end, or still runs, is never followed by another.
 * @returns whether a run was started
 */
export async function restartOrderWorkflow(db: Db, temporal: Client, orderNo: string): Promise<boolean> {
  if (!(await start(db, temporal, orderNo, 'ALLOW_DUPLICATE_FAILED_ONLY'))) return false;
  await addEvent(db, { orderNo, type: 'workflow.restarted', actor: 'system' });
  return true;
}

/** @returns false when there is no such workflow running */
export function signalPayment(temporal: Client, orderNo: string, inboxId: number): Promise<boolean> {
  return tell(temporal, orderWorkflowId(orderNo), paymentReceived, { inboxId });
}
