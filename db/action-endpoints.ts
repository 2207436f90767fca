import { eq } from 'drizzle-orm';
import type { ActionType } from '../domain/next-actions.js';
import type { Db } from './client.js';
import { actionEndpoints } from './schema.js';

export type ActionEndpointRow = typeof actionEndpoints.$inferSelect;

/** What binds a sealed secret to its row. */
export const actionSecretPlace = (type: ActionType): string => `action endpoint ${type}`;

/** Null: the action is carried out here. */
export async function actionEndpointOf(db: Db, type: ActionType): Promise<ActionEndpointRow | null> {
  const [row] = await db.select().from(actionEndpoints).where(eq(actionEndpoints.type, type));
  return row ?? null;
}
