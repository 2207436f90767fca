/**
 * A provider's bill as a file: fetched to the disk, checked there as a whole, and only then read, record by record.
 * So no row counts before the file does, and no bill is ever whole in memory.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Options, parse } from 'csv-parse';
import { HoldfastError } from '../domain/errors.js';
import type { ProviderChannel } from '../domain/order.js';
import { fromYuan } from '../domain/money.js';
import { fromChinaTime } from '../domain/china-time.js';
import { unknownOutcome } from './provider-errors.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
// Some five million rows. More is no bill but a mistake, or an attack on the disk.
const LARGEST_FILE_BYTES = 2 * 1024 ** 3;
const LONGEST_RECORD = 64 * 1024;

/** Starts the transfer of a file; the signal ends it. */
export type Source = (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

/** Files on their way, in a folder of their own that only we can read. */
export interface Spool {
  /**
   * Fetches a file.
   * @param idleMs how long the sender may be silent
   * @throws whatever went wrong with it; also when it is too large, or its hash is another
   */
  take(source: Source, options: { idleMs: number; through?: Transform; sha1?: string }): Promise<string>;
  close(): Promise<void>;
}

export async function openSpool(): Promise<Spool> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bill-'));
  let taken = 0;
  return {
    async take(source, { idleMs, through, sha1 }) {
      taken += 1;
      const file = path.join(folder, String(taken));
      const hash = createHash('sha1');
      const watch = watchIdle(idleMs);
      try {
        const bytes = Readable.from(watch.each(await source(watch.signal)));
        const target = createWriteStream(file, { flags: 'wx', mode: 0o600 });
        const metered = (part: AsyncIterable<Buffer>) => meter(part, hash);
        if (through === undefined) await pipeline(bytes, metered, target);
        else await pipeline(bytes, through, metered, target);
      } finally {
        watch.stop();
      }
      if (sha1 !== undefined && hash.digest('hex') !== sha1.toLowerCase()) {
        throw new Error('the bill is not the one that was announced: its hash differs');
      }
      return file;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function* meter(
  parts: AsyncIterable<Buffer>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const part of parts) {
    size += part.length;
    if (size > LARGEST_FILE_BYTES) throw new Error('the bill is larger than a bill can be');
    hash.update(part);
    yield part;
  }
}

/** Ends a transfer whose sender has gone silent; how long all of it takes is the size's affair. */
function watchIdle(idleMs: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`nothing came within ${idleMs} ms`)), idleMs);
  return {
    signal: controller.signal,
    async *each(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const part of parts) {
        timer.refresh();
        yield part;
      }
    },
    stop: () => clearTimeout(timer),
  };
}

/** The records of a CSV, as the cells that they have. */
export async function* recordsOf(
  bytes: AsyncIterable<Uint8Array>,
  encoding: 'utf-8' | 'gbk',
  options: Options,
): AsyncGenerator<string[]> {
  const parser = parse({
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_RECORD,
    ...options,
  });
  // Without a listener a failure of either would end the process; with it, it is the iteration's.
  const fed = pipeline(Readable.from(decoded(bytes, encoding)), parser);
  fed.catch((error: unknown) => parser.destroy(error instanceof Error ? error : undefined));
  for await (const record of parser) yield record as string[];
  await fed;
}

async function* decoded(bytes: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding);
  for await (const part of bytes) yield decoder.decode(part, { stream: true });
  yield decoder.decode();
}

/** The cells of one record, by the names that the bill itself gives its columns. */
export type Cells = (column: string) => string;

/** @throws Error when the bill has no such column, or the record no such cell */
export function cellsOf(columns: readonly string[], record: readonly string[]): Cells {
  return (column) => {
    const cell = record[columns.indexOf(column)];
    if (cell === undefined) throw new Error(`the bill has no ${column}`);
    return cell.trim();
  };
}

// Fees come with up to five decimals, of which a fen has two.
const SIGNED_YUAN = /^(-?)(\d+(?:\.\d{1,2})?)0*$/;

/**
 * Yuan as bills write them, as fen; the sign stays.
 * @throws Error when it is no amount
 */
export function signedFen(text: string): number {
  const [, sign = '', yuan] = SIGNED_YUAN.exec(text) ?? [];
  if (yuan === undefined) throw new Error(`${text} is no amount`);
  const amount: number = fromYuan(yuan);
  return sign === '-' && amount > 0 ? -amount : amount;
}

/** @throws Error when it is no time */
export function timeOf(text: string): Date {
  const at = fromChinaTime(text);
  if (at === undefined) throw new Error(`${text} is no time`);
  return at;
}

/**
 * Whether a bill that is not there will never be: both providers say the same of a day on which nothing happened as
 * of one whose bill they have not made yet, and promise the latter for a certain hour of the next day.
 * @throws HoldfastError `invalid_request`: no such day; `bill_not_ready`: it is not over
 */
export function isPromised(channel: ProviderChannel, date: string, hour: number): boolean {
  const from = fromChinaTime(`${date} 00:00:00`)?.getTime();
  if (from === undefined) {
    throw new HoldfastError('invalid_request', {
      message: `${date} is no day such as 2026-11-23`,
      details: { path: 'date' },
    });
  }
  const now = Date.now();
  if (now < from + DAY_MS) throw billNotReady(channel, date);
  return now >= from + DAY_MS + hour * HOUR_MS;
}

export function billNotReady(channel: ProviderChannel, date: string): HoldfastError {
  return new HoldfastError('bill_not_ready', {
    message: `${channel} has not made the bill of ${date} yet`,
    details: { channel, date },
  });
}

/** A bill that cannot be fetched or read says nothing; it is fetched again. */
export function unreadableBill(channel: ProviderChannel, operation: string, error: unknown): HoldfastError {
  return error instanceof HoldfastError && error.code !== 'invalid_amount'
    ? error
    : unknownOutcome({ channel, operation }, error);
}
