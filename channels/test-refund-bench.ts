/** The local providers with a merchant who refunds, for tests: payments made, refunds ended, and looked at. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fen } from '../domain/money.js';
import { startSandbox } from '../sandbox/server.js';
import type { Attempt, RefundRequest } from './channel.js';
import { type Merchant, type MerchantChannel, openMerchant } from './test-merchant.js';
import { type Receiver, startReceiver } from './test-receiver.js';

/** What the provider itself knows of a refund. */
export interface KnownRefund {
  refundNo: string;
  amount: number;
  status: string;
  createdAt: string;
  settledAt: string;
}

/** An attempt that its provider knows: by which number, and how we ask about it. */
export type Opened = Attempt & { tradeNo: string };

export interface RefundBench {
  merchant: Merchant;
  receiver: Receiver;
  opened(name: MerchantChannel): Promise<Opened>;
  paid(name: MerchantChannel): Promise<Opened>;
  /** @param suffix makes the refund's number out of the attempt's */
  part(attempt: Opened, amount: number, suffix?: string): RefundRequest;
  whole(attempt: Opened): RefundRequest;
  settle(refundNo: string, result: string, more?: object): Promise<KnownRefund>;
  known(attempt: Attempt): Promise<KnownRefund[]>;
  /** What went back of the attempt, in fen. */
  refunded(attempt: Attempt): Promise<number>;
  close(): Promise<void>;
}

export async function openRefundBench(): Promise<RefundBench> {
  const home = await mkdtemp(join(tmpdir(), 'refunds-'));
  const sandbox = await startSandbox({ home, port: 0, speed: 1_000 });
  const receiver = await startReceiver();
  const merchant = await openMerchant(sandbox, receiver);
  const bench: RefundBench = {
    merchant,
    receiver,
    async opened(name) {
      const attempt = merchant.attempt('qr');
      const credential = await merchant.channels[name].create(attempt);
      const trade = await merchant.control('GET', `/trades/${attempt.outTradeNo}`);
      return { ...attempt, credential, tradeNo: (trade as { tradeNo: string }).tradeNo };
    },
    async paid(name) {
      const attempt = await bench.opened(name);
      await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify: false });
      return attempt;
    },
    part(attempt, amount, suffix = 'r1') {
      const refundNo = `${attempt.outTradeNo}${suffix}`;
      return {
        outTradeNo: attempt.outTradeNo,
        providerTradeNo: attempt.tradeNo,
        refundNo,
        amountFen: fen(amount),
        capturedFen: attempt.amountFen,
        currency: 'CNY',
        reason: '课程取消 100% & more',
        notifyUrl: receiver.urlFor(refundNo),
      };
    },
    whole: (attempt) => bench.part(attempt, attempt.amountFen),
    async settle(refundNo, result, more = {}) {
      const settled = await merchant.control('POST', `/refunds/${refundNo}/settle`, { result, ...more });
      return settled as KnownRefund;
    },
    async known({ outTradeNo }) {
      const found = await merchant.control('GET', `/refunds?outTradeNo=${outTradeNo}`);
      return (found as { data: KnownRefund[] }).data;
    },
    async refunded({ outTradeNo }) {
      const trade = await merchant.control('GET', `/trades/${outTradeNo}`);
      return (trade as { refundedAmount: number }).refundedAmount;
    },
    async close() {
      await sandbox.close();
      await receiver.stop();
      await rm(home, { recursive: true });
    },
  };
  return bench;
}
