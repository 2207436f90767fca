/** Withdrawals whose workflow really runs, and what becomes of them at a provider of the sandbox. */
import { type PayoutAccount, decideWithdrawal, requestWithdrawal } from '../../commands/withdrawals.js';
import { type WithdrawalRow, withdrawalById } from '../../db/withdrawals.js';
import { fen } from '../../domain/money.js';
import type { ProviderChannel } from '../../domain/order.js';
import { deliverWithdrawal, hintPayout } from '../../relay/withdrawals.js';
import { withdrawalWorkflowId } from '../../workflows/contract.js';
import type { Flow } from './flow.js';
import { PAY_PASSWORD, setPayPassword } from './journeys.js';
import { earner } from './withdrawals.js';
import { until } from './world.js';

export const WITHDRAWN = 40_000;
export const EARNED = 100_000;

export const ACCOUNTS = {
  alipay: { channel: 'alipay', no: 'hanmeimei@example.com', name: '韩梅梅' },
  wechat: { channel: 'wechat', no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', name: '韩梅梅' },
  pingpp: { channel: 'pingpp', no: 'hanmeimei@example.com', name: '韩梅梅' },
  stripe: { channel: 'stripe', no: 'acct_hanmeimei', name: '韩梅梅' },
} as const satisfies Record<ProviderChannel, PayoutAccount>;

/**
 * Asked for and approved by the product's own commands; its workflow is started.
 * @param no whom the provider pays
 */
export async function approvedAt(
  flow: Flow,
  channel: ProviderChannel,
  no: string = ACCOUNTS[channel].no,
): Promise<WithdrawalRow> {
  const { context } = flow;
  await flow.readClock();
  const userId = await earner(context.db, EARNED);
  await setPayPassword(context.db);
  const account = { ...ACCOUNTS[channel], no };
  const wish = { userId, amountFen: fen(WITHDRAWN), payPassword: PAY_PASSWORD, account };
  const row = await requestWithdrawal(context, wish, { by: `user:${userId}`, idempotencyKey: null });
  const verdict = { approve: true, reason: 'looked into' };
  await decideWithdrawal(context, row.id, verdict, { by: 'user:operator', idempotencyKey: null });
  await context.inline.drain();
  return row;
}

export const withdrawalNow = ({ context }: Flow, { id }: WithdrawalRow): Promise<WithdrawalRow> =>
  withdrawalById(context.db, id);

export const withdrawalHandle = ({ environment }: Flow, { id }: WithdrawalRow) =>
  environment.client.workflow.getHandle(withdrawalWorkflowId(id));

export function withdrawalWhen(
  flow: Flow,
  row: WithdrawalRow,
  isSo: (now: WithdrawalRow) => boolean,
): Promise<void> {
  return until(async () => isSo(await withdrawalNow(flow, row)));
}

/** The provider knows of it. */
export const accepted = (flow: Flow, row: WithdrawalRow): Promise<void> =>
  withdrawalWhen(flow, row, ({ acceptedAt }) => acceptedAt !== null);

/** Its receiver has to take it. */
export const awaited = (flow: Flow, row: WithdrawalRow): Promise<void> =>
  withdrawalWhen(flow, row, ({ status }) => status === 'awaiting_receiver');

export const settlePayout = ({ providers }: Flow, { id }: WithdrawalRow, result: string): Promise<unknown> =>
  providers.control('POST', `/payouts/${id}/settle`, { result, notify: false });

export async function payoutsOf(
  { providers }: Flow,
  { id }: WithdrawalRow,
): Promise<{ amount: number; status: string }[]> {
  const answer = await providers.control('GET', `/payouts?outPayoutNo=${id}`);
  return (answer as { data: { amount: number; status: string }[] }).data;
}

/** As the relay does. */
export const deliver = ({ context }: Flow, { id }: WithdrawalRow): Promise<void> =>
  deliverWithdrawal(context, id);

/** Hints until it has ended: the workflow may be asking just now, and its next question is the one that counts. */
export async function endedWithdrawal(flow: Flow, row: WithdrawalRow): Promise<WithdrawalRow> {
  await until(async () => {
    await hintPayout(flow.context.temporal, row.id);
    return (await withdrawalNow(flow, row)).endedAt !== null;
  });
  const handle = withdrawalHandle(flow, row);
  // To wait for one that has ended would let the server skip to its execution time-out, years ahead.
  if ((await handle.describe()).status.name === 'RUNNING') await handle.result();
  return withdrawalNow(flow, row);
}
