/**
 * The only reader of process.env (wire.md, section 7). Every value is validated at start; what is wrong is said
 * in one line per variable, by name.
 */
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import { z } from 'zod';
import type { ChannelsConfig } from './channels/index.js';
import type { SmsConfig } from './channels/sms.js';
import type { TransferSceneId } from './channels/wechat-transfer-scenes.js';
import { CRASH_POINTS } from './crash-points.js';
import { parseDuration } from './domain/durations.js';

const duration = (fallback: string): z.ZodType<number> =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const spanMs = parseDuration(text);
      if (spanMs === undefined) context.addIssue('must be a duration such as 3s, 15m or 24h');
      return spanMs ?? z.NEVER;
    });

const port = (fallback: number): z.ZodType<number> =>
  z.coerce.number().int().min(0).max(65_535).default(fallback);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A PEM, or the path to one. */
const pem = z.string().transform((given, context) => {
  if (given.includes('-----BEGIN')) return given.replaceAll(String.raw`\n`, '\n');
  if (existsSync(given)) return readFileSync(given, 'utf8');
  context.addIssue('must be a PEM or the path to one');
  return z.NEVER;
});

const HOPS = /^\d{1,2}$/;
const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal'];

/** An address, or a network that is not the whole internet: `/0` would trust whoever connects. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  if (bits === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Who may say, in X-Forwarded-For, for whom a call was made: so many proxies, or those at these addresses. */
const trustProxy = z.string().transform((text, context): number | string[] => {
  const given = text.trim();
  if (HOPS.test(given)) return Number(given);
  const places = given.split(',').map((place) => place.trim());
  if (places.every((place) => PROXY_NAMES.includes(place) || isNetwork(place))) return places;
  context.addIssue(
    given.toLowerCase() === 'true'
      ? 'must not be true, or anybody could forge the address of a call in X-Forwarded-For; name the proxies'
      : 'must be the number of proxies in front, or their addresses or networks (10.0.0.0/8), loopback, linklocal or uniquelocal, separated by commas',
  );
  return z.NEVER;
});

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
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(300),
  TRUST_PROXY: trustProxy.optional(),
  CORS_ORIGINS: z.string().default(''),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  PAYLOAD_KEY: z.string().optional(),
  MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(10).max(100_000).default(2_000),
  ALLOW_PRIVATE_URLS: flag.default(false),
  CRASH_AT: z.enum(CRASH_POINTS).optional(),
  ALIPAY_APP_ID: z.string().optional(),
  ALIPAY_PRIVATE_KEY: pem.optional(),
  ALIPAY_PUBLIC_KEY: pem.optional(),
  ALIPAY_GATEWAY: z.url().default('https://openapi.alipay.com/gateway.do'),
  ALIPAY_SELLER_ID: z.string().optional(),
  WECHAT_APP_ID: z.string().optional(),
  WECHAT_MCH_ID: z.string().optional(),
  WECHAT_SERIAL: z.string().optional(),
  WECHAT_PRIVATE_KEY: pem.optional(),
  WECHAT_API_V3_KEY: z.string().length(32, 'must have exactly 32 characters').optional(),
  WECHAT_PUBLIC_KEY_ID: z.string().optional(),
  WECHAT_PUBLIC_KEY: pem.optional(),
  WECHAT_TRANSFER_SCENE_ID: z
    .enum(['1000', '1005', '1009', '1010', '1011'] satisfies TransferSceneId[])
    .default('1005'),
  WECHAT_BASE_URL: z.url().default('https://api.mch.weixin.qq.com/'),
  PINGPP_APP_ID: z.string().optional(),
  PINGPP_API_KEY: z
    .string()
    .regex(/^sk_(live|test)_/, 'must be sk_live_... or sk_test_...')
    .optional(),
  PINGPP_PRIVATE_KEY: pem.optional(),
  PINGPP_PUBLIC_KEY: pem.optional(),
  PINGPP_BASE_URL: z.url({ protocol: /^https?$/ }).default('https://api.pingxx.com'),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_BASE_URL: z.url({ protocol: /^https?$/ }).default('https://api.stripe.com'),
  ALIYUN_SMS_ACCESS_KEY_ID: z.string().optional(),
  ALIYUN_SMS_ACCESS_KEY_SECRET: z.string().optional(),
  ALIYUN_SMS_ENDPOINT: z.url({ protocol: /^https?$/ }).default('https://dysmsapi.aliyuncs.com'),
  TENCENT_SMS_SECRET_ID: z.string().optional(),
  TENCENT_SMS_SECRET_KEY: z.string().optional(),
  TENCENT_SMS_APP_ID: z.string().optional(),
  TENCENT_SMS_ENDPOINT: z.url({ protocol: /^https?$/ }).default('https://sms.tencentcloudapi.com'),
  TENCENT_SMS_REGION: z.string().default('ap-guangzhou'),
});

export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Variables = z.infer<typeof variables>;

/** All of a channel's variables, or none: half a set would make a channel that refuses everything. */
function complete<K extends keyof Variables>(
  given: Variables,
  names: readonly K[],
): { [N in K]: NonNullable<Variables[N]> } | undefined {
  const missing = names.filter((name) => given[name] === undefined);
  if (missing.length === names.length) return undefined;
  if (missing.length > 0) throw new ConfigError(`${missing.join(', ')}: missing beside ${names[0] ?? ''}`);
  return given as { [N in K]: NonNullable<Variables[N]> };
}

function channelsOf(given: Variables): ChannelsConfig {
  const alipay = complete(given, ['ALIPAY_APP_ID', 'ALIPAY_PRIVATE_KEY', 'ALIPAY_PUBLIC_KEY'] as const);
  const wechat = complete(given, [
    'WECHAT_APP_ID',
    'WECHAT_MCH_ID',
    'WECHAT_SERIAL',
    'WECHAT_PRIVATE_KEY',
    'WECHAT_API_V3_KEY',
    'WECHAT_PUBLIC_KEY_ID',
    'WECHAT_PUBLIC_KEY',
  ] as const);
  const stripe = complete(given, ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'] as const);
  const pingpp = complete(given, [
    'PINGPP_APP_ID',
    'PINGPP_API_KEY',
    'PINGPP_PRIVATE_KEY',
    'PINGPP_PUBLIC_KEY',
  ] as const);
  return {
    alipay: alipay && {
      appId: alipay.ALIPAY_APP_ID,
      privateKey: alipay.ALIPAY_PRIVATE_KEY,
      alipayPublicKey: alipay.ALIPAY_PUBLIC_KEY,
      gateway: given.ALIPAY_GATEWAY,
      sellerId: given.ALIPAY_SELLER_ID,
      timeoutMs: PROVIDER_TIMEOUT_MS,
    },
    wechat: wechat && {
      appId: wechat.WECHAT_APP_ID,
      mchId: wechat.WECHAT_MCH_ID,
      serial: wechat.WECHAT_SERIAL,
      privateKey: wechat.WECHAT_PRIVATE_KEY,
      apiV3Key: wechat.WECHAT_API_V3_KEY,
      publicKeyId: wechat.WECHAT_PUBLIC_KEY_ID,
      publicKey: wechat.WECHAT_PUBLIC_KEY,
      baseUrl: given.WECHAT_BASE_URL,
      transferSceneId: given.WECHAT_TRANSFER_SCENE_ID,
      timeoutMs: PROVIDER_TIMEOUT_MS,
    },
    pingpp: pingpp && {
      appId: pingpp.PINGPP_APP_ID,
      apiKey: pingpp.PINGPP_API_KEY,
      privateKey: pingpp.PINGPP_PRIVATE_KEY,
      publicKey: pingpp.PINGPP_PUBLIC_KEY,
      baseUrl: given.PINGPP_BASE_URL,
      timeoutMs: PROVIDER_TIMEOUT_MS,
    },
    stripe: stripe && {
      secretKey: stripe.STRIPE_SECRET_KEY,
      webhookSecret: stripe.STRIPE_WEBHOOK_SECRET,
      baseUrl: given.STRIPE_BASE_URL,
      timeoutMs: PROVIDER_TIMEOUT_MS,
    },
  };
}

const PROVIDER_TIMEOUT_MS = 5_000;
// Short of the minute within which an order comes to rest after whatever has happened (promise T5).
const SMS_SHOWS_WITHIN_MS = 30_000;

function smsOf(given: Variables): SmsConfig {
  const aliyun = complete(given, ['ALIYUN_SMS_ACCESS_KEY_ID', 'ALIYUN_SMS_ACCESS_KEY_SECRET'] as const);
  const tencent = complete(given, [
    'TENCENT_SMS_SECRET_ID',
    'TENCENT_SMS_SECRET_KEY',
    'TENCENT_SMS_APP_ID',
  ] as const);
  const common = { timeoutMs: PROVIDER_TIMEOUT_MS, showsWithinMs: SMS_SHOWS_WITHIN_MS };
  return {
    aliyun: aliyun && {
      accessKeyId: aliyun.ALIYUN_SMS_ACCESS_KEY_ID,
      accessKeySecret: aliyun.ALIYUN_SMS_ACCESS_KEY_SECRET,
      endpoint: given.ALIYUN_SMS_ENDPOINT,
      ...common,
    },
    tencent: tencent && {
      secretId: tencent.TENCENT_SMS_SECRET_ID,
      secretKey: tencent.TENCENT_SMS_SECRET_KEY,
      appId: tencent.TENCENT_SMS_APP_ID,
      endpoint: given.TENCENT_SMS_ENDPOINT,
      region: given.TENCENT_SMS_REGION,
      ...common,
    },
  };
}

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
    corsOrigins: given.CORS_ORIGINS.split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
    logLevel: given.LOG_LEVEL,
    allowPrivateUrls: given.ALLOW_PRIVATE_URLS,
    channels: channelsOf(given),
    sms: smsOf(given),
    crashAt: crashPointOf(given),
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
