import { deposits } from '../../db/schema.js';
import { fromYuan } from '../../domain/money.js';
import { depositPosting } from '../../domain/action-postings.js';
import { post } from '../../ledger/post.js';
import { idOfStep } from './new-things.js';
import { effect } from './step.js';

/** Type 5: a deposit is taken from the payer's balance and held until it is returned. */
export const payDeposit = effect('payDeposit', async (tx, parameters, step) => {
  const { order, input } = step;
  const amount = fromYuan(parameters.amount);
  await post(tx, depositPosting(input.key, order.buyerId, amount, input.orderNo));
  await tx.insert(deposits).values({
    id: idOfStep(step),
    userId: order.buyerId,
    orderId: order.id,
    orderNo: input.orderNo,
    step: input.path,
    amount,
    refCode: parameters.refCode ?? null,
    remark: parameters.remark ?? null,
    ext: parameters.extJsonStr ?? null,
  });
});
