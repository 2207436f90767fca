import { amountFen } from '../../domain/money.js';
import { openChildDeal } from './child-deal.js';
import { grant } from './grants.js';
import { lockPayable, markPaid } from './pay-thing.js';
import { effect } from './step.js';

/** Type 11: a picture is paid; its seller's money is held and released like a deal's. */
export const payPictureTrade = effect('payPictureTrade', async (tx, { id }, step) => {
  const trade = await lockPayable(tx, step, 'picture-trades', id);
  const { sellerId, pictureId, amount } = trade.body;
  const heldByOrderNo = await openChildDeal(tx, step, {
    sellerId,
    amountFen: amountFen(amount),
    subject: `picture ${pictureId}`,
    item: trade,
    autoConfirmAfterMs: step.order.autoConfirmAfterMs,
  });
  await markPaid(tx, step, trade, heldByOrderNo);
  await grant(tx, step, { kind: 'picture', ref: pictureId });
});
