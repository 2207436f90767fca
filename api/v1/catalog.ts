import { z } from 'zod';
import {
  type CatalogItem,
  getCatalogItem,
  listCatalogItems,
  putCatalogItem,
} from '../../commands/catalog.js';
import {
  COLLECTION_NAMES,
  type Collection,
  type CollectionName,
  collectionOf,
} from '../../domain/catalog.js';
import { anyOf, backend, operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, pageOf, pageQuery, toPage } from './schemas.js';

/** What the server adds to the fields of a thing. */
function shownAs(name: CollectionName, { fields, paidStatus }: Collection) {
  return fields
    .extend({
      id: z.string(),
      ...(paidStatus !== undefined && {
        status: z.enum(['pending', paidStatus]),
        paidByOrderId: z.string().nullable().meta({ description: 'The order whose action paid for it.' }),
      }),
      createdAt: moment,
      updatedAt: moment,
    })
    .meta({ id: `catalog.${name}` });
}

function toItem({ body, ...item }: CatalogItem): Record<string, unknown> {
  const { status, paidByOrderId } = item;
  return {
    ...body,
    id: item.id,
    ...(status !== null && { status, paidByOrderId }),
    createdAt: item.createdAt.toISOString(),
    updatedAt: item.updatedAt.toISOString(),
  };
}

/** By which fields a list of it may be narrowed: whose a thing is, and where it belongs. */
const FILTERS = ['userId', 'ownerId', 'sellerId', 'shopId'] as const;

function listQuery({ fields }: Collection): typeof pageQuery {
  const known = FILTERS.filter((field) => field in fields.shape);
  const filters = known.map((field) => [field, z.string().max(64).optional()]);
  // Which there are depends on the collection, so they are read as plain fields below.
  return pageQuery.extend(Object.fromEntries(filters) as object);
}

function filterIn(query: Readonly<Record<string, unknown>>): [field: string, value: string][] {
  return FILTERS.flatMap((field) => {
    const value = query[field];
    return typeof value === 'string' ? [[field, value] as [string, string]] : [];
  });
}

const readers = anyOf(backend('catalog'), operator);

/** A route per collection, so that each has its own schema; an unknown collection is an unknown path. */
function routesOf(name: CollectionName): Endpoint[] {
  const collection = collectionOf(name);
  const id = z.string().regex(collection.id, 'is not an id of this collection').meta({ example: '77' });
  const params = z.object({ id });
  const shown = shownAs(name, collection);
  const tag = 'catalog';
  const put: Endpoint[] = [
    endpoint({
      method: 'put',
      path: `/v1/catalog/${name}/:id`,
      access: backend('catalog'),
      tag,
      summary: `Create or replace one of ${name}`,
      description:
        collection.paidStatus !== undefined
          ? 'Once it is paid for, only the same fields are accepted again; others answer 409 `conflict`.'
          : 'Amounts in fen.',
      params,
      body: collection.fields,
      responses: { 200: { description: 'The thing as it is now.', schema: shown } },
      errors: [
        ...(collection.paidStatus === undefined ? [] : (['conflict'] as const)),
        ...(name === 'courses' ? (['invalid_next_action'] as const) : []),
      ],
      handler: async ({ services }, input) => ({
        status: 200,
        body: toItem(await putCatalogItem(services.db, name, input.params.id, input.body)),
      }),
    }),
  ];
  const get: Endpoint[] = [
    endpoint({
      method: 'get',
      path: `/v1/catalog/${name}/:id`,
      access: readers,
      tag,
      summary: `Read one of ${name}`,
      params,
      responses: { 200: { description: 'The thing.', schema: shown } },
      errors: ['not_found'],
      handler: async ({ services }, input) => ({
        status: 200,
        body: toItem(await getCatalogItem(services.db, name, input.params.id)),
      }),
    }),
    endpoint({
      method: 'get',
      path: `/v1/catalog/${name}`,
      access: readers,
      tag,
      summary: `List ${name}, in the order of their ids as text`,
      query: listQuery(collection),
      responses: { 200: { description: 'A page.', schema: pageOf(shown) } },
      handler: async ({ services }, { query }) => {
        const after = fromCursor(id, query.cursor);
        const rows = await listCatalogItems(services.db, name, {
          limit: query.limit + 1,
          after,
          filter: filterIn(query),
        });
        return {
          status: 200,
          body: toPage(
            rows,
            query.limit,
            (row) => row.id,
            (row) => toItem(row),
          ),
        };
      },
    }),
  ];
  return collection.readOnly === true ? get : [...put, ...get];
}

export const catalogEndpoints: readonly Endpoint[] = COLLECTION_NAMES.flatMap(routesOf);
