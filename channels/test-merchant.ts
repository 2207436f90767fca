/** The merchant's side of the local providers in tests: channels made from its file, control calls, attempts. */
import { readFile } from 'node:fs/promises';
import type { Scene } from '../domain/order.js';
import { type AlipayConfig, createAlipay } from './alipay.js';
import type { Attempt, Channel } from './channel.js';
import type { Receiver } from './test-receiver.js';
import { makeAttempt, makeKeys } from './test-support.js';
import { createPingpp, type PingppConfig } from './pingpp.js';
import { createStripe, type StripeConfig } from './stripe.js';
import { createWechat, type WechatConfig } from './wechat.js';

const TIMEOUT_MS = 1_000;

interface Configs {
  alipay: AlipayConfig;
  wechat: WechatConfig;
  pingpp: PingppConfig;
  stripe: StripeConfig;
}

export type MerchantChannel = keyof Configs;

export interface Merchant {
  configs: Configs;
  channels: Record<MerchantChannel, Channel>;
  /** The same channel with a key that is not the merchant's. */
  stranger(name: MerchantChannel): Channel;
  /** A call of the providers' control API; fails when it is refused. */
  control(method: string, path: string, body?: object): Promise<unknown>;
  /** An attempt of its own for each test; its notifications come to its own path. */
  attempt(scene: Scene): Attempt;
}

export async function openMerchant(
  providers: { port: number; merchantFile: string },
  receiver: Receiver,
): Promise<Merchant> {
  const configs = await readConfigs(providers.merchantFile);
  let made = 0;
  const control: Merchant['control'] = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${providers.port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    configs,
    channels: {
      alipay: createAlipay(configs.alipay),
      wechat: createWechat(configs.wechat),
      pingpp: toldAt(control, createPingpp(configs.pingpp)),
      stripe: createStripe(configs.stripe),
    },
    stranger: (name) => strangerOf(name, configs),
    control,
    attempt(scene) {
      made += 1;
      const outTradeNo = `channeltest${String(made).padStart(5, '0')}`;
      return makeAttempt(scene, {
        outTradeNo,
        expiresAt: new Date(Date.now() + 600_000),
        subject: `设计咨询 100% & more ${made}`,
        notifyUrl: receiver.urlFor(outTradeNo),
        openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
        clientIp: '203.0.113.7',
        returnUrl: 'http://127.0.0.1:9/done?order=1',
      });
    },
  };
}

/** Ping++ keeps one address for all events; here it is set to the attempt's, before each. */
function toldAt(control: Merchant['control'], channel: Channel): Channel {
  return {
    ...channel,
    async create(attempt) {
      await control('PUT', '/webhooks', { channel: channel.name, url: attempt.notifyUrl });
      return channel.create(attempt);
    },
  };
}

function strangerOf(name: MerchantChannel, configs: Configs): Channel {
  const { privateKey } = makeKeys();
  const strangers = {
    alipay: () => createAlipay({ ...configs.alipay, privateKey }),
    wechat: () => createWechat({ ...configs.wechat, privateKey }),
    pingpp: () => createPingpp({ ...configs.pingpp, privateKey }),
    stripe: () => createStripe({ ...configs.stripe, secretKey: 'sk_test_stranger' }),
  };
  return strangers[name]();
}

async function readConfigs(path: string): Promise<Configs> {
  const given = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
  const text = (name: string): string => given[name] ?? '';
  const pem = (name: string): Promise<string> => readFile(text(name), 'utf8');
  return {
    alipay: {
      appId: text('ALIPAY_APP_ID'),
      privateKey: await pem('ALIPAY_PRIVATE_KEY'),
      alipayPublicKey: await pem('ALIPAY_PUBLIC_KEY'),
      gateway: text('ALIPAY_GATEWAY'),
      sellerId: text('ALIPAY_SELLER_ID'),
      timeoutMs: TIMEOUT_MS,
    },
    wechat: {
      appId: text('WECHAT_APP_ID'),
      mchId: text('WECHAT_MCH_ID'),
      serial: text('WECHAT_SERIAL'),
      privateKey: await pem('WECHAT_PRIVATE_KEY'),
      apiV3Key: text('WECHAT_API_V3_KEY'),
      publicKeyId: text('WECHAT_PUBLIC_KEY_ID'),
      publicKey: await pem('WECHAT_PUBLIC_KEY'),
      baseUrl: text('WECHAT_BASE_URL'),
      timeoutMs: TIMEOUT_MS,
    },
    pingpp: {
      appId: text('PINGPP_APP_ID'),
      apiKey: text('PINGPP_API_KEY'),
      privateKey: await pem('PINGPP_PRIVATE_KEY'),
      publicKey: await pem('PINGPP_PUBLIC_KEY'),
      baseUrl: text('PINGPP_BASE_URL'),
      timeoutMs: TIMEOUT_MS,
    },
    stripe: {
      secretKey: text('STRIPE_SECRET_KEY'),
      webhookSecret: text('STRIPE_WEBHOOK_SECRET'),
      baseUrl: text('STRIPE_BASE_URL'),
      timeoutMs: TIMEOUT_MS,
    },
  };
}
