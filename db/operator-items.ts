import { randomBytes } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import type { Db } from './client.js';
import { type OperatorItemKind, operatorItems } from './schema.js';

interface Item {
  kind: OperatorItemKind;
  ref: string;
  orderNo: string | null;
  details: Record<string, unknown>;
}

/** Opens an item, or opens it again: one thing never has two. */
export async function openItem(db: Db, item: Item): Promise<void> {
  await db
    .insert(operatorItems)
    .values({ id: randomBytes(12).toString('hex'), ...item })
    .onConflictDoUpdate({
      target: [operatorItems.kind, operatorItems.ref],
      set: {
        status: 'open',
        details: item.details,
        resolution: null,
        reason: null,
        resolvedAt: null,
        resolvedBy: null,
      },
    });
}

export async function resolveItem(
  db: Db,
  {
    kind,
    ref,
    ...resolved
  }: { kind: OperatorItemKind; ref: string; resolution: string; reason: string | null; by: string },
): Promise<void> {
  await db
    .update(operatorItems)
    .set({
      status: 'resolved',
      resolution: resolved.resolution,
      reason: resolved.reason,
      resolvedBy: resolved.by,
      resolvedAt: new Date(),
    })
    .where(and(eq(operatorItems.kind, kind), eq(operatorItems.ref, ref)));
}
