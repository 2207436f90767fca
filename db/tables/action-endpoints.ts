/** Which types of nextAction a merchant's own system carries out. */
import { integer, pgTable, smallint, text } from 'drizzle-orm/pg-core';
import type { ActionType } from '../../domain/next-actions.js';
import { moment } from './columns.js';

export const actionEndpoints = pgTable('action_endpoints', {
  type: smallint().$type<ActionType>().primaryKey(),
  url: text().notNull(),
  /** It signs, so a hash would not do: sealed with PAYLOAD_KEY, and as it is where that is not set. */
  secret: text().notNull(),
  timeoutMs: integer('timeout_ms').notNull(),
  updatedBy: text('updated_by').notNull(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
});
