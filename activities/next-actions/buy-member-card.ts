import { amountFen } from '../../domain/money.js';
import { charge } from './charge.js';
import { grantDays } from './grants.js';
import { effect } from './step.js';
import { findThing } from './things.js';

/** Type 10: a member card is paid for and issued, or runs longer. */
export const buyMemberCard = effect('buyMemberCard', async (tx, { id }, step) => {
  const { body } = await findThing(tx, 'member-cards', id);
  await charge(tx, step, amountFen(body.amount));
  await grantDays(tx, step, { kind: 'member_card', ref: id }, body.days);
});
