/** Things that actions make or change, beside those that merchants put in. */
import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { catalogItems } from '../../db/schema.js';
import type { CollectionName, ThingOf } from '../../domain/catalog.js';
import { collectionOf } from '../../domain/catalog.js';
import type { Step } from './step.js';
import { type Thing, thingAt } from './things.js';

/** The same for every try of a step. */
export function idOfStep({ input }: Step): string {
  return createHash('sha256').update(input.key).digest('hex').slice(0, 24);
}

/** What a step has paid for and made; its number is the next one that no merchant has used. @returns its id */
export async function insertThing<C extends CollectionName>(
  tx: Db,
  { order }: Step,
  collection: C,
  body: ThingOf<C>,
): Promise<string> {
  const paid = collectionOf(collection).paidStatus;
  const made = {
    collection,
    body,
    status: paid ?? null,
    paidByOrderId: paid === undefined ? null : order.id,
  };
  for (;;) {
    const [item] = await tx
      .insert(catalogItems)
      .values({ ...made, id: sql`nextval('catalog_numbers')::text` })
      .onConflictDoNothing()
      .returning({ id: catalogItems.id });
    if (item !== undefined) return item.id;
  }
}

export async function changeThing<C extends CollectionName>(
  tx: Db,
  { collection, id, body }: Thing<C>,
  change: Partial<ThingOf<C>>,
): Promise<void> {
  await tx
    .update(catalogItems)
    .set({ body: { ...body, ...change }, updatedAt: new Date() })
    .where(thingAt(collection, id));
}
