import { join } from 'node:path';
import { keepSecret, randomSecret } from './files.mjs';

const DATABASE = 'holdfast';
/** Owns the database and its tables, and changes them: the migrations alone run as this role. */
const OWNER = 'holdfast_owner';
/** What the API and the worker run as. It owns nothing, so it cannot lift the ledger's protection. */
const APP = 'holdfast_app';

/**
 * @param {{ home: string, port: number }} options
 * @returns {{ app: string, owner: string, appPassword: string, ownerPassword: string }} the two URLs
 */
export function databaseUrls({ home, port }) {
  const ownerPassword = keepSecret(join(home, 'postgres-owner-password'), () => randomSecret()).value;
  const appPassword = keepSecret(join(home, 'postgres-app-password'), () => randomSecret()).value;
  return {
    app: `postgres://${APP}:${appPassword}@127.0.0.1:${port}/${DATABASE}`,
    owner: `postgres://${OWNER}:${ownerPassword}@127.0.0.1:${port}/${DATABASE}`,
    appPassword,
    ownerPassword,
  };
}

/**
 * Makes the two roles and the database, when they are not there; sets the passwords either way, as their
 * files may have been lost.
 *
 * @param {string} superuserUrl
 * @param {{ appPassword: string, ownerPassword: string }} passwords made of letters, digits, `-` and `_`
 */
export async function prepareDatabase(superuserUrl, { appPassword, ownerPassword }) {
  // Loaded here and not above: this file is read before packages are installed.
  const { default: postgres } = await import('postgres');
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} });
  try {
    for (const [role, password] of [
      [OWNER, ownerPassword],
      [APP, appPassword],
    ]) {
      const [there] = await sql`select 1 from pg_roles where rolname = ${role ?? ''}`;
      // A password cannot be a parameter of these statements.
      await sql.unsafe(
        `${there ? 'alter' : 'create'} role ${role} login nosuperuser nocreatedb nocreaterole password '${password}'`,
      );
    }
    const [there] = await sql`select 1 from pg_database where datname = ${DATABASE}`;
    if (!there) await sql.unsafe(`create database ${DATABASE} owner ${OWNER}`);
  } finally {
    await sql.end();
  }
}
