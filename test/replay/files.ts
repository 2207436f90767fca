/** Recorded histories: what a workflow did once, kept to be replayed by every later version. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** Those of orders, and of each other type. */
export type Folder = 'histories' | 'withdrawals' | 'reconciliations' | 'memberships';
const folderOf = (folder: Folder): string => fileURLToPath(new URL(`./${folder}`, import.meta.url));

/** What tells of the machine that recorded, and plays no part in a replay. */
const OF_THE_MACHINE = new Set(['identity', 'stackTrace', 'requestId', 'binaryChecksum']);

export async function writeHistory(
  name: string,
  history: History,
  folder: Folder = 'histories',
): Promise<void> {
  const text = JSON.stringify(
    history,
    (key: string, value: unknown) => (OF_THE_MACHINE.has(key) && typeof value === 'string' ? '' : value),
    1,
  );
  await writeFile(path.join(folderOf(folder), `${name}.json`), `${text}\n`);
}

export async function historyNames(folder: Folder = 'histories'): Promise<string[]> {
  const files = await readdir(folderOf(folder));
  return files.map((file) => path.basename(file, '.json')).sort((a, b) => a.localeCompare(b));
}

export async function readHistory(name: string, folder: Folder = 'histories'): Promise<History> {
  const text = await readFile(path.join(folderOf(folder), `${name}.json`), 'utf8');
  return proto.temporal.api.history.v1.History.fromObject(JSON.parse(text) as object);
}
