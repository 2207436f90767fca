import { HoldfastError } from '../../domain/errors.js';
import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { changeThing } from './new-things.js';
import { effect } from './step.js';
import { assertOwner, findThing, lockThing } from './things.js';

/** Type 17: the organization is raised to this price's capacity. */
export const upgradeOrganization = effect('upgradeOrganization', async (tx, parameters, step) => {
  const { organizeId, priceId } = parameters;
  const organization = await lockThing(tx, 'organizations', organizeId);
  assertOwner(organization, organization.body.ownerId, step.order.buyerId);
  const { body: price } = await findThing(tx, 'organization-prices', priceId);
  // Nobody pays for less than they have.
  if (price.capacity <= organization.body.capacity) {
    throw new HoldfastError('already_granted', {
      message: `organizations/${organizeId} has room for ${organization.body.capacity} already`,
      details: { collection: 'organizations', id: organizeId },
    });
  }
  await charge(tx, step, amountFen(price.amount));
  await changeThing(tx, organization, { capacity: price.capacity });
});
