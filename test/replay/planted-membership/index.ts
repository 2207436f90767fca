/** The workflow of a membership with an activity too many: replaying any history with it must fail. */
import type { MembershipInput, MembershipOutcome } from '../../../workflows/contract.js';
import { membership as current } from '../../../workflows/membership.js';
import { ledger } from '../../../workflows/proxies.js';

export async function membership(input: MembershipInput): Promise<MembershipOutcome> {
  const outcome = await current(input);
  await ledger.renewMembership({ renewalId: input.renewalId, nowMs: Date.now() });
  return outcome;
}
