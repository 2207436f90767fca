/** Buyers at the providers' cashiers, and what goes wrong between a provider and us. */
import type { ChannelName, Payment } from '../e2e/shop.js';
import type { Random } from '../notifications/random.js';
import { type GoodClient, codeOf, surprise } from './client.js';

export interface PayWish {
  /** Fen, when the buyer pays another amount than asked for. */
  amount?: number;
  /** Also when the trade was closed before, as a buyer on a slow cashier does. */
  force?: boolean;
  /** A loss would stay unnoticed until the books are compared, since nobody asks about the attempt any more. */
  neverLost?: boolean;
}

/** What may happen to one notification, with its weight. A loss is `notify: false`: nothing is ever sent. */
const TROUBLES: readonly [weight: number, fault: (random: Random) => object | null][] = [
  [55, () => null],
  [12, (random) => ({ duplicate: 1 + random.below(3) })],
  [10, (random) => ({ delayMs: 200 + random.below(4_000) })],
  [8, () => ({ reorder: true })],
  [6, () => ({ tamper: true })],
  [4, () => ({ wrongKey: true })],
  [5, () => ({ wrongAmount: true })],
];
const LOSS_SHARE = 0.06;

function troubleOf(random: Random): object | null {
  const total = TROUBLES.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.below(total);
  for (const [weight, fault] of TROUBLES) {
    if (left < weight) return fault(random);
    left -= weight;
  }
  return null;
}

export interface Cashier {
  /** @returns false when there is no such trade, or it cannot be paid any more */
  pay(random: Random, payment: Payment, wish?: PayWish): Promise<boolean>;
}

/**
 * One payment after another at each channel, so that a fault meets the payment that it is meant for.
 * @param sandbox its control API, by a client that repeats: a payment that is made already counts as made
 */
export function openCashier(sandbox: GoodClient): Cashier {
  const turns = new Map<string, Promise<unknown>>();

  async function payNow(random: Random, payment: Payment, wish: PayWish): Promise<boolean> {
    const { channel, outTradeNo } = payment;
    const { amount, force = false, neverLost = false } = wish;
    const isLost = !neverLost && random.chance(LOSS_SHARE);
    const trouble = troubleOf(random);
    // What is left over from others must not hit what may not be lost.
    if (neverLost) await sandbox.delete(`/faults?channel=${channel}`);
    else if (trouble !== null && !isLost) await sandbox.post('/faults', { channel, ...trouble, times: 1 });
    const body = { force, notify: !isLost, ...(amount !== undefined && { amount }) };
    const answer = await sandbox.post(`/trades/${outTradeNo}/pay?channel=${channel}`, body);
    if (answer.status === 200) return true;
    const code = codeOf(answer) ?? '';
    // The first try was made, and its answer got lost.
    if (code === 'trade_paid' || code === 'trade_refunded') return true;
    if (['trade_closed', 'trade_failed', 'trade_not_found'].includes(code)) return false;
    throw surprise(`paying ${outTradeNo}`, answer);
  }

  return {
    pay: (random, payment, wish = {}) => {
      const before = turns.get(payment.channel) ?? Promise.resolve();
      const mine = before.then(() => payNow(random, payment, wish));
      turns.set(
        payment.channel,
        mine.catch(() => undefined),
      );
      return mine;
    },
  };
}

/** Providers that fail, hang or do not answer for a moment, beside what happens to notifications. */
export async function badWeather(random: Random, sandbox: GoodClient): Promise<void> {
  const channel = random.pick<ChannelName>(['alipay', 'wechat']);
  const operation = random.pick(['create', 'query', 'close', 'refund', 'refundQuery']);
  const trouble = random.pick([
    { errorRate: 0.5, times: 4 },
    { hangMs: 800, times: 3 },
    { requestTimeout: true, times: 1 },
  ]);
  const answer = await sandbox.post('/faults', { channel, operation, ...trouble });
  if (answer.status !== 201) throw surprise('a fault', answer);
}
