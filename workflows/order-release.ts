/** The chat window and the release: both counted from the payment, side by side, with one timer at a time. */
import { condition } from '@temporalio/workflow';
import { chatClosesAt, releasesAt } from '../domain/deadlines.js';
import { isHeldKind } from '../domain/order.js';
import { type OrderProgress, change } from './progress.js';
import { ledger } from './proxies.js';

export async function chatWindowThenRelease(progress: OrderProgress): Promise<void> {
  const { input, paid } = progress;
  if (paid === null) throw new Error('only a paid order has a chat window');
  const chatClosesAtMs = chatClosesAt({ ...input, ...paid });
  const releasesAtMs = releasesAt({ ...input, ...paid });
  progress.chatOpen = chatClosesAtMs !== null && isHeldKind(input.kind);

  while (progress.money === 'held' || progress.chatOpen) {
    const now = Date.now();
    if (progress.money === 'held' && (progress.confirmedBy !== null || now >= releasesAtMs)) {
      await release(progress, progress.confirmedBy ?? 'auto-confirm');
    } else if (progress.chatOpen && progress.chatClosedBy !== null) {
      await ledger.closeChat({ orderNo: input.orderNo, by: progress.chatClosedBy });
      progress.chatOpen = false;
    } else if (progress.chatOpen && now >= (chatClosesAtMs ?? 0)) {
      progress.chatOpen = false;
    } else {
      await nextDeadline(progress, { chatClosesAtMs, releasesAtMs });
    }
  }
}

async function release(progress: OrderProgress, by: string): Promise<void> {
  const { orderNo, sellerId, feeBps } = progress.input;
  if (sellerId === null) throw new Error('held money has a seller');
  await ledger.releaseOrder({ orderNo, sellerId, amountFen: progress.paid?.amountFen ?? 0, feeBps, by });
  change(progress, { money: 'released' });
}

async function nextDeadline(
  progress: OrderProgress,
  { chatClosesAtMs, releasesAtMs }: { chatClosesAtMs: number | null; releasesAtMs: number },
): Promise<void> {
  const held = progress.money === 'held';
  const chat = progress.chatOpen ? chatClosesAtMs : null;
  // Where both fall together one timer serves both.
  const dueMs = Math.min(held ? releasesAtMs : Infinity, chat ?? Infinity);
  const what = [chat === dueMs && 'chat window ends', held && releasesAtMs === dueMs && 'auto-confirm'];
  await condition(
    () =>
      (progress.money === 'held' && progress.confirmedBy !== null) ||
      (progress.chatOpen && progress.chatClosedBy !== null),
    dueMs - Date.now(),
    { summary: what.filter(Boolean).join(', ') },
  );
}
