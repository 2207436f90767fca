/** What payers' banks take back: one operator item per dispute, whatever is told of it, and however often. */
import { randomBytes } from 'node:crypto';
import { and, eq, sql } from 'drizzle-orm';
import type { ProviderChannel } from '../domain/order.js';
import type { Db } from './client.js';
import { addEvent } from './orders.js';
import { operatorItems, payments } from './schema.js';

export interface ToldDispute {
  channel: ProviderChannel;
  /** The provider's number of the dispute. */
  disputeNo: string;
  /** The provider's number of the payment. */
  providerTradeNo: string;
  /** In the smallest unit of its currency. */
  amount: number;
  currency: string;
  status: 'opened' | 'won' | 'lost';
  reason: string;
}

/** The item's `ref`. */
export const chargebackRef = ({ channel, disputeNo }: Pick<ToldDispute, 'channel' | 'disputeNo'>): string =>
  `${channel}/${disputeNo}`;

/**
 * Opens the dispute's item, or notes how it ended. What is told twice, or late, changes nothing; an end that goes
 * against what a person has decided opens the item again.
 */
export async function noteDispute(db: Db, told: ToldDispute): Promise<void> {
  await db.transaction(async (tx) => {
    const orderNo = await disputedOrder(tx, told);
    const [opened] = await tx
      .insert(operatorItems)
      .values({
        id: randomBytes(12).toString('hex'),
        kind: 'chargeback',
        ref: chargebackRef(told),
        orderNo,
        details: { ...told },
      })
      .onConflictDoNothing({ target: [operatorItems.kind, operatorItems.ref] })
      .returning({ id: operatorItems.id });
    if (opened === undefined) return noteEnd(tx, told, orderNo);
    if (orderNo === null) return;
    const { channel, disputeNo, amount, reason } = told;
    await addEvent(tx, {
      orderNo,
      type: 'payment.disputed',
      actor: channel,
      reason,
      data: { itemId: opened.id, disputeNo, amount },
    });
  });
}

/** The order that the disputed payment paid; null when it paid none. */
async function disputedOrder(tx: Db, { channel, providerTradeNo }: ToldDispute): Promise<string | null> {
  const [paid] = await tx
    .select({ orderNo: payments.orderNo })
    .from(payments)
    .where(
      and(
        eq(payments.channel, channel),
        eq(payments.providerTradeNo, providerTradeNo),
        eq(payments.status, 'paid'),
      ),
    );
  return paid?.orderNo ?? null;
}

async function noteEnd(tx: Db, told: ToldDispute, orderNo: string | null): Promise<void> {
  if (told.status === 'opened') return;
  const isItem = and(eq(operatorItems.kind, 'chargeback'), eq(operatorItems.ref, chargebackRef(told)));
  await tx
    .update(operatorItems)
    .set({ details: { ...told }, ...(orderNo !== null && { orderNo }) })
    .where(isItem);
  const wrong = told.status === 'won' ? 'accept' : 'reject';
  await tx
    .update(operatorItems)
    .set({ status: 'open', resolution: null, reason: null, resolvedAt: null, resolvedBy: null })
    .where(and(isItem, sql`status = 'resolved'`, eq(operatorItems.resolution, wrong)));
}
