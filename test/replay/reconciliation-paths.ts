/** Ways that a reconciliation can take through its workflow: recorded once, and replayed by every later version. */
import { eq } from 'drizzle-orm';
import type { WorkflowHandle } from '@temporalio/client';
import { requestReconciliation } from '../../commands/reconciliations.js';
import { reconciliationById } from '../../db/reconciliations.js';
import { inbox } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { fen } from '../../domain/money.js';
import { chinaDayOf, dayBeside } from '../../domain/reconciliation.js';
import {
  DAILY_RECONCILIATION_WORKFLOW,
  type DailyReconciliationInput,
  TASK_QUEUE,
  dailyReconciliationId,
  reconciliationWorkflowId,
} from '../../workflows/contract.js';
import { type Provider, at, paymentRow } from '../support/bills.js';
import type { Flow } from '../support/flow.js';
import { unpaidOrder } from '../support/journeys.js';
import { until } from '../support/world.js';

export interface ReconciliationPath {
  name: string;
  /** @returns once it has ended */
  run: (flow: Flow, provider: Provider) => Promise<WorkflowHandle>;
}

let daysAgo = 0;

/** A day that no other path has: time is skipped as well. */
async function newDay(flow: Flow): Promise<string> {
  daysAgo += 10;
  return dayBeside(chinaDayOf(await flow.readClock()), -daysAgo);
}

async function started(flow: Flow, date: string): Promise<WorkflowHandle> {
  await requestReconciliation(flow.context, { channel: 'alipay', date }, 'test');
  return flow.environment.client.workflow.getHandle(reconciliationWorkflowId('alipay', date));
}

async function ended(handle: WorkflowHandle): Promise<WorkflowHandle> {
  if ((await handle.describe()).status.name === 'RUNNING') await handle.result();
  return handle;
}

export const RECONCILIATION_PATHS: readonly ReconciliationPath[] = [
  {
    name: 'equal',
    run: async (flow, provider) => {
      const date = await newDay(flow);
      provider.bills.set(date, () => []);
      return ended(await started(flow, date));
    },
  },
  {
    name: 'waited-for-its-bill',
    run: async (flow, provider) => {
      const date = await newDay(flow);
      const handle = await started(flow, date);
      const row = () => reconciliationById(flow.database.db, `alipay-${date}`);
      await until(async () => (await row()).status === 'waiting');
      provider.bills.set(date, () => []);
      return ended(handle);
    },
  },
  {
    name: 'refused-its-bill',
    run: async (flow, provider) => {
      const date = await newDay(flow);
      provider.bills.set(date, () => {
        throw new HoldfastError('channel_refused', { message: 'it is too long ago' });
      });
      return ended(await started(flow, date));
    },
  },
  {
    name: 'missing-and-not-confirmed',
    run: async (flow, provider) => {
      const date = await newDay(flow);
      provider.bills.set(date, () => [paymentRow('unheard', 1, at(date))]);
      return ended(await started(flow, date));
    },
  },
  {
    name: 'missing-and-confirmed-and-still-not-booked',
    run: async (flow, provider) => {
      const date = await newDay(flow);
      const order = await unpaidOrder(flow, { kind: 'topup', amountFen: fen(5) });
      const payment = {
        outTradeNo: order.orderNo,
        providerTradeNo: `trade-${order.orderNo}`,
        amountFen: fen(5),
        currency: 'CNY',
        merchant: 'app/seller',
        paidAt: at(date),
      };
      provider.query = () => Promise.resolve({ state: 'paid', payment });
      provider.bills.set(date, () => [paymentRow(order.orderNo, 5, at(date))]);
      const handle = await started(flow, date);
      const rows = () => flow.database.db.select().from(inbox).where(eq(inbox.outTradeNo, order.orderNo));
      await until(async () => (await rows()).length > 0);
      return ended(handle);
    },
  },
  {
    name: 'started-by-its-schedule',
    run: async (flow, provider) => {
      const date = dayBeside(chinaDayOf(await flow.readClock()), -1);
      provider.bills.set(date, () => []);
      return ended(
        await flow.environment.client.workflow.start(DAILY_RECONCILIATION_WORKFLOW, {
          workflowId: dailyReconciliationId('alipay'),
          taskQueue: TASK_QUEUE,
          args: [{ channel: 'alipay' } satisfies DailyReconciliationInput],
        }),
      );
    },
  },
];
