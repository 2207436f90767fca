/** The local providers with a merchant who pays out, for tests: payouts asked for, ended, and looked at. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../sandbox/server.js';
import type { PayoutRequest } from './channel.js';
import { type Merchant, openMerchant } from './test-merchant.js';
import { makePayout } from './test-payouts.js';
import { type Receiver, startReceiver } from './test-receiver.js';

/** What the provider itself knows of a payout. */
export interface KnownPayout {
  payoutNo: string;
  amount: number;
  status: string;
  receiverName: string;
  paidAt: string;
}

export const RECEIVERS = {
  alipay: { no: 'seller@example.com', name: '沈括' },
  wechat: { no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', name: '沈括' },
} as const;

export interface PayoutBench {
  merchant: Merchant;
  receiver: Receiver;
  /** A payout of its own for each test; its notifications come to its own path. */
  request(name: keyof typeof RECEIVERS, changes?: Partial<PayoutRequest>): PayoutRequest;
  settle(payout: PayoutRequest, result: string): Promise<KnownPayout>;
  known(payout: PayoutRequest): Promise<KnownPayout[]>;
  close(): Promise<void>;
}

/** At a speed of 1000 a receiver has 86 s. */
export async function openPayoutBench(): Promise<PayoutBench> {
  const home = await mkdtemp(join(tmpdir(), 'payouts-'));
  const sandbox = await startSandbox({ home, port: 0, speed: 1_000 });
  const receiver = await startReceiver();
  const merchant = await openMerchant(sandbox, receiver);
  let made = 0;
  return {
    merchant,
    receiver,
    request(name, changes = {}) {
      made += 1;
      const payoutNo = `payouttest${String(made).padStart(8, '0')}`;
      const notifyUrl = receiver.urlFor(payoutNo);
      return makePayout({ payoutNo, account: RECEIVERS[name], notifyUrl, ...changes });
    },
    async settle({ payoutNo }, result) {
      const settled = await merchant.control('POST', `/payouts/${payoutNo}/settle`, { result });
      return settled as KnownPayout;
    },
    async known({ payoutNo }) {
      const found = await merchant.control('GET', `/payouts?outPayoutNo=${payoutNo}`);
      return (found as { data: KnownPayout[] }).data;
    },
    async close() {
      await sandbox.close();
      await receiver.stop();
      await rm(home, { recursive: true });
    },
  };
}
