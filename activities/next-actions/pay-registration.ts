import { payThing } from './pay-thing.js';
import { effect } from './step.js';

/** Type 3: a sign-up fee is paid; `id` is the record of the registration. */
export const payRegistration = effect('payRegistration', async (tx, { id }, step) => {
  await payThing(tx, step, 'registrations', id);
});
