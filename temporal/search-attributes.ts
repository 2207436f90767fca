/** Temporal wants its search attributes registered once per namespace; starting a workflow with another one fails. */
import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.js';

// temporal.api.enums.v1.IndexedValueType
const INDEXED_VALUE = { KEYWORD: 2, INT: 3, BOOL: 5 } as const;

type Attribute = (typeof SEARCH_ATTRIBUTES)[keyof typeof SEARCH_ATTRIBUTES];

/** Fails when one of them is there already. */
export async function addSearchAttributes(
  connection: Connection,
  namespace: string,
  attributes: readonly Attribute[] = Object.values(SEARCH_ATTRIBUTES),
): Promise<void> {
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(attributes.map(({ name, type }) => [name, INDEXED_VALUE[type]])),
  });
}

/** Registers what is missing; repeating it changes nothing. */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const present = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(SEARCH_ATTRIBUTES).filter(
    ({ name }) => !(name in (present.customAttributes ?? {})),
  );
  if (missing.length > 0) await addSearchAttributes(connection, namespace, missing);
}
