/**
 * What an SMS provider is to the rest of the product. No provider of SMS knows an idempotency key, so a message is
 * posted once, carries a number of ours, and is looked for by that number when its answer got lost.
 */
import { HoldfastError } from '../domain/errors.js';
import { type AliyunSmsConfig, createAliyunSms } from './sms-aliyun.js';
import { type TencentSmsConfig, createTencentSms } from './sms-tencent.js';

const SMS_PROVIDERS = ['aliyun', 'tencent'] as const;
export type SmsProviderName = (typeof SMS_PROVIDERS)[number];

export interface SmsMessage {
  /** Ours: the order's number and the step's path. It comes back with what became of the message. */
  key: string;
  /** As the order names it: a mobile number of China, or one with its country's code after `+` or `00`. */
  mobile: string;
  sign: string;
  /** The provider's own number of the template. */
  template: string;
  params: Readonly<Record<string, string>>;
  /** For a provider that takes values by position: their names in the template's order. */
  paramNames: readonly string[];
}

export type Posted =
  | { state: 'sent'; providerMessageId: string }
  /** Not taken for certain, and the same message would be refused again. */
  | { state: 'refused'; code: string; message: string }
  /** Not taken for certain, but it may be later: the provider is busy, or cannot be reached at all. */
  | { state: 'later'; code: string; message: string };

export type SmsState =
  /** Taken; the number of the message is null where the provider does not tell it here. */
  | { state: 'sent'; providerMessageId: string | null }
  /** Taken, and lost on its way to the phone. */
  | { state: 'failed'; code: string }
  /** Not shown: it was never taken, or is not shown yet. */
  | { state: 'unknown' };

export interface SmsProvider {
  /** How long a message that was taken may not be shown by `query`, in ms. */
  showsWithinMs: number;
  /** @throws HoldfastError `channel_unknown_outcome`: it may have been taken */
  send(message: SmsMessage): Promise<Posted>;
  /**
   * @param postedAt when the message was posted, give or take a minute
   * @throws HoldfastError `channel_unknown_outcome`: the question was not answered
   */
  query(message: SmsMessage, postedAt: Date): Promise<SmsState>;
}

export interface SmsConfig {
  aliyun?: AliyunSmsConfig | undefined;
  tencent?: TencentSmsConfig | undefined;
}

/** The providers that this installation has credentials for. */
export type SmsProviders = Readonly<Partial<Record<SmsProviderName, SmsProvider | undefined>>>;

/** The clients are loaded when the first message goes out: they take a second and 40 MB. */
export function createSmsProviders(config: SmsConfig): SmsProviders {
  return {
    aliyun: config.aliyun && createAliyunSms(config.aliyun),
    tencent: config.tencent && createTencentSms(config.tencent),
  };
}

/** @throws HoldfastError `channel_not_configured` */
export function smsProviderNamed(providers: SmsProviders, name: string): SmsProvider {
  const known = SMS_PROVIDERS.find((one) => one === name);
  const provider = known === undefined ? undefined : providers[known];
  if (provider === undefined) {
    throw new HoldfastError('channel_not_configured', {
      message: `this installation has no credentials for SMS by ${name}`,
      details: { channel: name },
    });
  }
  return provider;
}
