import type { Channel } from '../gateway.js';
import { Refusal } from './refusal.js';
import type { Store } from './store.js';

export type TradeStatus = 'unpaid' | 'paid' | 'closed' | 'failed' | 'refunded';

/** One trade as the provider knows it. Amounts in integer fen, times in epoch ms. */
export interface Trade {
  readonly channel: Channel;
  /** The provider's number (Alipay trade_no, WeChat transaction_id). */
  readonly tradeNo: string;
  /** The merchant's number. */
  readonly outTradeNo: string;
  /** How it was opened: `qr`, `jsapi`, `app`, `h5`, `page`, or `direct` for a trade without a merchant call. */
  readonly scene: string;
  /** What was asked for. */
  readonly amount: number;
  readonly currency: 'CNY';
  readonly subject: string;
  readonly body: string | null;
  /** The merchant's own text, given back in notifications (Alipay passback_params, WeChat attach). */
  readonly attach: string | null;
  readonly status: TradeStatus;
  /** What was paid, which a control call may make differ from `amount`. */
  readonly paidAmount: number | null;
  readonly refundedAmount: number;
  /** The buyer's id at the provider (Alipay user id, WeChat openid). */
  readonly buyer: string | null;
  readonly notifyUrl: string | null;
  readonly returnUrl: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly paidAt: number | null;
  readonly closedAt: number | null;
  /** Closed because its time ran out, not because anybody closed it. */
  readonly expired: boolean;
  /** The creating call's parameters in one canonical text, to tell a repeat from another order. */
  readonly request: string;
  /** What the buyer's device was given: `qrCode`, `codeUrl`, `prepayId`, `h5Url`. */
  readonly credential: Readonly<Record<string, string>>;
  readonly credentialAt: number;
}

/** What a gateway says about a new trade; the rest starts empty. */
export type NewTrade = Pick<
  Trade,
  | 'channel'
  | 'tradeNo'
  | 'outTradeNo'
  | 'scene'
  | 'amount'
  | 'subject'
  | 'body'
  | 'attach'
  | 'buyer'
  | 'notifyUrl'
  | 'returnUrl'
  | 'expiresAt'
  | 'request'
  | 'credential'
>;

/** The buyer's act. */
export interface Payment {
  readonly buyer: string;
  /** Epoch ms. */
  readonly paidAt: number;
  /** Integer fen. */
  readonly amount: number;
  /** Pay although it is closed, as a buyer on a slow cashier does. */
  readonly force: boolean;
}

const MAY_BECOME = {
  unpaid: ['paid', 'closed', 'failed'],
  paid: ['refunded'],
  closed: [],
  failed: [],
  refunded: [],
} as const satisfies Record<TradeStatus, readonly TradeStatus[]>;

const FORCED = ['closed', 'failed'] as const satisfies readonly TradeStatus[];

/** Providers that open a trade of its own each time, however often the merchant's number comes. */
export const TAKES_NUMBERS_AGAIN: ReadonlySet<Channel> = new Set<Channel>(['pingpp']);

/** The provider's trades. A trade whose time has run out is closed the next time anybody looks at it. */
export class TradeBook {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #keyByTradeNo = new Map<string, string>();
  readonly #keyByNumber = new Map<string, string>();

  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
    for (const trade of store.trades.values()) this.#index(trade);
  }

  /** By the merchant's number; the newest of several. */
  find(channel: Channel, outTradeNo: string): Trade | null {
    const key = this.#keyByNumber.get(numberOf({ channel, outTradeNo })) ?? '';
    return this.#current(this.#store.trades.get(key));
  }

  findByTradeNo(channel: Channel, tradeNo: string): Trade | null {
    const trade = this.#current(this.#store.trades.get(this.#keyByTradeNo.get(tradeNo) ?? ''));
    return trade?.channel === channel ? trade : null;
  }

  /** Newest first. */
  list(matches: (trade: Trade) => boolean): Trade[] {
    return [...this.#store.trades.values()]
      .filter(matches)
      .map((trade) => this.#expireIfDue(trade))
      .sort((a, b) => b.createdAt - a.createdAt);
  }

  /** @throws Refusal when the merchant's number is taken; callers look first. */
  open(details: NewTrade): Trade {
    const key = keyOf(details);
    if (this.#store.trades.get(key)) throw new Refusal('trade_exists', `Trade ${key} exists already.`);
    const now = this.#now();
    this.#index(details);
    const trade = this.#store.trades.set(key, {
      ...details,
      currency: 'CNY',
      status: 'unpaid',
      paidAmount: null,
      refundedAmount: 0,
      createdAt: now,
      paidAt: null,
      closedAt: null,
      expired: false,
      credentialAt: now,
    });
    return this.#expireIfDue(trade);
  }

  /** A fresh credential for the same trade; the old one is void. */
  renewCredential(trade: Trade, credential: Trade['credential']): Trade {
    return this.#save({ ...trade, credential, credentialAt: this.#now() });
  }

  returnTo(trade: Trade, returnUrl: string): Trade {
    return this.#save({ ...trade, returnUrl });
  }

  /** @throws Refusal `trade_paid`, `trade_closed`, `trade_failed` or `trade_refunded`. */
  pay(trade: Trade, payment: Payment): Trade {
    const forced = payment.force && FORCED.some((status) => status === trade.status);
    const paid = {
      paidAmount: payment.amount,
      buyer: payment.buyer,
      paidAt: payment.paidAt,
      closedAt: null,
      expired: false,
    };
    return this.#moveTo(trade, 'paid', paid, forced);
  }

  close(trade: Trade): Trade {
    return this.#moveTo(trade, 'closed', { closedAt: this.#now() });
  }

  fail(trade: Trade): Trade {
    return this.#moveTo(trade, 'failed', { closedAt: this.#now() });
  }

  /** Where a payment that failed leaves the trade open for another try. */
  reopen(trade: Trade): Trade {
    return this.#moveTo(trade, 'unpaid', { closedAt: null }, trade.status === 'failed');
  }

  /** Adds to what went back to the buyer; all of it back makes the trade `refunded`. */
  refund(trade: Trade, amount: number): Trade {
    const refundedAmount = trade.refundedAmount + amount;
    if (refundedAmount === trade.paidAmount) return this.#moveTo(trade, 'refunded', { refundedAmount });
    return this.#save({ ...trade, refundedAmount });
  }

  #index(trade: Pick<Trade, 'channel' | 'outTradeNo' | 'tradeNo'>): void {
    const key = keyOf(trade);
    this.#keyByTradeNo.set(trade.tradeNo, key);
    this.#keyByNumber.set(numberOf(trade), key);
  }

  #moveTo(trade: Trade, status: TradeStatus, change: Partial<Trade>, forced = false): Trade {
    const allowed: readonly TradeStatus[] = MAY_BECOME[trade.status];
    if (!forced && !allowed.includes(status)) {
      throw new Refusal(
        `trade_${trade.status}`,
        `Trade ${trade.outTradeNo} is ${trade.status}, so it cannot become ${status}.`,
      );
    }
    return this.#save({ ...trade, ...change, status });
  }

  #save(trade: Trade): Trade {
    return this.#store.trades.set(keyOf(trade), trade);
  }

  #current(trade: Trade | undefined): Trade | null {
    return trade ? this.#expireIfDue(trade) : null;
  }

  #expireIfDue(trade: Trade): Trade {
    if (trade.status !== 'unpaid' || this.#now() < trade.expiresAt) return trade;
    return this.#moveTo(trade, 'closed', { closedAt: trade.expiresAt, expired: true });
  }
}

function keyOf(trade: Pick<Trade, 'channel' | 'outTradeNo' | 'tradeNo'>): string {
  return TAKES_NUMBERS_AGAIN.has(trade.channel) ? `${numberOf(trade)}:${trade.tradeNo}` : numberOf(trade);
}

function numberOf({ channel, outTradeNo }: Pick<Trade, 'channel' | 'outTradeNo'>): string {
  return `${channel}:${outTradeNo}`;
}
