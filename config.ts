/**
 * The only reader of process.env (wire.md, section 7). Every value is validated at start; what is wrong is said
 * in one line per variable, by name.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { channelsOf, providerVariables, smsOf } from './config/providers.js';
import { ConfigError, duration, flag, port, trustProxy } from './config/values.js';
import { CRASH_POINTS } from './crash-points.js';
import { RESERVED_WORDS, TENANT_WORD } from './domain/tenant.js';

export { ConfigError };

const variables = z.object({
  NODE_ENV: z.string().default('development'),
  PORT: port(3000),
  HOST: z.string().default('0.0.0.0'),
  PUBLIC_URL: z.url().optional(),
  DATABASE_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: 'must be a postgres:// URL; npm start brings a database of its own',
  }),
  MIGRATION_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_POOL: z.coerce.number().int().min(2).max(100).default(10),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  WORKER_HEALTH_PORT: port(3001),
  HOLDFAST_HOME: z.string().default('.holdfast'),
  HOLDFAST_EMBEDDED: z.enum(['0', '1']).default('0'),
  ADMIN_API_KEY: z.string().min(32, 'must have 32 or more characters').optional(),
  PAYMENT_EXPIRES_AFTER: duration('24h'),
  CHAT_WINDOW: duration('24h'),
  AUTO_CONFIRM_AFTER: duration('24h'),
  REFUND_WINDOW: duration('7d'),
  LEGACY_AUTH: z.enum(['strict', 'documented']).optional(),
  CAMPUS_WEB_PATH: z
    .string()
    .regex(/^(?:\/[0-9A-Za-z._~-]+)+$/, 'must be a path such as /school, without a slash at its end')
    .optional(),
  COURSE_RELAY_AUTH: z.enum(['hmac', 'token', 'query']).default('hmac'),
  COURSE_RELAY_SECRET: z.string().min(16, 'must have 16 or more characters').optional(),
  FACTORY_SUBDOMAIN: z
    .string()
    .regex(TENANT_WORD, `must be 1 to 64 letters, digits, - or _, and none of ${RESERVED_WORDS.join(', ')}`)
    .optional(),
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(300),
  TRUST_PROXY: trustProxy.optional(),
  CORS_ORIGINS: z.string().default(''),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  PAYLOAD_KEY: z.string().optional(),
  MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(10).max(100_000).default(2_000),
  ALLOW_PRIVATE_URLS: flag.default(false),
  CRASH_AT: z.enum(CRASH_POINTS).optional(),
  CRASH_ABOUT: z.string().optional(),
  ...providerVariables.shape,
});

type Variables = z.infer<typeof variables>;

/** @throws ConfigError in production: a process there ends only when it is told to, or when it has to */
function crashPointOf({ CRASH_AT: point, NODE_ENV: environment }: Variables) {
  if (point !== undefined && environment === 'production') {
    throw new ConfigError('CRASH_AT: is for tests, and NODE_ENV is production');
  }
  return point;
}

function configOf(given: Variables) {
  const embedded = given.HOLDFAST_EMBEDDED === '1';
  return {
    embedded,
    production: given.NODE_ENV === 'production',
    port: given.PORT,
    host: given.HOST,
    publicUrl: (given.PUBLIC_URL ?? `http://127.0.0.1:${given.PORT}`).replace(/\/$/, ''),
    home: path.resolve(given.HOLDFAST_HOME),
    workerHealthPort: given.WORKER_HEALTH_PORT,
    database: {
      url: given.DATABASE_URL,
      migrationUrl: given.MIGRATION_DATABASE_URL ?? given.DATABASE_URL,
      pool: given.DATABASE_POOL,
    },
    temporal: {
      address: given.TEMPORAL_ADDRESS,
      namespace: given.TEMPORAL_NAMESPACE,
      payloadKey: given.PAYLOAD_KEY,
      maxCachedWorkflows: given.MAX_CACHED_WORKFLOWS,
    },
    adminApiKey: given.ADMIN_API_KEY,
    windows: {
      paymentExpiresAfterMs: given.PAYMENT_EXPIRES_AFTER,
      chatWindowMs: given.CHAT_WINDOW,
      autoConfirmAfterMs: given.AUTO_CONFIRM_AFTER,
      refundWindowMs: given.REFUND_WINDOW,
    },
    rateLimitPerMinute: given.RATE_LIMIT_PER_MINUTE,
    /** As Express takes it; `false` trusts nobody. */
    trustProxy: given.TRUST_PROXY ?? false,
    /** Whether dialects also take calls without a credential, where their documents print none. */
    takesDocumentedCalls: (given.LEGACY_AUTH ?? 'strict') === 'documented',
    /** Before the paths of `campus`, which are served without it too. */
    campusWebPath: given.CAMPUS_WEB_PATH,
    /** How the relays that tell of course payments say who they are. */
    courseRelay: { auth: given.COURSE_RELAY_AUTH, secret: given.COURSE_RELAY_SECRET },
    /** The only tenant of `factory`; any where it is not set. */
    factorySubDomain: given.FACTORY_SUBDOMAIN,
    corsOrigins: given.CORS_ORIGINS.split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
    logLevel: given.LOG_LEVEL,
    allowPrivateUrls: given.ALLOW_PRIVATE_URLS,
    channels: channelsOf(given),
    sms: smsOf(given),
    crashAt: crashPointOf(given),
    crashAbout: given.CRASH_ABOUT,
  };
}

export type Config = ReturnType<typeof configOf>;

/**
 * Reads and validates the environment; a `.env` file in the working folder fills in what it leaves open.
 * @throws ConfigError with one line per variable that is wrong
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  if (environment === process.env && existsSync('.env')) process.loadEnvFile('.env');
  // An empty variable is one that was not set: compose files and shells both write them.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const checked = variables.safeParse(given);
  if (!checked.success) {
    throw new ConfigError(
      checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    );
  }
  return configOf(checked.data);
}
