/** Things of the catalogue, as actions find them. */
import { and, eq } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { catalogItems } from '../../db/schema.js';
import type { CollectionName, ThingOf, ThingStatus } from '../../domain/catalog.js';
import { HoldfastError } from '../../domain/errors.js';

export interface Thing<C extends CollectionName> {
  collection: C;
  id: string;
  body: ThingOf<C>;
  /** Null where a thing is not paid for. */
  status: ThingStatus | null;
}

export const thingAt = (collection: CollectionName, id: string) =>
  and(eq(catalogItems.collection, collection), eq(catalogItems.id, id));

/** As it is now: for prices and rules, at which nobody has to stand in line. @throws HoldfastError `missing_thing` */
export async function findThing<C extends CollectionName>(
  tx: Db,
  collection: C,
  id: string,
): Promise<Thing<C>> {
  const [item] = await tx.select().from(catalogItems).where(thingAt(collection, id));
  return known(collection, id, item);
}

/** Locked for the rest of the transaction, for what changes by it. @throws HoldfastError `missing_thing` */
export async function lockThing<C extends CollectionName>(
  tx: Db,
  collection: C,
  id: string,
): Promise<Thing<C>> {
  const [item] = await tx.select().from(catalogItems).where(thingAt(collection, id)).for('update');
  return known(collection, id, item);
}

function known<C extends CollectionName>(
  collection: C,
  id: string,
  item: typeof catalogItems.$inferSelect | undefined,
): Thing<C> {
  if (item === undefined) throw missingThing(collection, id);
  // Checked when it was put in.
  return { collection, id, body: item.body as ThingOf<C>, status: item.status };
}

export function missingThing(collection: string, id: string): HoldfastError {
  return new HoldfastError('missing_thing', {
    message: `there is no ${collection}/${id}`,
    details: { collection, id },
  });
}

/** @throws HoldfastError `not_owner` */
export function assertOwner(
  thing: { collection: string; id: string },
  ownerId: string,
  userId: string,
): void {
  if (ownerId === userId) return;
  const { collection, id } = thing;
  throw new HoldfastError('not_owner', {
    message: `${collection}/${id} is not the payer's`,
    details: { collection, id },
  });
}
