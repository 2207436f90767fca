import { payThing } from './pay-thing.js';
import { effect } from './step.js';

/** Type 22: a box is paid for and published. */
export const publishBlindBox = effect('publishBlindBox', async (tx, { boxId }, step) => {
  await payThing(tx, step, 'blind-boxes', boxId);
});
