import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { account, rsaPair, throwawayKey, type RsaPair } from '../../values/keys.js';
import { base62, digits, hex } from '../../values/random.js';

const ids = z.object({
  appId: z.string(),
  mchId: z.string(),
  /** Serial number of the merchant's API certificate. */
  serial: z.string(),
  /** 32 ASCII characters: the AES-256 key of notifications. */
  apiV3Key: z.string().length(32),
  publicKeyId: z.string(),
});

/** Who is who at this WeChat Pay, and both sides' keys. */
export interface WechatAccount extends z.infer<typeof ids> {
  /** The merchant's API key. */
  readonly merchant: RsaPair;
  /** WeChat Pay's own key, in public-key mode. */
  readonly provider: RsaPair;
  /** A key that is nobody's, for the `wrongKey` fault. */
  readonly forgersKey: () => Promise<KeyObject>;
}

export async function loadAccount(folder: string): Promise<WechatAccount> {
  const [known, merchant, provider] = await Promise.all([
    account(folder, 'wechat-account', ids, () => ({
      appId: `wx${hex(16)}`,
      mchId: `19${digits(8)}`,
      serial: hex(40).toUpperCase(),
      apiV3Key: base62(32),
      publicKeyId: `PUB_KEY_ID_01${digits(34)}`,
    })),
    rsaPair(folder, 'wechat-merchant'),
    rsaPair(folder, 'wechat'),
  ]);
  let forged: Promise<KeyObject> | null = null;
  return { ...known, merchant, provider, forgersKey: () => (forged ??= throwawayKey()) };
}
