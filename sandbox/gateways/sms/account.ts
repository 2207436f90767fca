import { z } from 'zod';
import { account } from '../../values/keys.js';
import { base62, digits } from '../../values/random.js';

const credentials = z.object({
  aliyun: z.object({ accessKeyId: z.string(), accessKeySecret: z.string() }),
  tencent: z.object({ secretId: z.string(), secretKey: z.string(), appId: z.string() }),
});

/** The merchant's credentials at both providers; both sign with a shared secret. */
export type SmsAccount = z.infer<typeof credentials>;

export function loadAccount(folder: string): Promise<SmsAccount> {
  return account(folder, 'sms-account', credentials, () => ({
    aliyun: { accessKeyId: `LTAI${base62(20)}`, accessKeySecret: base62(30) },
    tencent: { secretId: `AKID${base62(32)}`, secretKey: base62(32), appId: `1400${digits(6)}` },
  }));
}
