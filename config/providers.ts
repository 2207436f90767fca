/** The variables of the payment and SMS providers: each has all of its own, or none. */
import { z } from 'zod';
import type { AlipayConfig } from '../channels/alipay.js';
import type { ChannelsConfig } from '../channels/index.js';
import type { SmsConfig } from '../channels/sms.js';
import type { TransferSceneId } from '../channels/wechat-transfer-scenes.js';
import { ConfigError, pem } from './values.js';

export const providerVariables = z.object({
  ALIPAY_APP_ID: z.string().optional(),
  ALIPAY_PRIVATE_KEY: pem.optional(),
  ALIPAY_PUBLIC_KEY: pem.optional(),
  ALIPAY_APP_CERT: pem.optional(),
  ALIPAY_PUBLIC_CERT: pem.optional(),
  ALIPAY_ROOT_CERT: pem.optional(),
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

type Variables = z.infer<typeof providerVariables>;

const PROVIDER_TIMEOUT_MS = 5_000;
// Short of the minute within which an order comes to rest after whatever has happened (promise T5).
const SMS_SHOWS_WITHIN_MS = 30_000;

/** All of a channel's variables, or none: half a set would make a channel that refuses everything. */
function complete<K extends keyof Variables>(
  given: Variables,
  names: readonly K[],
): { [N in K]: NonNullable<Variables[N]> } | undefined {
  const missing = names.filter((name) => given[name] === undefined);
  const present = names.find((name) => given[name] !== undefined);
  if (present === undefined) return undefined;
  if (missing.length > 0) throw new ConfigError(`${missing.join(', ')}: missing beside ${present}`);
  return given as { [N in K]: NonNullable<Variables[N]> };
}

/** By Alipay's public key, or by the certificates, one of which holds that key. */
function alipayOf(given: Variables): AlipayConfig | undefined {
  const certificates = complete(given, [
    'ALIPAY_APP_CERT',
    'ALIPAY_PUBLIC_CERT',
    'ALIPAY_ROOT_CERT',
  ] as const);
  const trust = certificates ? 'ALIPAY_PUBLIC_CERT' : 'ALIPAY_PUBLIC_KEY';
  const alipay = complete(given, ['ALIPAY_APP_ID', 'ALIPAY_PRIVATE_KEY', trust] as const);
  return (
    alipay && {
      appId: alipay.ALIPAY_APP_ID,
      privateKey: alipay.ALIPAY_PRIVATE_KEY,
      alipayPublicKey: given.ALIPAY_PUBLIC_KEY,
      certificates: certificates && {
        app: certificates.ALIPAY_APP_CERT,
        alipay: certificates.ALIPAY_PUBLIC_CERT,
        root: certificates.ALIPAY_ROOT_CERT,
      },
      gateway: given.ALIPAY_GATEWAY,
      sellerId: given.ALIPAY_SELLER_ID,
      timeoutMs: PROVIDER_TIMEOUT_MS,
    }
  );
}

export function channelsOf(given: Variables): ChannelsConfig {
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
    alipay: alipayOf(given),
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

export function smsOf(given: Variables): SmsConfig {
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
