/** Brings the schema up to date as its owner, and gives the application's role its rights. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import type postgres from 'postgres';
import { openPool } from './client.js';

const NAME = 'holdfast-migrations';
const FOLDER = fileURLToPath(new URL('./migrations', import.meta.url));

// Any number that nobody else uses: everybody who migrates waits for it.
const MIGRATION_LOCK = 4_701_873;

/** Tables of which the application may change rows, and, where only some columns are its own, which. */
const WRITABLE = {
  users: true,
  password_guesses: true,
  access_tokens: true,
  api_keys: true,
  idempotency_keys: true,
  settings: true,
  catalog_items: true,
  action_steps: true,
  payments: true,
  inbox: true,
  outbox: true,
  refused_notifications: true,
  operator_items: true,
  sms_outbox: true,
  refunds: true,
  withdrawals: true,
  payout_accounts: true,
  reconciliations: true,
  reconciliation_differences: true,
  bill_rows: true,
  webhook_endpoints: true,
  webhook_deliveries: true,
  entitlements: true,
  coupon_uses: true,
  deposits: true,
  membership_renewals: true,
  order_comments: true,
  course_totals: true,
  action_endpoints: true,
  bulk_retries: true,
  bulk_retry_steps: true,
  // Money, and what follows from it, is moved by ledger_post alone.
  orders: ['chain', 'chat_closed_at'],
} as const satisfies Record<string, true | readonly string[]>;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function grantRights(owner: postgres.Sql, role: string): Promise<void> {
  const to = quoted(role);
  await owner.unsafe(`GRANT USAGE ON SCHEMA public, drizzle TO ${to}`);
  await owner.unsafe(`GRANT SELECT ON ALL TABLES IN SCHEMA public, drizzle TO ${to}`);
  await owner.unsafe(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${to}`);
  await owner.unsafe(
    `GRANT INSERT ON orders, order_events, account_events, package_records, course_callbacks TO ${to}`,
  );
  for (const [table, columns] of Object.entries(WRITABLE)) {
    const what = columns === true ? 'INSERT, UPDATE, DELETE' : `UPDATE (${columns.map(quoted).join(', ')})`;
    await owner.unsafe(`GRANT ${what} ON ${quoted(table)} TO ${to}`);
  }
}

/**
 * @param migrationUrl the owner of the schema
 * @param applicationUrl whose user gets the application's rights; nothing is granted where both are the same user
 */
export async function migrateDatabase(migrationUrl: string, applicationUrl: string): Promise<void> {
  const owner = openPool(migrationUrl, { name: NAME, max: 1, limits: 'migration' });
  try {
    await owner`SELECT pg_advisory_lock(${MIGRATION_LOCK})`;
    await migrate(drizzle(owner), { migrationsFolder: FOLDER });
    const [ownerRole, applicationRole] = [migrationUrl, applicationUrl].map((url) =>
      decodeURIComponent(new URL(url).username),
    );
    if (applicationRole !== undefined && applicationRole !== ownerRole)
      await grantRights(owner, applicationRole);
  } finally {
    await owner.end({ timeout: 5 });
  }
}

/** When the newest migration was made, which is how drizzle tells them apart. */
function newestMigration(): number {
  const journal = JSON.parse(readFileSync(`${FOLDER}/meta/_journal.json`, 'utf8')) as {
    entries: { when: number }[];
  };
  return Math.max(...journal.entries.map(({ when }) => when));
}

async function isCurrent(applicationUrl: string): Promise<boolean> {
  const client = openPool(applicationUrl, { name: NAME, max: 1, limits: 'ordinary' });
  try {
    const [found] = await client<{ known: boolean }[]>`
      SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL
         AND has_schema_privilege('drizzle', 'USAGE') AS known`;
    if (found?.known !== true) return false;
    const [last] = await client<
      { at: string }[]
    >`SELECT max(created_at) AS at FROM drizzle.__drizzle_migrations`;
    return Number(last?.at) >= newestMigration();
  } finally {
    await client.end({ timeout: 5 });
  }
}

/**
 * For every start of the API and of a worker: a schema that is behind is brought up to date, where the owner's
 * credentials are at hand.
 * @throws Error that says what to run, where they are not
 */
export async function ensureSchema({
  url,
  migrationUrl,
}: {
  url: string;
  migrationUrl: string;
}): Promise<void> {
  if (await isCurrent(url)) return;
  if (migrationUrl === url && !(await ownsDatabase(url))) {
    throw new Error(
      'the database schema is missing or behind: run "npm run migrate" with MIGRATION_DATABASE_URL',
    );
  }
  await migrateDatabase(migrationUrl, url);
}

async function ownsDatabase(url: string): Promise<boolean> {
  const client = openPool(url, { name: NAME, max: 1, limits: 'ordinary' });
  try {
    const [found] = await client<{ owns: boolean }[]>`
      SELECT has_database_privilege(current_database(), 'CREATE') AS owns`;
    return found?.owns === true;
  } finally {
    await client.end({ timeout: 5 });
  }
}
