import { z } from 'zod';
import {
  type CatalogItem,
  getCatalogItem,
  listCatalogItems,
  putCatalogItem,
} from '../../commands/catalog.js';
import { COLLECTIONS, type Collection, type CollectionName } from '../../domain/catalog.js';
import { anyOf, backend, operator } from '../access.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { fromCursor, moment, pageOf, pageQuery, toPage } from './schemas.js';

/** What the server adds to the fields of a thing. */
function shownAs(name: CollectionName, { fields, payable }: Collection) {
  return fields
    .extend({
      id: z.string(),
      ...(payable && {
        status: z.enum(['pending', 'paid']),
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

const readers = anyOf(backend('catalog'), operator);

/** A route per collection, so that each has its own schema; an unknown collection is an unknown path. */
function routesOf(name: CollectionName): Endpoint[] {
  const collection: Collection = COLLECTIONS[name];
  const id = z.string().regex(collection.id, 'is not an id of this collection').meta({ example: '77' });
  const params = z.object({ id });
  const shown = shownAs(name, collection);
  const tag = 'catalog';
  return [
    endpoint({
      method: 'put',
      path: `/v1/catalog/${name}/:id`,
      access: backend('catalog'),
      tag,
      summary: `Create or replace one of ${name}`,
      description: collection.payable
        ? 'Once it is paid for, only the same fields are accepted again; others answer 409 `conflict`.'
        : 'Amounts in fen.',
      params,
      body: collection.fields,
      responses: { 200: { description: 'The thing as it is now.', schema: shown } },
      ...(collection.payable && { errors: ['conflict'] as const }),
      handler: async ({ services }, input) => ({
        status: 200,
        body: toItem(await putCatalogItem(services.db, name, input.params.id, input.body)),
      }),
    }),
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
      query: pageQuery,
      responses: { 200: { description: 'A page.', schema: pageOf(shown) } },
      handler: async ({ services }, { query }) => {
        const after = fromCursor(id, query.cursor);
        const rows = await listCatalogItems(services.db, name, { limit: query.limit + 1, after });
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
}

export const catalogEndpoints: readonly Endpoint[] = (Object.keys(COLLECTIONS) as CollectionName[]).flatMap(
  routesOf,
);
