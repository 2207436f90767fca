import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { account, rsaPair, throwawayKey, type RsaPair } from '../../values/keys.js';
import { base62 } from '../../values/random.js';

const ids = z.object({
  appId: z.string(),
  /** Of test mode, as everything here: no charge and no event says that it is live. */
  apiKey: z.string(),
});

/** Who is who at this Ping++, and both sides' keys. */
export interface PingppAccount extends z.infer<typeof ids> {
  /** The merchant's key, for its calls. */
  readonly merchant: RsaPair;
  /** Ping++'s own key, for its events. */
  readonly provider: RsaPair;
  /** A key that is nobody's, for the `wrongKey` fault. */
  readonly forgersKey: () => Promise<KeyObject>;
}

export async function loadAccount(folder: string): Promise<PingppAccount> {
  const [known, merchant, provider] = await Promise.all([
    account(folder, 'pingpp-account', ids, () => ({
      appId: `app_${base62(16)}`,
      apiKey: `sk_test_${base62(24)}`,
    })),
    rsaPair(folder, 'pingpp-merchant'),
    rsaPair(folder, 'pingpp'),
  ]);
  let forged: Promise<KeyObject> | null = null;
  return { ...known, merchant, provider, forgersKey: () => (forged ??= throwawayKey()) };
}
