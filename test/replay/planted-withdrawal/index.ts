/** The withdrawal's workflow with an activity too many: replaying any history with it must fail. */
import type { WithdrawalInput, WithdrawalOutcome } from '../../../workflows/contract.js';
import { payouts } from '../../../workflows/proxies.js';
import { withdrawal as current } from '../../../workflows/withdrawal.js';

export async function withdrawal(input: WithdrawalInput): Promise<WithdrawalOutcome> {
  const outcome = await current(input);
  await payouts.drivePayout({ withdrawalId: input.withdrawalId, nowMs: Date.now() });
  return outcome;
}
