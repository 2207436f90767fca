/** An operator's word about what needs a person: one transaction with the money that it moves. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { closeByHand } from '../db/differences.js';
import { resolveItem } from '../db/operator-items.js';
import { addEvent } from '../db/orders.js';
import { operatorItems } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { PROVIDER_CHANNELS } from '../domain/order.js';
import { lockOrder, lockRefund } from '../ledger/refund-rows.js';
import { repeatRefund } from '../ledger/refunds.js';
import {
  goneFromSuspense,
  inSuspense,
  keepMoney,
  repeatReturn,
  returnedByHand,
  startReturn,
} from '../ledger/returns.js';
import { decideChargeback } from './chargebacks.js';
import type { CommandContext } from './context.js';
import { decideReturn } from './deposits.js';
import { lockEndpoint, resendFailed } from './webhooks.js';

export type ItemRow = typeof operatorItems.$inferSelect;

/** What each kind of item can be resolved with. A parked step is decided about where it stands. */
export const RESOLUTIONS = {
  suspense: ['refund', 'keep', 'settled_by_hand'],
  failed_refund: ['retry', 'settled_by_hand'],
  failed_payout: ['acknowledged'],
  failed_delivery: ['retry', 'acknowledged'],
  difference: ['settled_by_hand', 'acknowledged'],
  chargeback: ['accept', 'reject', 'settled_by_hand'],
  // No money came of it: what the channel itself says was asked for.
  relay_mismatch: ['acknowledged'],
  deposit_return: ['accept', 'reject'],
  parked_step: [],
} as const satisfies Record<ItemRow['kind'], readonly string[]>;
export const ALL_RESOLUTIONS = [
  'refund',
  'keep',
  'retry',
  'settled_by_hand',
  'acknowledged',
  'accept',
  'reject',
] as const;
export type Resolution = (typeof ALL_RESOLUTIONS)[number];

interface Word {
  resolution: Resolution;
  reason: string;
  by: string;
  nowMs: number;
}

/**
 * Resolves an item; the same resolution again changes nothing.
 * @throws HoldfastError `not_found`, `invalid_request`: this kind has no such resolution, `conflict`: resolved
 *   otherwise before, or the money has left suspense; `refund_not_possible`, `already_spent`
 */
export async function resolveOperatorItem(
  { db, inline, now }: CommandContext,
  id: string,
  given: { resolution: Resolution; reason: string },
  by: string,
): Promise<ItemRow> {
  const word = { ...given, by, nowMs: now() };
  const { item, refundId } = await db.transaction(async (tx) => {
    const found = await itemById(tx, id);
    assertResolvable(found, word.resolution);
    // The order's row comes first in every money transaction.
    if (found.orderNo !== null) await lockOrder(tx, found.orderNo);
    if (found.kind === 'failed_delivery' && word.resolution === 'retry') await lockEndpoint(tx, found.ref);
    const [locked] = await tx.select().from(operatorItems).where(eq(operatorItems.id, id)).for('update');
    if (locked?.status !== 'open') return { item: repeated(locked ?? found, word), refundId: null };
    const started = await act(tx, locked, word);
    await resolveItem(tx, { kind: locked.kind, ref: locked.ref, ...word });
    await audit(tx, locked, word);
    return { item: await itemById(tx, id), refundId: started };
  });
  if (refundId !== null) inline.refund(refundId);
  return item;
}

async function itemById(tx: Db, id: string): Promise<ItemRow> {
  const [item] = await tx.select().from(operatorItems).where(eq(operatorItems.id, id));
  if (item === undefined) {
    throw new HoldfastError('not_found', { message: `there is no operator item ${id}` });
  }
  return item;
}

function assertResolvable({ kind, orderNo }: ItemRow, resolution: Resolution): void {
  if (kind === 'parked_step') {
    throw new HoldfastError('conflict', {
      message:
        `a parked step is decided about at its order ${orderNo ?? ''}: ` +
        'POST /v1/orders/{id}/actions/{path}/retry, /edit or /skip; its item closes with it',
    });
  }
  const known: readonly Resolution[] = RESOLUTIONS[kind];
  if (known.includes(resolution)) return;
  throw new HoldfastError('invalid_request', {
    message: `an item of kind ${kind} is resolved with ${known.join(', ')}`,
    details: { field: 'resolution' },
  });
}

function repeated(item: ItemRow, { resolution }: Word): ItemRow {
  if (item.resolution === resolution) return item;
  throw new HoldfastError('conflict', {
    message: `the item was resolved with ${item.resolution ?? 'something else'}`,
    details: { resolution: item.resolution },
  });
}

/** @returns the refund that was started, if one was */
async function act(tx: Db, item: ItemRow, word: Word): Promise<string | null> {
  if (item.kind === 'suspense') return actOnSuspense(tx, item, word);
  if (item.kind === 'chargeback') {
    await decideChargeback(tx, item, word);
    return null;
  }
  // A payout that failed or came back is its owner's money again: somebody tells them, and nothing moves.
  if (item.kind === 'failed_payout' || item.kind === 'relay_mismatch') return null;
  if (item.kind === 'deposit_return') {
    await decideReturn(tx, item.ref, word);
    return null;
  }
  if (item.kind === 'difference') {
    await closeByHand(tx, item.ref);
    return null;
  }
  if (item.kind === 'failed_delivery') {
    if (word.resolution === 'retry') await resendFailed(tx, item.ref);
    return null;
  }
  return actOnFailedRefund(tx, item, word);
}

async function actOnSuspense(
  tx: Db,
  { details, orderNo }: ItemRow,
  { resolution, reason, by }: Word,
): Promise<string | null> {
  const channel = PROVIDER_CHANNELS.find((name) => name === details['channel']);
  if (channel === undefined) throw new Error('money in suspense came by a provider');
  const trade = { channel, providerTradeNo: String(details['providerTradeNo']) };
  const money = await inSuspense(tx, trade);
  if (resolution === 'settled_by_hand') {
    if (money === null) return null;
    throw new HoldfastError('conflict', {
      message: 'money of this payment is in suspense: resolve it with refund or keep',
    });
  }
  if (money === null) throw goneFromSuspense();
  if (resolution === 'refund') {
    const outTradeNo = String(details['outTradeNo']);
    return startReturn(tx, { ...trade, ...money, outTradeNo, orderNo, reason, by });
  }
  await keepMoney(tx, money);
  return null;
}

async function actOnFailedRefund(tx: Db, { ref }: ItemRow, word: Word): Promise<string | null> {
  const failed = await lockRefund(tx, ref);
  if (word.resolution === 'settled_by_hand') {
    // An order's money is where it was before. Money of no order must not stay in suspense with nobody to look at it.
    if (failed.source === 'suspense') await returnedByHand(tx, failed);
    return null;
  }
  const refundId = randomBytes(12).toString('hex');
  await (failed.source === 'suspense'
    ? repeatReturn(tx, failed, refundId, word)
    : repeatRefund(tx, failed, refundId, word));
  return refundId;
}

async function audit(tx: Db, item: ItemRow, { by, reason, resolution }: Word): Promise<void> {
  if (item.orderNo === null) return;
  await addEvent(tx, {
    orderNo: item.orderNo,
    type: 'operator_item.resolved',
    actor: by,
    reason,
    data: { itemId: item.id, kind: item.kind, resolution },
  });
}
