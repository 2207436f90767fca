import { grant } from './grants.js';
import { payThing } from './pay-thing.js';
import { effect } from './step.js';

/** Type 1: a knowledge order is paid, and its content is open to the payer. */
export const payKnowledgeOrder = effect('payKnowledgeOrder', async (tx, { id }, step) => {
  const { contentId } = await payThing(tx, step, 'knowledge-orders', id);
  await grant(tx, step, { kind: 'knowledge', ref: contentId });
});
