import { createHash, randomBytes } from 'node:crypto';
import { and, eq, inArray, or } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Db } from '../db/client.js';
import { type OrderRow, addEvent, orderByNo } from '../db/orders.js';
import { actionSteps, catalogItems, orders, outbox, users } from '../db/schema.js';
import { platformFeeBps } from '../db/settings.js';
import { isCollection, priceFieldOf } from '../domain/catalog.js';
import type { ChainStep } from '../domain/chain.js';
import { HoldfastError } from '../domain/errors.js';
import { type Fen, amountFen, sumFen } from '../domain/money.js';
import { type OrderKind, isHeldKind } from '../domain/order.js';
import { receiveFree } from '../ledger/receive.js';
import type { CommandContext } from './context.js';
import { parseNextAction } from './next-action.js';
import type { Asked } from '../relay/order-updates.js';

export interface NewOrder {
  kind: OrderKind;
  buyerId: string;
  sellerId: string | null;
  /** Only compared where `items` name the price. */
  amountFen: Fen;
  currency: 'CNY';
  subject: string;
  items: { collection: string; id: string }[] | null;
  /** As it was sent: an object, JSON or JSON5. */
  nextAction: unknown;
  chatId: string | null;
  skillId: string | null;
  /** Null: the installation's own. */
  expiresInMs: number | null;
  chatWindowMs: number | null;
  autoConfirmAfterMs: number | null;
  metadata: Record<string, string>;
}

/** What most orders leave open. */
export const PLAIN_ORDER = {
  sellerId: null,
  currency: 'CNY',
  items: null,
  nextAction: null,
  chatId: null,
  skillId: null,
  expiresInMs: null,
  chatWindowMs: null,
  autoConfirmAfterMs: null,
  metadata: {},
} as const satisfies Partial<NewOrder>;

// The inline start after the commit has this long before the relay takes the row up.
const INLINE_START_MS = 5_000;

/**
 * The same wish twice is one order, also where the first call died between its commit and its answer. What is wished
 * for counts too, since a caller's key is good for a day, and the order for ever.
 */
function orderIdOf(input: NewOrder, { by, idempotencyKey }: Asked): string {
  if (idempotencyKey === null) return randomBytes(12).toString('hex');
  const wish = `${by}\n${idempotencyKey}\n${JSON.stringify(input)}`;
  return createHash('sha256').update(wish).digest('hex').slice(0, 24);
}

/**
 * Creates an order, its chain and the row that starts its workflow, in one transaction; a repeat answers the order
 * that there is.
 * @param alongside what else is written of a new order, in the same transaction; a free one has been paid by then
 * @throws HoldfastError `user_not_found`, `invalid_request`, `invalid_next_action`, `price_mismatch`, `missing_thing`
 */
export async function createOrder(
  context: CommandContext,
  input: NewOrder,
  asked: Asked,
  alongside?: (tx: Db, order: OrderRow) => Promise<void>,
): Promise<OrderRow> {
  const steps =
    input.nextAction === null || input.nextAction === undefined ? [] : parseNextAction(input.nextAction);
  checkParties(input);
  await checkPeople(context.db, input);
  if (input.items !== null) await checkPrice(context.db, input.items, input.amountFen);
  const feeBps = await platformFeeBps(context.db);
  const row = orderRow(context, input, { id: orderIdOf(input, asked), steps, feeBps, by: asked.by });
  const order = await context.db.transaction(async (tx) => {
    const [inserted] = await tx
      .insert(orders)
      .values(row)
      .onConflictDoNothing({ target: orders.id })
      .returning();
    if (inserted === undefined) return orderById(tx, row.id);
    if (steps.length > 0) {
      await tx
        .insert(actionSteps)
        .values(steps.map((step, position) => ({ ...step, position, orderNo: row.orderNo })));
    }
    await tx.insert(outbox).values({ orderNo: row.orderNo, dueAt: new Date(Date.now() + INLINE_START_MS) });
    await addEvent(tx, {
      orderNo: row.orderNo,
      type: 'order.created',
      actor: asked.by,
      data: { amount: row.amount, kind: row.kind },
    });
    if (inserted.amount === 0) await receiveFree(tx, inserted);
    await alongside?.(tx, inserted);
    crashPoint('order: before commit');
    return inserted.amount === 0 ? orderByNo(tx, inserted.orderNo) : inserted;
  });
  crashPoint('order: committed');
  context.inline.start(order.orderNo);
  return order;
}

async function orderById(tx: Db, id: string): Promise<OrderRow> {
  const [order] = await tx.select().from(orders).where(eq(orders.id, id));
  if (order === undefined) throw new Error(`order ${id} vanished`);
  return order;
}

function invalid(field: string, message: string): HoldfastError {
  return new HoldfastError('invalid_request', { message: `${field} ${message}`, details: { field } });
}

function checkParties({ kind, buyerId, sellerId, amountFen: amount, chatId, chatWindowMs }: NewOrder): void {
  if (isHeldKind(kind)) {
    if (sellerId === null) throw invalid('sellerId', `is needed for a ${kind}`);
    if (sellerId === buyerId) throw invalid('sellerId', 'must not be the buyer');
  } else {
    if (sellerId !== null) throw invalid('sellerId', `has no place in a ${kind}`);
    if (chatId !== null || chatWindowMs !== null) throw invalid('chatId', `has no place in a ${kind}`);
  }
  if (kind === 'topup' && amount === 0) throw invalid('amount', 'of a topup is at least 1 fen');
}

async function checkPeople(db: Db, { buyerId, sellerId }: NewOrder): Promise<void> {
  const wanted = sellerId === null ? [buyerId] : [buyerId, sellerId];
  const known = await db.select({ id: users.id }).from(users).where(inArray(users.id, wanted));
  const missing = wanted.find((id) => !known.some((user) => user.id === id));
  if (missing !== undefined) {
    throw new HoldfastError('user_not_found', {
      message: `there is no user ${missing}`,
      details: { userId: missing },
    });
  }
}

/** The server keeps the prices; the caller's amount is only compared (promise S5). */
async function checkPrice(db: Db, items: { collection: string; id: string }[], amount: Fen): Promise<void> {
  const wanted = items.map(({ collection, id }) => ({ collection, id, field: saleField(collection) }));
  const rows = await db
    .select()
    .from(catalogItems)
    .where(
      or(
        ...items.map(({ collection, id }) =>
          and(eq(catalogItems.collection, collection), eq(catalogItems.id, id)),
        ),
      ),
    );
  const prices = wanted.map(({ collection, id, field }) => {
    const row = rows.find((candidate) => candidate.collection === collection && candidate.id === id);
    if (row === undefined) {
      throw new HoldfastError('missing_thing', {
        message: `there is no ${collection}/${id}`,
        details: { collection, id },
      });
    }
    return amountFen(Number(row.body[field]));
  });
  const price = sumFen(prices);
  if (price !== amount) {
    throw new HoldfastError('price_mismatch', { message: `the items cost ${price} fen`, details: { price } });
  }
}

function saleField(collection: string): string {
  const field = isCollection(collection) ? priceFieldOf(collection) : undefined;
  if (field === undefined) throw invalid('items', `of ${collection} are not for sale`);
  return field;
}

function orderRow(
  { windows, now }: CommandContext,
  input: NewOrder,
  { id, steps, feeBps, by }: { id: string; steps: ChainStep[]; feeBps: number; by: string },
): typeof orders.$inferInsert {
  const { kind, buyerId, sellerId, currency, subject, items, chatId, skillId, metadata } = input;
  return {
    id,
    orderNo: randomBytes(8).toString('hex'),
    kind,
    buyerId,
    sellerId,
    amount: input.amountFen,
    currency,
    subject,
    items,
    nextAction: input.nextAction ?? null,
    chatId,
    skillId,
    metadata,
    // An order has a chat window when it has a chat, or a window of its own.
    chatWindowMs: input.chatWindowMs ?? (chatId === null ? null : windows.chatWindowMs),
    autoConfirmAfterMs: input.autoConfirmAfterMs ?? windows.autoConfirmAfterMs,
    feeBps,
    expiresAt: new Date(now() + (input.expiresInMs ?? windows.paymentExpiresAfterMs)),
    createdBy: by,
    chain: steps.length === 0 ? 'none' : 'running',
  };
}
