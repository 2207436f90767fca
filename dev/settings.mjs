import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { LaunchError } from './errors.mjs';

/**
 * What the launcher itself needs to know. Everything else is passed on to the children, whose config.ts
 * reads and checks it.
 *
 * @typedef {object} Settings
 * @property {string} root the checkout
 * @property {string} home HOLDFAST_HOME, absolute
 * @property {string} host
 * @property {number} port
 * @property {number} sandboxPort
 * @property {number} temporalPort
 * @property {number} temporalUiPort
 * @property {number | undefined} postgresPort
 * @property {string | undefined} databaseUrl set: no embedded PostgreSQL
 * @property {string | undefined} temporalAddress set: no embedded Temporal
 * @property {string} temporalNamespace
 * @property {string | undefined} adminApiKey
 * @property {string} publicUrl
 * @property {NodeJS.ProcessEnv} env the user's environment with `.env` under it
 */

/** Alipay, WeChat Pay, Ping++, Stripe, SMS, and before them the control and cashier pages. */
export const SANDBOX_PORTS = 6;
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);

/**
 * Reads `.env` of the checkout into the environment; what the environment has already wins.
 *
 * @param {string} root
 */
export function loadDotEnv(root) {
  const file = resolve(root, '.env');
  if (!existsSync(file)) return;
  try {
    process.loadEnvFile(file);
  } catch (error) {
    throw new LaunchError(`${file} cannot be read: correct it, or remove it.`, { cause: error });
  }
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Settings}
 * @throws {LaunchError} naming the variable that is wrong
 */
export function readSettings(root, env) {
  /** @param {string} name */
  const text = (name) => env[name]?.trim() || undefined;
  const port = portOf(env, 'PORT') ?? 3000;
  const host = text('HOST') ?? '127.0.0.1';
  const sandboxPort = portOf(env, 'SANDBOX_PORT') ?? 3100;
  if (sandboxPort + SANDBOX_PORTS - 1 > 65_535) {
    throw new LaunchError(
      `SANDBOX_PORT (${sandboxPort}) is too high: the sandbox needs ${SANDBOX_PORTS} ports from it on.`,
    );
  }
  const adminApiKey = text('ADMIN_API_KEY');
  if (adminApiKey !== undefined && adminApiKey.length < 32) {
    throw new LaunchError(
      'ADMIN_API_KEY is too short: give it 32 or more characters, or unset it to have one made.',
    );
  }
  return {
    root,
    home: resolve(root, text('HOLDFAST_HOME') ?? '.holdfast'),
    host,
    port,
    sandboxPort,
    temporalPort: portOf(env, 'TEMPORAL_PORT') ?? 7233,
    temporalUiPort: portOf(env, 'TEMPORAL_UI_PORT') ?? 8233,
    postgresPort: portOf(env, 'HOLDFAST_PG_PORT'),
    databaseUrl: urlOf(env, 'DATABASE_URL', ['postgres:', 'postgresql:']),
    temporalAddress: text('TEMPORAL_ADDRESS'),
    temporalNamespace: text('TEMPORAL_NAMESPACE') ?? 'default',
    adminApiKey,
    publicUrl: urlOf(env, 'PUBLIC_URL', ['http:', 'https:']) ?? `http://127.0.0.1:${port}`,
    env,
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 * @returns {number | undefined}
 */
function portOf(env, name) {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new LaunchError(
    `${name} (${text}) is not a port: set it to a whole number from 1 to 65535, or unset it.`,
  );
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 * @param {string[]} protocols
 * @returns {string | undefined}
 */
function urlOf(env, name, protocols) {
  const text = env[name]?.trim();
  if (!text) return undefined;
  if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return text;
  // The value may hold a password, so it is not repeated.
  throw new LaunchError(
    `${name} is not a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}: correct it, or unset it.`,
  );
}

/**
 * @param {string} host
 * @returns {boolean}
 */
export const isLoopback = (host) => LOOPBACK.has(host);

/**
 * @param {Settings} settings
 * @returns {string} where the API answers on this machine
 */
export function apiUrl({ host, port }) {
  const reachable = ['0.0.0.0', '::', 'localhost'].includes(host) ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/**
 * The environment of the migrations, the worker, the API and the sandbox. What the user set wins over the
 * embedded run's own choices.
 *
 * @param {Settings} settings
 * @param {{ adminApiKey: string, databaseUrl: string, migrationUrl: string | undefined, temporalAddress: string, temporalConfigFile: string | undefined }} run
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment(
  settings,
  { adminApiKey, databaseUrl, migrationUrl, temporalAddress, temporalConfigFile },
) {
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    // Without a token the dialects may only be called from this machine (wire.md, section 0).
    LEGACY_AUTH: isLoopback(settings.host) ? 'documented' : 'strict',
    // The sandbox is asked about every payment, so a relay needs no credential there.
    COURSE_RELAY_AUTH: isLoopback(settings.host) ? 'query' : 'hmac',
    ALLOW_PRIVATE_URLS: 'true',
    ...withoutEmpty(settings.env),
    HOLDFAST_EMBEDDED: '1',
    HOLDFAST_HOME: realpathSync(settings.home),
    HOST: settings.host,
    PORT: String(settings.port),
    SANDBOX_PORT: String(settings.sandboxPort),
    PUBLIC_URL: settings.publicUrl,
    ADMIN_API_KEY: adminApiKey,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: settings.temporalNamespace,
  };
  if (migrationUrl !== undefined) env['MIGRATION_DATABASE_URL'] = migrationUrl;
  if (temporalConfigFile === undefined) return env;
  // A profile, key or certificate for a company's cluster must not be used on the embedded server.
  for (const name of Object.keys(env)) {
    if (/^TEMPORAL_(API_KEY|PROFILE|TLS.*|GRPC_META_.*|CONFIG_FILE)$/.test(name)) delete env[name];
  }
  env['TEMPORAL_CONFIG_FILE'] = temporalConfigFile;
  return env;
}

/**
 * A variable set to nothing is a variable not set.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function withoutEmpty(env) {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}
