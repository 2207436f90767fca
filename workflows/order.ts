/**
 * One order's life (system.md, section 2): it waits for its payment, then runs its nextAction chain beside the
 * chat window and the release, and ends when both have ended.
 */
import { ActivityFailure, CancellationScope, allHandlersFinished, condition } from '@temporalio/workflow';
import { isHeldKind } from '../domain/order.js';
import type { OrderInput, PaymentHint, PaymentNotice } from './contract.js';
import { runNextActions } from './order-chain.js';
import { refundIsDue, takeRefundStep } from './order-refunds.js';
import { chatWindowThenRelease } from './order-release.js';
import { type OrderProgress, change, startProgress } from './progress.js';
import { hints, ledger, providers } from './proxies.js';

export async function order(input: OrderInput): Promise<void> {
  const progress = startProgress(input);
  // "Request Cancellation" in Temporal's UI is a wish like any other: it cancels an unpaid order, and must not tear
  // down one that holds money.
  CancellationScope.current().cancelRequested.catch(() => {
    progress.cancelled ??= { by: 'temporal', reason: 'cancelled in Temporal' };
  });
  await CancellationScope.nonCancellable(() => life(progress));
}

async function life(progress: OrderProgress): Promise<void> {
  const paid = await paymentOrExpiry(progress);
  const ended = paid && Promise.all([runNextActions(progress), chatWindowThenRelease(progress)]);
  await furtherPaymentsUntil(progress, ended);
  await answerLastWishes(progress);
}

/** Who was let in by a validator as the release ended is answered too (promise T4). */
async function answerLastWishes(progress: OrderProgress): Promise<void> {
  while (!allHandlersFinished()) {
    if (refundIsDue(progress)) await takeRefundStep(progress);
    else await condition(() => allHandlersFinished() || refundIsDue(progress));
  }
}

/** @returns whether the order was paid; otherwise it is closed */
async function paymentOrExpiry(progress: OrderProgress): Promise<boolean> {
  const { input, notices } = progress;
  if (input.amountFen === 0) await takeFreeOrder(progress);
  while (progress.money === 'unpaid') {
    const notice = notices.shift();
    if (notice !== undefined) await takePayment(progress, notice);
    else if (progress.cancelled !== null) await close(progress, progress.cancelled);
    else if (Date.now() >= input.expiresAtMs) await close(progress, { by: 'system', reason: 'expired' });
    else {
      await condition(
        () => notices.length > 0 || progress.cancelled !== null,
        input.expiresAtMs - Date.now(),
        {
          summary: 'payment expires',
        },
      );
    }
  }
  return progress.money !== 'closed';
}

async function takeFreeOrder(progress: OrderProgress): Promise<void> {
  // A free order is paid at once, without a provider, and runs its actions.
  progress.paid = await ledger.receiveFreeOrder({ orderNo: progress.input.orderNo });
  change(progress, { money: isHeldKind(progress.input.kind) ? 'held' : 'released' });
}

async function takePayment(progress: OrderProgress, notice: PaymentNotice): Promise<void> {
  const { orderNo, kind } = progress.input;
  const inboxId = 'inboxId' in notice ? notice.inboxId : await askAbout(orderNo, notice);
  if (inboxId === null) return;
  const paid = await ledger.receivePayment({ orderNo, inboxId });
  if (paid === null || progress.money !== 'unpaid') return;
  progress.paid = paid;
  change(progress, { money: isHeldKind(kind) ? 'held' : 'released' });
}

async function askAbout(orderNo: string, hint: PaymentHint): Promise<number | null> {
  try {
    return await hints.askChannel({ orderNo, ...hint });
  } catch (error) {
    if (error instanceof ActivityFailure) return null;
    throw error;
  }
}

/** Asks, closes at the provider where it can be closed, then closes here; a payment that was faster wins. */
async function close(progress: OrderProgress, wish: { by: string; reason: string }): Promise<void> {
  const { orderNo } = progress.input;
  const inboxId = await providers.settleAttempts({ orderNo });
  if (inboxId !== null) return takePayment(progress, { inboxId });
  const { closed } = await ledger.closeOrder({ orderNo, ...wish });
  if (closed) change(progress, { money: 'closed' });
  // SQL says that the order is paid, so its notice is in the inbox and on its way.
  else await condition(() => progress.notices.length > 0);
}

/** A second payment, or a repeat: the ledger decides what each is, until the order has nothing left to do. */
async function furtherPaymentsUntil(progress: OrderProgress, ended: unknown): Promise<void> {
  let over = false;
  const end = Promise.resolve(ended).finally(() => {
    over = true;
  });
  for (;;) {
    await condition(() => progress.notices.length > 0 || over);
    const notice = progress.notices.shift();
    if (notice === undefined) break;
    await takePayment(progress, notice);
  }
  await end;
}
