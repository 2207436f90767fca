import type { z } from 'zod';
import { closeDispute, openDispute } from '../state/disputes.js';
import { Refusal } from '../state/refusal.js';
import type { Trade } from '../state/trades.js';
import type { Desk } from './desk.js';
import type { inputs } from './inputs.js';
import { disputeView } from './views.js';

/**
 * The payer's bank takes a payment back (`opened`), or decides about it (`won`: for the merchant, `lost`: for the
 * payer); the merchant is notified of each.
 * @throws Refusal where the provider has no disputes, or the trade is in no state for it
 */
export async function disputeTrade(
  desk: Desk,
  trade: Trade,
  wish: z.output<typeof inputs.dispute>,
): Promise<Readonly<Record<string, unknown>>> {
  const wire = desk.gateways[trade.channel].notifications.disputes;
  if (!wire) throw new Refusal('no_disputes', `${trade.channel} has no disputes.`);
  const { status, reason, amount } = wish;
  const at = desk.now();
  const dispute =
    status === 'opened'
      ? openDispute(desk.store, trade, { disputeNo: wire.newDisputeNo(), reason, amount, at })
      : closeDispute(desk.store, trade, status, at);
  const eventId = await desk.notifier.announceDispute(dispute, trade);
  await desk.store.commit();
  return { ...disputeView(dispute, trade), eventId };
}
