import { amountFen } from '../../domain/money.js';
import { openChildDeal } from './child-deal.js';
import { lockPayable, markPaid } from './pay-thing.js';
import { effect } from './step.js';

/** Type 20: an errand is paid and open; the runner's fee is held until a back end confirms that the runner ran. */
export const payErrandTask = effect('payErrandTask', async (tx, { taskId }, step) => {
  const task = await lockPayable(tx, step, 'errand-tasks', taskId);
  const { runnerId = null, amount } = task.body;
  const heldByOrderNo = await openChildDeal(tx, step, {
    sellerId: runnerId,
    amountFen: amountFen(amount),
    subject: `errand ${taskId}`,
    item: task,
    autoConfirmAfterMs: null,
  });
  await markPaid(tx, step, task, heldByOrderNo);
});
