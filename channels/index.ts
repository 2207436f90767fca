import { HoldfastError } from '../domain/errors.js';
import type { ProviderChannel } from '../domain/order.js';
import { type AlipayConfig, createAlipay } from './alipay.js';
import type { Channel } from './channel.js';
import { type PingppConfig, createPingpp } from './pingpp.js';
import { type StripeConfig, createStripe } from './stripe.js';
import { type WechatConfig, createWechat } from './wechat.js';

export interface ChannelsConfig {
  alipay?: AlipayConfig | undefined;
  wechat?: WechatConfig | undefined;
  pingpp?: PingppConfig | undefined;
  stripe?: StripeConfig | undefined;
}

/** The channels that this installation has credentials for. */
export type Channels = Readonly<Record<ProviderChannel, Channel | undefined>>;

export function createChannels(config: ChannelsConfig): Channels {
  return {
    alipay: config.alipay && createAlipay(config.alipay),
    wechat: config.wechat && createWechat(config.wechat),
    pingpp: config.pingpp && createPingpp(config.pingpp),
    stripe: config.stripe && createStripe(config.stripe),
  } satisfies Record<ProviderChannel, Channel | undefined>;
}

/** @throws HoldfastError `channel_not_configured` */
export function channelNamed(channels: Channels, name: ProviderChannel): Channel {
  const channel = channels[name];
  if (channel === undefined) {
    throw new HoldfastError('channel_not_configured', {
      message: `this installation has no credentials for ${name}`,
      details: { channel: name },
    });
  }
  return channel;
}
