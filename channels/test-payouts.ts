/** Payouts in tests: a request with its usual values, and the payout calls of a channel that has them. */
import { fen } from '../domain/money.js';
import type { Channel, PayoutRequest, PayoutState } from './channel.js';

export function makePayout(changes: Partial<PayoutRequest> = {}): PayoutRequest {
  return {
    payoutNo: '9f8e7d6c5b4a3921p1',
    amountFen: fen(530),
    currency: 'CNY',
    account: { no: 'seller@example.com', name: '沈括' },
    remark: '提现 100% & more',
    notifyUrl: 'http://127.0.0.1:9/webhooks/any',
    ...changes,
  };
}

export interface Payouts {
  payout: (request: PayoutRequest) => Promise<PayoutState>;
  queryPayout: (request: PayoutRequest) => Promise<PayoutState>;
  cancelPayout: (request: PayoutRequest) => Promise<PayoutState>;
}

export function payouts(channel: Channel): Payouts {
  const has = <T>(answer: T | undefined): T => {
    if (answer === undefined) throw new Error(`${channel.name} has no such call`);
    return answer;
  };
  return {
    payout: (request) => has(channel.payout?.(request)),
    queryPayout: (request) => has(channel.queryPayout?.(request)),
    cancelPayout: (request) => has(channel.cancelPayout?.(request)),
  };
}
