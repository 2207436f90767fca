/** Types 12, 13 and 14: a role, for the fee that operators have set. */
import { charge, priceSetting } from './charge.js';
import { grantOnce } from './grants.js';
import { effect } from './step.js';

const ROLES = {
  becomeCommunityLeader: { ref: 'community_leader', price: 'price.communityLeader' },
  becomeDistributor: { ref: 'distributor', price: 'price.distributor' },
  becomeTeamLeader: { ref: 'team_leader', price: 'price.teamLeader' },
} as const;

export const buyRole = (name: keyof typeof ROLES) =>
  effect(name, async (tx, _parameters, step) => {
    const { ref, price } = ROLES[name];
    await charge(tx, step, await priceSetting(tx, price));
    await grantOnce(tx, step, { kind: 'role', ref });
  });
