/** Everything that a run leaves behind, as text. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Payload } from '@temporalio/common';
import type postgres from 'postgres';
import { payloadCodec } from '../../../temporal/codec.js';
import type { Fleet } from '../../fleet/fleet.js';

/** By name of the place. */
export type Places = Readonly<Record<string, string>>;

function filesBelow(folder: string, wanted: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** What every process of the run has said: API, worker, sandbox, PostgreSQL and Temporal. */
export function logsOf({ home }: Pick<Fleet, 'home'>): Places {
  const files = filesBelow(home, /\.log$/);
  return Object.fromEntries(files.map((file) => [`log ${path.basename(file)}`, readFileSync(file, 'utf8')]));
}

/** Temporal's own database, byte by byte. */
export function temporalFilesOf({ home }: Pick<Fleet, 'home'>): Places {
  const files = filesBelow(home, /^temporal\.db/);
  return Object.fromEntries(
    files.map((file) => [`Temporal ${path.basename(file)}`, readFileSync(file, 'latin1')]),
  );
}

interface JsonPayload {
  metadata: Record<string, string>;
  data?: string;
}

function payloadsIn(value: unknown, found: JsonPayload[] = []): JsonPayload[] {
  if (Array.isArray(value)) value.forEach((item) => payloadsIn(item, found));
  else if (typeof value === 'object' && value !== null) {
    if ('metadata' in value && 'data' in value) found.push(value as JsonPayload);
    else for (const inner of Object.values(value)) payloadsIn(inner, found);
  }
  return found;
}

const fromBase64 = (text = ''): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

async function opened(payloads: readonly JsonPayload[], payloadKey: string): Promise<string> {
  const sealed = payloads.map(({ metadata, data }): Payload => ({
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, fromBase64(text)])),
    data: fromBase64(data),
  }));
  const plain = await payloadCodec(payloadKey).decode(sealed);
  return plain.map(({ data }) => Buffer.from(data ?? []).toString('utf8')).join('\n');
}

/**
 * Every history as Temporal gives it out, with memo and search attributes, and what its payloads say once they are
 * opened.
 * @param workflowIds each must be there
 */
export async function historiesOf(
  { client }: Pick<Fleet, 'client'>,
  workflowIds: readonly string[],
  payloadKey: string,
): Promise<Places> {
  const places: Record<string, string> = {};
  for (const id of workflowIds) {
    const handle = client.workflow.getHandle(id);
    const history: unknown = JSON.parse(JSON.stringify(await handle.fetchHistory()));
    const { raw } = await handle.describe();
    places[`history ${id}`] = JSON.stringify(history) + JSON.stringify(raw);
    places[`opened history ${id}`] = await opened(
      payloadsIn([history, JSON.parse(JSON.stringify(raw))]),
      payloadKey,
    );
  }
  return places;
}

/** Columns that hold what cannot be turned back, for comparing with. */
const HASHES = new Set(['hash', 'login_password_hash', 'pay_password_hash']);

/** Every row of every table, without the columns of hashes; and what PostgreSQL remembers of statements. */
export async function dumpOf(sql: postgres.Sql): Promise<Places> {
  const columns = await sql<{ schema: string; name: string; columns: string[] }[]>`
    SELECT table_schema AS schema, table_name AS name, array_agg(column_name::text) AS columns
      FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
      GROUP BY 1, 2`;
  const places: Record<string, string> = {};
  for (const { schema, name, columns: all } of columns) {
    const kept = all.filter((column) => !HASHES.has(column));
    const rows = await sql<{ row: string }[]>`
      SELECT to_jsonb(t)::text AS row FROM (SELECT ${sql(kept)} FROM ${sql(schema)}.${sql(name)}) t`;
    places[`table ${schema}.${name}`] = rows.map(({ row }) => row).join('\n');
  }
  const active = await sql<{ query: string }[]>`SELECT query FROM pg_stat_activity`;
  places['pg_stat_activity'] = active.map(({ query }) => query).join('\n');
  return places;
}
