/** Refunds as any dialect may ask for them: by the order's workflow while money is held, else by SQL alone. */
import { createHash, randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import { type OrderRow, orderByNo } from '../db/orders.js';
import { refunds } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import type { Fen } from '../domain/money.js';
import { type RefundRow, refundById } from '../db/refunds.js';
import { approveRefund, rejectRefund, requestRefund as requestInSql } from '../ledger/refunds.js';
import { decideRefund as decideUpdate, requestRefund as requestUpdate } from '../workflows/contract.js';
import { unlessBehind } from './behind.js';
import type { CommandContext } from './context.js';
import { type Asked, update } from '../relay/order-updates.js';

/** The same wish twice is one refund: its number comes from the caller's key, where there is one. */
function refundIdOf({ orderNo }: OrderRow, { by, idempotencyKey }: Asked): string {
  if (idempotencyKey === null) return randomBytes(12).toString('hex');
  return createHash('sha256').update(`${orderNo}\n${by}\n${idempotencyKey}`).digest('hex').slice(0, 24);
}

/**
 * @param amountFen null: all that is left
 * @throws HoldfastError `refund_not_possible`, `unavailable`
 */
export async function requestRefund(
  context: CommandContext,
  order: OrderRow,
  wish: { amountFen: Fen | null; reason: string },
  asked: Asked,
): Promise<RefundRow> {
  const { db, windows } = context;
  const refundId = refundIdOf(order, asked);
  const [earlier] = await db.select().from(refunds).where(eq(refunds.id, refundId));
  if (earlier !== undefined) return earlier;
  const input = { ...wish, refundId, by: asked.by, windowMs: windows.refundWindowMs };
  if (order.money === 'held') {
    const taken = await whileHeld(() =>
      unlessBehind(
        () => update(context, order, requestUpdate, input, asked),
        'state_conflict',
        async () => (await orderByNo(db, order.orderNo)).money === 'held',
      ),
    );
    // A workflow that was ended by hand has no say, and must not keep its buyer from asking.
    if (taken) return refundById(db, refundId);
  }
  return requestInSql(db, { ...input, orderNo: order.orderNo, nowMs: context.now() });
}

function isDecided({ status }: RefundRow, approve: boolean): boolean {
  return approve ? status === 'processing' || status === 'succeeded' : status === 'rejected';
}

/** A repeat answers the same. @throws HoldfastError `refund_decided`, `already_spent`, `unavailable` */
export async function decideRefund(
  context: CommandContext,
  refund: RefundRow,
  verdict: { approve: boolean; reason: string },
  asked: Asked,
): Promise<RefundRow> {
  const { db } = context;
  if (isDecided(refund, verdict.approve)) return refund;
  if (refund.status !== 'requested' || refund.orderNo === null) {
    throw new HoldfastError('refund_decided', {
      message: `the refund is ${refund.status}`,
      details: { refund: refund.status },
    });
  }
  const order = await orderByNo(db, refund.orderNo);
  const input = { ...verdict, refundId: refund.id, by: asked.by };
  const taken =
    order.money === 'held' && (await whileHeld(() => update(context, order, decideUpdate, input, asked)));
  const decided = taken
    ? await refundById(db, refund.id)
    : await decideInSql(context, refund, verdict, asked);
  crashPoint('refund: decided in SQL');
  if (decided.startDueAt !== null) context.inline.refund(decided.id);
  return decided;
}

function decideInSql(
  { db, now }: CommandContext,
  { id }: RefundRow,
  { approve, reason }: { approve: boolean; reason: string },
  { by }: Asked,
): Promise<RefundRow> {
  const decide = approve ? approveRefund : rejectRefund;
  return decide(db, id, { by, reason, nowMs: now() });
}

/** @returns whether the workflow did it; else it has ended, or says that the money is not held any more */
async function whileHeld(take: () => Promise<boolean>): Promise<boolean> {
  try {
    return await take();
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'state_conflict') return false;
    throw error;
  }
}
