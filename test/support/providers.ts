/** The local payment providers, with channels that speak to them: real signatures both ways, over the loopback. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Channels, type ChannelsConfig, createChannels } from '../../channels/index.js';
import { type SmsProviders, createSmsProviders } from '../../channels/sms.js';
import { readConfig } from '../../config.js';
import { startSandbox } from '../../sandbox/server.js';

export interface Providers {
  channels: Channels;
  sms: SmsProviders;
  /** Where the sandbox keeps its providers' keys. */
  home: string;
  /** A call of the sandbox's control port, such as `('POST', '/trades/x/pay', {})`. */
  control: (method: string, route: string, body?: object) => Promise<unknown>;
  close: () => Promise<void>;
}

/** So that tests wait little for an answer that never comes. */
const HASTY = { timeoutMs: 1_500, showsWithinMs: 1_000 };

/** The same credentials, with another deadline for a call. */
function hurried({ alipay, wechat, pingpp, stripe }: ChannelsConfig, timeoutMs: number): ChannelsConfig {
  return {
    alipay: alipay && { ...alipay, timeoutMs },
    wechat: wechat && { ...wechat, timeoutMs },
    pingpp: pingpp && { ...pingpp, timeoutMs },
    stripe: stripe && { ...stripe, timeoutMs },
  };
}

/**
 * @param now the providers' clock, epoch ms
 * @param timeoutMs how long the channels wait for an answer; as in production when left out
 */
export async function startProviders(now: () => number = Date.now, timeoutMs?: number): Promise<Providers> {
  const home = await mkdtemp(path.join(tmpdir(), 'holdfast-providers-'));
  const sandbox = await startSandbox({ home, port: 0, speed: 1_000, now });
  const merchant = JSON.parse(await readFile(sandbox.merchantFile, 'utf8')) as Record<string, string>;
  const { channels, sms } = readConfig({ ...merchant, DATABASE_URL: 'postgres://127.0.0.1/none' });
  return {
    home,
    channels: createChannels(timeoutMs === undefined ? channels : hurried(channels, timeoutMs)),
    sms: createSmsProviders({
      aliyun: sms.aliyun && { ...sms.aliyun, ...HASTY },
      tencent: sms.tencent && { ...sms.tencent, ...HASTY },
    }),
    control: async (method, route, body) => {
      const response = await fetch(`http://127.0.0.1:${sandbox.port}${route}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
    close: async () => {
      await sandbox.close();
      await rm(home, { recursive: true });
    },
  };
}
