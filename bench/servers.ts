/** PostgreSQL and Temporal of the benchmark's own, as `npm start` brings them, with counters switched on. */
import { WorkflowNotFoundError } from '@temporalio/client';
import postgres from 'postgres';
import { databaseUrls, prepareDatabase } from '../dev/database.mjs';
import { makeTestHome, sharedGuard } from '../dev/guard.mjs';
import { startPostgres } from '../dev/postgres.mjs';
import { findTemporal, startTemporal } from '../dev/temporal.mjs';
import { migrateDatabase } from '../db/migrations.js';
import { openTemporal } from '../temporal/connect.js';
import { temporalVersion } from './machine.js';

export interface Servers {
  home: string;
  postgres: { pid: number; appUrl: string; ownerUrl: string; superuserUrl: string };
  temporal: { pid: number; address: string };
  /** The superuser's, on the product's database: for counters, and for rows that are only there to be measured. */
  sql: postgres.Sql;
  client: ReturnType<typeof openTemporal>['client'];
  versions: { postgres: string; temporal: string };
  close(): Promise<void>;
}

/**
 * pg_stat_statements counts what was executed, whoever sent it. Commit timestamps say when a row became durable
 * without anybody polling for it. Autovacuum would take transaction ids of its own into the counts. fsync and
 * synchronous_commit stay on, as in production.
 */
const COUNTERS = [
  `ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`,
  `ALTER SYSTEM SET track_commit_timestamp = on`,
  `ALTER SYSTEM SET autovacuum = off`,
];

async function startCountingPostgres(home: string) {
  const first = await startPostgres({ home });
  const sql = postgres(first.url, { max: 1 });
  for (const statement of COUNTERS) await sql.unsafe(statement);
  await sql.end();
  // The settings are read at a start.
  await first.stop();
  return startPostgres({ home });
}

async function startDatabase(home: string) {
  const server = await startCountingPostgres(`${home}/postgres`);
  const urls = databaseUrls({ home, port: server.port });
  await prepareDatabase(server.url, urls);
  await migrateDatabase(urls.owner, urls.app);
  const superuser = new URL(server.url);
  superuser.pathname = new URL(urls.app).pathname;
  return {
    pid: server.pid,
    stop: server.stop,
    appUrl: urls.app,
    ownerUrl: urls.owner,
    superuserUrl: superuser.href,
  };
}

/** @returns both servers, empty; they end with this process at the latest */
export async function startServers(): Promise<Servers> {
  const home = makeTestHome('holdfast-bench-');
  sharedGuard().remove(home);
  // The database first: a folder that its user can enter must be empty when it is made.
  const database = await startDatabase(home);
  const { path: binary } = await findTemporal();
  const temporal = await startTemporal({ home: `${home}/temporal-server`, binary });
  const sql = postgres(database.superuserUrl, { max: 2, onnotice: () => undefined });
  await sql`CREATE EXTENSION IF NOT EXISTS pg_stat_statements`;
  const [version] = await sql<{ server_version: string }[]>`SHOW server_version`;
  const opened = openTemporal({ address: temporal.address, namespace: 'default', payloadKey: undefined });
  return {
    home,
    postgres: database,
    temporal,
    sql,
    client: opened.client,
    versions: { postgres: version?.server_version ?? 'unknown', temporal: temporalVersion(binary) },
    close: async () => {
      await opened.close();
      await sql.end({ timeout: 5 });
      await temporal.stop();
      await database.stop();
      await sharedGuard().close();
    },
  };
}

/** Whether a workflow has set its timer and waits for its payment. Its start comes after its order's answer. */
export async function waitsForPayment({ client }: Servers, workflowId: string): Promise<boolean> {
  try {
    const { historyLength } = await client.workflow.getHandle(workflowId).describe();
    // Started, task scheduled, started and completed, timer started.
    return historyLength >= 5;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
