/** What merchants fill in: the catalogue of things that actions act on, and the system parameters. */
import { type SQLWrapper, and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { catalogItems, settings } from '../db/schema.js';
import { type CollectionName, type ThingStatus, collectionOf } from '../domain/catalog.js';
import { HoldfastError } from '../domain/errors.js';
import { MAX_AMOUNT_FEN } from '../domain/money.js';
import { nameRunner } from './errands.js';
import { parseNextAction } from './next-action.js';

export interface CatalogItem {
  id: string;
  body: Record<string, unknown>;
  /** Null where a thing is not paid for. */
  status: ThingStatus | null;
  paidByOrderId: string | null;
  createdAt: Date;
  updatedAt: Date;
}

const asItem = {
  id: catalogItems.id,
  body: catalogItems.body,
  status: catalogItems.status,
  paidByOrderId: catalogItems.paidByOrderId,
  createdAt: catalogItems.createdAt,
  updatedAt: catalogItems.updatedAt,
};

/**
 * Creates or replaces. A thing that was paid for stays as it was paid for: putting the same fields again answers
 * it as it is, so that a catalogue can be loaded twice, and other fields are refused.
 * @throws HoldfastError `conflict`; of an errand's runner also `user_not_found`, `invalid_request`; of a course's
 *   nextAction `invalid_next_action`
 */
export async function putCatalogItem(
  db: Db,
  collection: CollectionName,
  id: string,
  body: Record<string, unknown>,
): Promise<CatalogItem> {
  const { paidStatus, openFields = [] } = collectionOf(collection);
  if (collection === 'courses' && body['nextAction'] !== undefined) parseNextAction(body['nextAction']);
  const status = paidStatus === undefined ? null : 'pending';
  const fixed = (of: SQLWrapper) => sql`(${of} - ${sql.param([...openFields])}::text[])`;
  return db.transaction(async (tx) => {
    const [item] = await tx
      .insert(catalogItems)
      .values({ collection, id, body, status })
      .onConflictDoUpdate({
        target: [catalogItems.collection, catalogItems.id],
        set: { body: sql`excluded.body`, updatedAt: sql`now()` },
        setWhere: sql`${catalogItems.status} IS NOT DISTINCT FROM ${status}
        OR ${fixed(catalogItems.body)} = ${fixed(sql`excluded.body`)}`,
      })
      .returning({ ...asItem, heldByOrderNo: catalogItems.heldByOrderNo });
    if (item === undefined) {
      throw new HoldfastError('conflict', { message: 'this is paid for already and cannot be replaced' });
    }
    const { heldByOrderNo, ...shown } = item;
    const runnerId = body['runnerId'];
    if (heldByOrderNo !== null && typeof runnerId === 'string') await nameRunner(tx, heldByOrderNo, runnerId);
    return shown;
  });
}

/** @throws HoldfastError `not_found` */
export async function getCatalogItem(db: Db, collection: CollectionName, id: string): Promise<CatalogItem> {
  const [item] = await db
    .select(asItem)
    .from(catalogItems)
    .where(and(eq(catalogItems.collection, collection), eq(catalogItems.id, id)));
  if (item === undefined)
    throw new HoldfastError('not_found', { message: `there is no such thing in ${collection}` });
  return item;
}

/** In the order of their ids, as text. @param page.after keyset: only ids behind this one */
export function listCatalogItems(
  db: Db,
  collection: CollectionName,
  page: { limit: number; after: string | null; filter?: [field: string, value: string][] },
): Promise<CatalogItem[]> {
  const wanted = (page.filter ?? []).map(
    ([field, value]) => sql`${catalogItems.body} ->> ${field} = ${value}`,
  );
  return db
    .select(asItem)
    .from(catalogItems)
    .where(
      and(
        eq(catalogItems.collection, collection),
        ...wanted,
        page.after === null ? undefined : gt(catalogItems.id, page.after),
      ),
    )
    .orderBy(asc(catalogItems.id))
    .limit(page.limit);
}

export const SETTING_KEY = /^[0-9A-Za-z._-]{1,64}$/;
const COUNTED = /^(?:price|fee|limit)\./;
/** In hundredths of a percent: the platform's, and each provider's by contract. */
const RATES = /^fee\.(?:platformBps$|channelBps\.)/;
const MAX_BASIS_POINTS = 10_000;

export interface Setting {
  key: string;
  value: unknown;
  updatedBy: string;
  updatedAt: Date;
}

/** Prices (fen), fees and limits are counted with; the other parameters are whatever a template needs. */
function checkSetting(key: string, value: unknown): void {
  if (!COUNTED.test(key)) return;
  const max = RATES.test(key) ? MAX_BASIS_POINTS : MAX_AMOUNT_FEN;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return;
  throw new HoldfastError('invalid_request', {
    message: `value: ${key} must be a whole number from 0 to ${max}`,
    details: { field: 'value', in: 'body' },
  });
}

/**
 * @param actor who changed it, for the audit trail
 * @throws HoldfastError `invalid_request`
 */
export async function putSetting(db: Db, key: string, value: unknown, actor: string): Promise<Setting> {
  checkSetting(key, value);
  // Written as JSON text, since a plain null would be SQL's null and not JSON's.
  const json = sql`${JSON.stringify(value)}::jsonb`;
  const [setting] = await db
    .insert(settings)
    .values({ key, value: json, updatedBy: actor })
    .onConflictDoUpdate({
      target: settings.key,
      set: { value: json, updatedBy: actor, updatedAt: sql`now()` },
    })
    .returning();
  if (setting === undefined) throw new Error('an upsert answered no row');
  return setting;
}

/** @throws HoldfastError `not_found` */
export async function getSetting(db: Db, key: string): Promise<Setting> {
  const [setting] = await db.select().from(settings).where(eq(settings.key, key));
  if (setting === undefined) throw new HoldfastError('not_found', { message: 'there is no such setting' });
  return setting;
}

/** In the order of their keys. @param page.after keyset: only keys behind this one */
export function listSettings(db: Db, page: { limit: number; after: string | null }): Promise<Setting[]> {
  return db
    .select()
    .from(settings)
    .where(page.after === null ? undefined : gt(settings.key, page.after))
    .orderBy(asc(settings.key))
    .limit(page.limit);
}
