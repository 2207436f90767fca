/** What an order's workflow does with money and its own record. Every one may run twice and counts once. */
import { and, eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { addEvent, orderByNo, refreshChain } from '../db/orders.js';
import { openItem, resolveItem } from '../db/operator-items.js';
import { actionSteps, orders } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import type { PaidFacts, Standing } from '../domain/order.js';
import { closePosting, releasePosting } from '../domain/postings.js';
import { post } from '../ledger/post.js';
import { receiveFree, receiveFromInbox } from '../ledger/receive.js';
import { lockOrder, standingOf } from '../ledger/refund-rows.js';

export interface DecideStepInput {
  orderNo: string;
  path: string;
  verdict: 'retry' | 'skip' | 'edit';
  by: string;
  reason?: string;
  parameters?: Record<string, unknown>;
}

// A refund is open; or it, or a chargeback, has left another amount to release, or nothing.
const OVERTAKEN = new Set<string>(['state_conflict', 'insufficient_funds', 'posting_conflict']);

export function createOrderActivities(db: Db) {
  return {
    /** Posts a verified payment. @returns null when it did not pay this order: a misfit, a second or a late one */
    receivePayment: ({ orderNo, inboxId }: { orderNo: string; inboxId: number }): Promise<PaidFacts | null> =>
      receiveFromInbox(db, inboxId, orderNo),

    async receiveFreeOrder({ orderNo }: { orderNo: string }): Promise<PaidFacts> {
      const paid = await receiveFree(db, await orderByNo(db, orderNo));
      crashPoint('free order: posted');
      return paid;
    },

    /** @returns null when it is released; how the order stands when a refund was faster */
    async releaseOrder(input: {
      orderNo: string;
      /** Null: the one who was named since, as for an errand's runner. */
      sellerId: string | null;
      amountFen: number;
      /** What the workflow knows to have gone back before. */
      refundedFen: number;
      feeBps: number;
      by: string;
    }): Promise<Standing | null> {
      try {
        // The moment is not part of what makes the posting unique, so a repeat may say another one.
        crashPoint('release: before posting');
        const amountFen = fen(input.amountFen);
        const pay = (to: Db, sellerId: string) =>
          post(to, releasePosting({ ...input, sellerId, amountFen, atMs: Date.now() }));
        await (input.sellerId === null
          ? db.transaction(async (tx) => pay(tx, await lockedSeller(tx, input.orderNo)))
          : pay(db, input.sellerId));
        crashPoint('release: posted');
        return null;
      } catch (error) {
        if (!(error instanceof HoldfastError) || !OVERTAKEN.has(error.code)) throw error;
        const standing = await standingOf(db, input.orderNo);
        // Nothing has changed that the workflow could go by, so this is tried again, with back-off.
        if (
          standing.money === 'held' &&
          standing.openRefundId === null &&
          standing.refundedFen === input.refundedFen
        ) {
          throw error;
        }
        return standing;
      }
    },

    /** @returns closed: false when a payment was faster */
    async closeOrder({
      orderNo,
      by,
      reason,
    }: {
      orderNo: string;
      by: string;
      reason: string;
    }): Promise<{ closed: boolean }> {
      try {
        await post(db, closePosting(orderNo, reason, by, Date.now()));
        crashPoint('close: posted');
        return { closed: true };
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'state_conflict') return { closed: false };
        throw error;
      }
    },

    async closeChat({ orderNo, by }: { orderNo: string; by: string }): Promise<void> {
      await db.transaction(async (tx) => {
        const order = await orderByNo(tx, orderNo);
        if (order.chatClosedAt !== null) return;
        await tx.update(orders).set({ chatClosedAt: new Date() }).where(eq(orders.orderNo, orderNo));
        await addEvent(tx, { orderNo, type: 'chat.closed', actor: by });
      });
    },

    async parkStep({
      orderNo,
      path,
      error,
    }: {
      orderNo: string;
      path: string;
      error: { code: string; message: string };
    }): Promise<void> {
      await db.transaction(async (tx) => {
        const [parked] = await tx
          .update(actionSteps)
          .set({ status: 'parked', error })
          .where(
            and(
              eq(actionSteps.orderNo, orderNo),
              eq(actionSteps.path, path),
              eq(actionSteps.status, 'running'),
            ),
          )
          .returning();
        if (parked === undefined) return;
        await refreshChain(tx, orderNo);
        await openItem(tx, {
          kind: 'parked_step',
          ref: `${orderNo}:${path}`,
          orderNo,
          details: { path, name: parked.name, ...error },
        });
        await addEvent(tx, {
          orderNo,
          type: 'action.parked',
          actor: 'system',
          reason: error.message,
          data: { path, code: error.code },
        });
      });
      crashPoint('step: parked');
    },

    async decideStep({ orderNo, path, verdict, by, reason, parameters }: DecideStepInput): Promise<void> {
      await db.transaction(async (tx) => {
        const [decided] = await tx
          .update(actionSteps)
          .set({
            status: verdict === 'skip' ? 'skipped' : 'pending',
            // An edit starts over: what its variables said before belongs to the old parameters.
            ...(verdict === 'edit' && parameters !== undefined && { parameters, resolved: null }),
            ...(verdict === 'skip' ? { endedAt: new Date() } : { error: null }),
          })
          .where(
            and(
              eq(actionSteps.orderNo, orderNo),
              eq(actionSteps.path, path),
              eq(actionSteps.status, 'parked'),
            ),
          )
          .returning();
        if (decided === undefined) return;
        await refreshChain(tx, orderNo);
        await resolveItem(tx, {
          kind: 'parked_step',
          ref: `${orderNo}:${path}`,
          resolution: verdict,
          reason: reason ?? null,
          by,
        });
        const type = ({ retry: 'action.retried', skip: 'action.skipped', edit: 'action.edited' } as const)[
          verdict
        ];
        await addEvent(tx, { orderNo, type, actor: by, reason: reason ?? null, data: { path } });
      });
      crashPoint('step: decided');
    },
  };
}

/** Nobody else is named between this and the posting. */
async function lockedSeller(tx: Db, orderNo: string): Promise<string> {
  const { sellerId } = await lockOrder(tx, orderNo);
  // A confirmation is taken only of an order that has one, and nothing else releases it.
  if (sellerId === null) throw new Error(`held money of ${orderNo} has a seller`);
  return sellerId;
}
