/** Commands whose caller waits for an answer: Temporal Updates, answered from SQL when the order has moved on. */
import { eq } from 'drizzle-orm';
import { type OrderRow, type StepRow, orderByNo, stepOf } from '../db/orders.js';
import { catalogItems } from '../db/schema.js';
import { editedParameters } from '../domain/chain.js';
import { isChatOpen } from '../domain/deadlines.js';
import { HoldfastError } from '../domain/errors.js';
import { isHeldKind } from '../domain/order.js';
import { cancel, closeChat, confirm, editAction, retryAction, skipAction } from '../workflows/contract.js';
import { unlessBehind } from './behind.js';
import type { CommandContext } from './context.js';
import { type Asked, update } from '../relay/order-updates.js';

/** Answers the order once its money is the seller's. @throws HoldfastError `order_not_confirmable`, `unavailable` */
export async function confirmOrder(
  context: CommandContext,
  order: OrderRow,
  asked: Asked,
): Promise<OrderRow> {
  const confirmable =
    isHeldKind(order.kind) &&
    (order.money === 'held' || order.money === 'released') &&
    // What went back whole was never the seller's.
    order.releasedBy !== 'refund' &&
    order.releasedBy !== 'chargeback';
  if (!confirmable) {
    throw new HoldfastError('order_not_confirmable', {
      message: `a ${order.kind} that is ${order.status} cannot be confirmed`,
    });
  }
  if (order.sellerId === null) {
    throw new HoldfastError('order_not_confirmable', { message: 'nobody is named yet who earns this' });
  }
  const confirmed = (): Promise<boolean> =>
    unlessBehind(
      () => update(context, order, confirm, { by: asked.by }, asked),
      'order_not_confirmable',
      async () => {
        const { money, refundOpen } = await orderByNo(context.db, order.orderNo);
        return (money === 'held' || money === 'released') && !refundOpen;
      },
    );
  if (order.money === 'released' || (await confirmed())) return orderByNo(context.db, order.orderNo);
  return confirmOrder(context, await movedOn(context, order), asked);
}

/** @throws HoldfastError `order_not_cancellable`, `order_already_paid`, `unavailable` */
export async function cancelOrder(
  context: CommandContext,
  order: OrderRow,
  reason: string,
  asked: Asked,
): Promise<OrderRow> {
  if (order.money === 'held' || order.money === 'released') {
    throw new HoldfastError('order_not_cancellable', {
      message: `an order that is ${order.status} cannot be cancelled`,
    });
  }
  if (order.money === 'closed' || (await update(context, order, cancel, { by: asked.by, reason }, asked))) {
    return orderByNo(context.db, order.orderNo);
  }
  return cancelOrder(context, await movedOn(context, order), reason, asked);
}

/** @throws HoldfastError `conflict`: there is no open chat; `unavailable` */
export async function closeOrderChat(
  context: CommandContext,
  order: OrderRow,
  asked: Asked,
): Promise<OrderRow> {
  // A repeat answers the same.
  if (order.chatClosedAt !== null) return order;
  if (!isChatOpen(order.chatClosesAt?.getTime() ?? null, false, context.now())) {
    throw new HoldfastError('conflict', { message: 'this order has no open chat' });
  }
  try {
    const taken = await unlessBehind(
      () => update(context, order, closeChat, { by: asked.by }, asked),
      'conflict',
      async () => {
        const { chatClosesAt, chatClosedAt } = await orderByNo(context.db, order.orderNo);
        return isChatOpen(chatClosesAt?.getTime() ?? null, chatClosedAt !== null, context.now());
      },
    );
    if (!taken) throw ended();
  } catch (error) {
    // Somebody else was faster, which is what was asked for.
    const closed = await orderByNo(context.db, order.orderNo);
    if (closed.chatClosedAt === null) throw error;
  }
  return orderByNo(context.db, order.orderNo);
}

export type StepVerdict =
  | { verdict: 'retry' }
  | { verdict: 'skip'; reason: string }
  | { verdict: 'edit'; reason: string; parameters: unknown };

/** @throws HoldfastError `step_not_found`, `step_not_parked`, `invalid_next_action`, `not_owner`, `unavailable` */
export async function decideStep(
  context: CommandContext,
  order: OrderRow,
  path: string,
  wish: StepVerdict,
  asked: Asked,
): Promise<void> {
  const step = await stepOf(context.db, order.orderNo, path);
  if (step.status !== 'parked') {
    throw new HoldfastError('step_not_parked', {
      message: `step ${path} is ${step.status}`,
      details: { path },
    });
  }
  const input = { path, by: asked.by };
  const take = (): Promise<boolean> =>
    wish.verdict === 'retry'
      ? update(context, order, retryAction, input, asked)
      : wish.verdict === 'skip'
        ? update(context, order, skipAction, { ...input, reason: wish.reason }, asked)
        : edit(context, order, step, wish, asked);
  const taken = await unlessBehind(take, 'step_not_parked', async () => {
    const { status } = await stepOf(context.db, order.orderNo, path);
    return status === 'parked';
  });
  if (!taken) throw ended();
}

async function edit(
  context: CommandContext,
  order: OrderRow,
  step: StepRow,
  { reason, parameters: given }: { reason: string; parameters: unknown },
  asked: Asked,
): Promise<boolean> {
  const parameters = editedParameters(step.name, given);
  if (step.name === 'payShopOrder') await assertOwned(context, order, String(parameters['id']));
  return update(context, order, editAction, { path: step.path, by: asked.by, reason, parameters }, asked);
}

/** An edit may not point a step at somebody else's thing; the step checks again when it runs. */
async function assertOwned({ db }: CommandContext, { buyerId }: OrderRow, id: string): Promise<void> {
  const rows = await db.select().from(catalogItems).where(eq(catalogItems.id, id));
  const item = rows.find(({ collection }) => collection === 'shop-orders');
  if (item !== undefined && item.body['userId'] !== buyerId) {
    throw new HoldfastError('not_owner', {
      message: `shop-orders/${id} is not the payer's`,
      details: { id },
    });
  }
}

function ended(): HoldfastError {
  return new HoldfastError('conflict', { message: 'the order has ended meanwhile; read it again' });
}

/** The order as it is now that its workflow has ended. @throws HoldfastError `conflict` when nothing has changed */
async function movedOn({ db }: CommandContext, before: OrderRow): Promise<OrderRow> {
  const order = await orderByNo(db, before.orderNo);
  if (order.money === before.money) throw ended();
  return order;
}
