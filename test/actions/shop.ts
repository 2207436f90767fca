/** A catalogue to fill and to look at, without an API between: for what actions do in SQL. */
import { and, asc, eq } from 'drizzle-orm';
import { getCatalogItem, listCatalogItems, putCatalogItem, putSetting } from '../../commands/catalog.js';
import type { Db } from '../../db/client.js';
import { deposits, entitlements, smsOutbox } from '../../db/schema.js';
import { type CollectionName, collectionOf } from '../../domain/catalog.js';
import type { EntitlementKind } from '../../domain/entitlements.js';

export type Fields = Record<string, unknown>;

export interface Shop {
  /** A number that no thing of this run has yet. */
  nextId: () => string;
  put: (collection: CollectionName, body: Fields, id?: string) => Promise<string>;
  set: (key: string, value: unknown) => Promise<unknown>;
  thing: (collection: CollectionName, id: string) => Promise<Fields>;
  /** Those that a field narrows down to. */
  things: (collection: CollectionName, field: string, value: string) => Promise<Fields[]>;
  entitlements: (userId: string, kind: EntitlementKind) => Promise<Fields[]>;
  deposits: (userId: string) => Promise<Fields[]>;
  messages: (mobile: string) => Promise<Fields[]>;
}

/** @param last the number before the first that it gives */
export function openShop(db: Db, last = 1000): Shop {
  const nextId = (): string => String((last += 1));
  return {
    nextId,
    put: async (collection, body, id = nextId()) => {
      const checked = collectionOf(collection).fields.parse(body);
      return (await putCatalogItem(db, collection, id, checked)).id;
    },
    set: (key, value) => putSetting(db, key, value, 'test'),
    thing: async (collection, id) => {
      const { body, ...item } = await getCatalogItem(db, collection, id);
      return { ...body, ...item };
    },
    things: async (collection, field, value) => {
      const page = { limit: 100, after: null, filter: [[field, value] as [string, string]] };
      const rows = await listCatalogItems(db, collection, page);
      return rows.map(({ body, ...item }) => ({ ...body, ...item }));
    },
    entitlements: (userId, kind) =>
      db
        .select()
        .from(entitlements)
        .where(and(eq(entitlements.userId, userId), eq(entitlements.kind, kind)))
        .orderBy(asc(entitlements.id)),
    deposits: (userId) =>
      db.select().from(deposits).where(eq(deposits.userId, userId)).orderBy(asc(deposits.seq)),
    messages: (mobile) =>
      db.select().from(smsOutbox).where(eq(smsOutbox.mobile, mobile)).orderBy(asc(smsOutbox.seq)),
  };
}
