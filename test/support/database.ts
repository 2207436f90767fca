/** A fresh, migrated database for one test file, used as the application's own role. */
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';
import { type Db, openDatabase } from '../../db/client.js';
import { migrateDatabase } from '../../db/migrations.js';

export interface TestDatabase {
  db: Db;
  /** The application's role: no right to change entries. */
  appUrl: string;
  /** Owns the schema, and is still held back by its triggers. */
  ownerUrl: string;
  superuserUrl: string;
  close(): Promise<void>;
}

function urlAs(superuserUrl: string, database: string, role?: { name: string; password: string }): string {
  const url = new URL(superuserUrl);
  url.pathname = `/${database}`;
  if (role !== undefined) {
    url.username = role.name;
    url.password = role.password;
  }
  return url.href;
}

export async function freshDatabase(pool = 10): Promise<TestDatabase> {
  const { superuserUrl } = inject('postgres');
  const database = `t_${randomBytes(6).toString('hex')}`;
  const superuser = postgres(superuserUrl, { max: 1, onnotice: () => undefined });
  try {
    await superuser.unsafe(`CREATE DATABASE ${database} OWNER holdfast_owner`);
  } finally {
    await superuser.end();
  }
  const ownerUrl = urlAs(superuserUrl, database, { name: 'holdfast_owner', password: 'owner' });
  const appUrl = urlAs(superuserUrl, database, { name: 'holdfast_app', password: 'app' });
  await migrateDatabase(ownerUrl, appUrl);
  const opened = openDatabase(appUrl, { pool, name: 'test' });
  return {
    db: opened.db,
    appUrl,
    ownerUrl,
    superuserUrl: urlAs(superuserUrl, database),
    close: () => opened.close(),
  };
}

/** Runs statements on a connection of their own, as whoever the URL names. */
export async function sqlAs<T>(url: string, run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const connection = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await run(connection);
  } finally {
    await connection.end();
  }
}
