/** A paid order of its own, for things whose money is somebody else's: held, confirmed, released, refunded like any. */
import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { addEvent } from '../../db/orders.js';
import { orders, outbox, users } from '../../db/schema.js';
import { platformFeeBps } from '../../db/settings.js';
import { HoldfastError } from '../../domain/errors.js';
import type { Fen } from '../../domain/money.js';
import { payWithWallet } from '../../ledger/wallet-payment.js';
import type { Step } from './step.js';

export interface ChildDeal {
  /** Null while nobody knows who will earn it. */
  sellerId: string | null;
  amountFen: Fen;
  subject: string;
  item: { collection: string; id: string };
  /** Null: only a confirmation releases it. */
  autoConfirmAfterMs: number | null;
}

const digest = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);

/**
 * Opens it and pays it from the payer's balance, inside the step's transaction; its workflow is started by its row in
 * the outbox, and is told of the payment by the row in the inbox.
 * @returns its orderNo
 * @throws HoldfastError `user_not_found`, `insufficient_funds`, `invalid_request`
 */
export async function openChildDeal(tx: Db, { input, order }: Step, deal: ChildDeal): Promise<string> {
  if (deal.sellerId !== null) await assertSeller(tx, deal.sellerId, order.buyerId);
  const now = new Date();
  const orderNo = digest(`${input.key}/deal/no`, 16);
  const actor = `action:${input.key}`;
  const [child] = await tx
    .insert(orders)
    .values({
      id: digest(`${input.key}/deal/id`, 24),
      orderNo,
      kind: 'deal',
      buyerId: order.buyerId,
      sellerId: deal.sellerId,
      amount: deal.amountFen,
      currency: 'CNY',
      subject: deal.subject,
      items: [{ collection: deal.item.collection, id: deal.item.id }],
      chatWindowMs: null,
      autoConfirmAfterMs: deal.autoConfirmAfterMs,
      feeBps: await platformFeeBps(tx),
      expiresAt: now,
      createdBy: actor,
      chain: 'none',
    })
    .returning();
  if (child === undefined) throw new Error('an insert answered no row');
  await tx.insert(outbox).values({ orderNo, dueAt: now });
  await addEvent(tx, {
    orderNo,
    type: 'order.created',
    actor,
    data: { amount: child.amount, kind: child.kind },
  });
  await payWithWallet(tx, child, now.getTime());
  return orderNo;
}

async function assertSeller(tx: Db, sellerId: string, buyerId: string): Promise<void> {
  if (sellerId === buyerId) {
    throw new HoldfastError('invalid_request', { message: 'the seller is the payer' });
  }
  const known = await tx.$count(users, eq(users.id, sellerId));
  if (known > 0) return;
  throw new HoldfastError('user_not_found', {
    message: `there is no user ${sellerId}`,
    details: { userId: sellerId },
  });
}
