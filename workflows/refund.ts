/**
 * One refund on its way back through its provider: posted, asked about until its end is known, then booked. It
 * outlives its order, and gives back money that came too late or twice.
 */
import {
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  type RefundInput,
  type RefundOutcome,
  orderWorkflowId,
  refundChanged,
  refundHint,
} from './contract.js';
import { ledger, providers } from './proxies.js';

const SECOND_MS = 1_000;
const LONGEST_GAP_MS = 600 * SECOND_MS;

export async function refund(input: RefundInput): Promise<RefundOutcome> {
  // Money on its way cannot be called back by "Request Cancellation" in Temporal's UI.
  return CancellationScope.nonCancellable(async () => {
    const outcome = await seeThrough(input);
    if (input.orderNo !== null) await tellOrder(input.orderNo);
    return outcome;
  });
}

async function seeThrough({ refundId, orderNo, posted = false }: RefundInput): Promise<RefundOutcome> {
  let hinted = false;
  setHandler(refundHint, () => {
    hinted = true;
  });
  for (let asked = 0; ; asked++) {
    hinted = false;
    const found = await providers.driveRefund({ refundId, posted: posted || asked > 0 });
    const nowMs = Date.now();
    if (found.state === 'succeeded') {
      const { providerRefundNo, settledAtMs } = found;
      await ledger.settleRefund({ refundId, providerRefundNo, settledAtMs, nowMs });
      return 'succeeded';
    }
    if (found.state === 'failed') {
      await ledger.failRefund({ refundId, error: found.error, nowMs });
      return 'failed';
    }
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof refund>({ refundId, orderNo, posted: true });
    }
    // A provider's notification shortens the wait; a hint that came while we asked counts too.
    await condition(() => hinted, Math.min(2 * SECOND_MS * 2 ** asked, LONGEST_GAP_MS), {
      summary: 'asks again',
    });
  }
}

/** An order that still runs waits for it; one that has ended, or was terminated, has nothing to wait for. */
async function tellOrder(orderNo: string): Promise<void> {
  try {
    await getExternalWorkflowHandle(orderWorkflowId(orderNo)).signal(refundChanged);
  } catch (error) {
    log.info('the order does not run any more', { orderNo, error: String(error) });
  }
}
