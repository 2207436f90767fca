/** Work with a deadline, and the question whether the database answers within one. */
import { sql } from 'drizzle-orm';
import { HoldfastError } from '../domain/errors.js';
import type { Db } from './client.js';

/** @throws HoldfastError `unavailable`, saying what did not answer */
export async function within<T>(limitMs: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new HoldfastError('unavailable', { message: `${what} does not answer` }));
    }, limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws HoldfastError `unavailable` */
export async function databaseAnswers(db: Db, limitMs: number): Promise<void> {
  await within(limitMs, db.execute(sql`SELECT 1`), 'the database');
}
