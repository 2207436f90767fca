/** Shapes that several routes share. */
import { z } from 'zod';
import { USER_ID } from '../../domain/order.js';
import { invalid } from '../json.js';

export const userId = z
  .string()
  .regex(USER_ID, '1 to 64 letters, digits, hyphens or underscores')
  .meta({ example: '55370ecc30b55c7805829b33' });

export const moment = z.iso.datetime().meta({ example: '2026-11-24T03:13:35.129Z' });

/** Whole fen, as answers show them; sums may be larger than what one call may name. */
export const fenAmount = z.number().int().meta({ description: 'Fen (1/100 yuan).', example: 1230 });

const MAX_CURSOR = 500;

export const pageQuery = z.object({
  limit: z.number().int().min(1).max(100).default(20).meta({ description: 'How many at most.' }),
  cursor: z.string().max(MAX_CURSOR).optional().meta({ description: 'The nextCursor of the page before.' }),
});

export function pageOf<T extends z.ZodType>(row: T) {
  return z.object({
    data: z.array(row),
    nextCursor: z.string().nullable().meta({ description: 'Null on the last page.' }),
  });
}

/**
 * One page out of `limit + 1` rows: the extra one only says that there is more.
 * @param keyOf what the next page starts behind
 */
export function toPage<Row, Shown>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => string | number | readonly string[],
  show: (row: Row) => Shown,
): { data: Shown[]; nextCursor: string | null } {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const nextCursor =
    last === undefined ? null : Buffer.from(JSON.stringify(keyOf(last))).toString('base64url');
  return { data: rows.slice(0, limit).map(show), nextCursor };
}

/**
 * What `toPage` wrote; null for the first page.
 * @throws HoldfastError `invalid_request`
 */
export function fromCursor<T extends z.ZodType>(key: T, cursor: string | undefined): z.output<T> | null {
  if (cursor === undefined) return null;
  const checked = key.safeParse(cursorValue(cursor));
  if (!checked.success) throw notACursor();
  return checked.data;
}

function notACursor() {
  return invalid('query', 'cursor', 'must be the nextCursor of the page before');
}

function cursorValue(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw notACursor();
  }
}

/** The key of pages that run over a number that only grows, newest first. */
export const numberCursor = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
