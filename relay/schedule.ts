import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';

/**
 * When a row that is being delivered comes round again, should that fail: after 5 s, then every 10 s. It stays that
 * short, since a row that waited for longer after an outage would be the last to go on when everything else is well.
 */
export function comesRoundAgain(attempts: SQLWrapper): SQL {
  return sql`now() + interval '5s' * LEAST(${attempts} + 1, 2)`;
}
