/**
 * Notices a database that is not there while a request waits for it. The driver has no deadline of its own for a
 * query: behind a broken network, or between two tries to connect, a call would hang far longer than callers do
 * (promise W4: 503 within 2 s).
 */
import type { Db } from '../db/client.js';
import { databaseAnswers } from '../db/probe.js';

// Together below 2 s. Work that takes longer is fine as long as the database answers somebody.
const FIRST_LOOK_MS = 1_000;
const PROBE_MS = 700;

export interface DatabaseWatch {
  /** Shared by all who ask at the same time. @throws HoldfastError `unavailable` */
  alive(): Promise<void>;
  /** The work's result, or `unavailable` as soon as the database is seen not to answer. */
  guard<T>(work: Promise<T>): Promise<T>;
}

export function watchDatabase(db: Db): DatabaseWatch {
  let probe: Promise<void> | undefined;

  function alive(): Promise<void> {
    probe ??= databaseAnswers(db, PROBE_MS).finally(() => {
      probe = undefined;
    });
    return probe;
  }

  async function guard<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      const lookLater = (): void => {
        if (settled) return;
        timer = setTimeout(() => {
          alive().then(lookLater, reject);
        }, FIRST_LOOK_MS);
      };
      lookLater();
    });
    try {
      return await Promise.race([work, lost]);
    } finally {
      settled = true;
      clearTimeout(timer);
    }
  }

  return { alive, guard };
}
