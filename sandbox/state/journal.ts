import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { StartError } from '../config.js';
import { parsedJson } from '../values/json.js';
import { readIfThere } from '../values/keys.js';

/** One change: the document `key` of `collection` now reads `value`, or is gone when there is no value. */
const entry = z.object({ collection: z.string(), key: z.string(), value: z.unknown().optional() });
export type JournalEntry = z.infer<typeof entry>;

// A line is a group of changes, so that a crash keeps all of a group (a payment and its notification) or none.
const group = z.array(entry);

/** An append-only file of changes. Changes that are committed together are one line and share one fsync. */
export class Journal {
  readonly #file: FileHandle;
  #pending: JournalEntry[] = [];
  #written: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  append(change: JournalEntry): void {
    this.#pending.push(change);
  }

  /** Resolves once everything appended so far is on the disk. After a failed write every commit rejects. */
  commit(): Promise<void> {
    if (this.#pending.length > 0) {
      this.#next ??= this.#written.then(() => this.#flush());
      this.#written = this.#next;
    }
    return this.#written;
  }

  async close(): Promise<void> {
    try {
      await this.commit();
    } finally {
      await this.#file.close();
    }
  }

  async #flush(): Promise<void> {
    const changes = this.#pending;
    this.#pending = [];
    this.#next = null;
    await this.#file.appendFile(toLine(changes));
    await this.#file.datasync();
  }
}

/**
 * Reads the changes of a journal, oldest first; none when there is no file.
 * @throws StartError when a line other than a torn last one cannot be read.
 */
export async function readJournal(path: string): Promise<JournalEntry[]> {
  const text = await readIfThere(path);
  if (text === null) return [];
  const lines = text.split('\n');
  // A write cut short by a crash was never committed, so nobody was told of it: the torn tail is dropped.
  lines.pop();
  return lines.flatMap((line, index) => {
    const read = group.safeParse(parsedJson(line));
    if (read.success) return read.data;
    throw new StartError(
      `${path} is damaged at line ${index + 1}; move it away to start with an empty sandbox.`,
    );
  });
}

/** Starts the journal anew with only what is current, so that it does not grow for ever; then opens it. */
export async function compactJournal(path: string, current: Iterable<JournalEntry>): Promise<Journal> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    const lines: string[] = [];
    for (const change of current) lines.push(toLine([change]));
    await file.writeFile(lines.join(''));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncFolder(dirname(path));
  return new Journal(await open(path, 'a', 0o600));
}

// A rename is only certain to survive a power cut once its folder is synced. Windows has no such call.
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function toLine(changes: readonly JournalEntry[]): string {
  return `${JSON.stringify(changes)}\n`;
}
