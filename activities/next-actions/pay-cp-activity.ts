import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { grantOnce } from './grants.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** Type 23: the payer is admitted, once. */
export const payCpActivity = effect('payCpActivity', async (tx, { cpactivityId }, step) => {
  const { body } = await findThing(tx, 'cp-activities', cpactivityId);
  await charge(tx, step, amountFen(body.amount));
  await grantOnce(tx, step, { kind: 'cp_activity', ref: cpactivityId });
});
