import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { insertThing } from './new-things.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** Type 16: an organization of this price's capacity, whose owner is the payer. */
export const createOrganization = effect('createOrganization', async (tx, parameters, step) => {
  const { priceId, name, remark = '' } = parameters;
  const { body } = await findThing(tx, 'organization-prices', priceId);
  await charge(tx, step, amountFen(body.amount));
  const { capacity } = body;
  await insertThing(tx, step, 'organizations', { name, remark, ownerId: step.order.buyerId, capacity });
});
