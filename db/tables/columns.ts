/** Columns as every table writes them. */
import { bigint, timestamp } from 'drizzle-orm/pg-core';

export type JsonObject = Record<string, unknown>;

export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
export const createdAt = () => moment('created_at').notNull().defaultNow();
export const fenColumn = (name: string) => bigint(name, { mode: 'number' });
