import type { Express } from 'express';
import type { BillDesk } from './bills/desk.js';
import type { Faults } from './notify/faults.js';
import type { EventFacts, NotificationEvent, RenderedMessage, SendTreatment } from './notify/events.js';
import type { Payout, PayoutDesk } from './state/payouts.js';
import type { Dispute } from './state/disputes.js';
import type { Refund, RefundDesk } from './state/refunds.js';
import type { Store } from './state/store.js';
import type { Trade, TradeBook } from './state/trades.js';

/** The channels whose providers are here, by the names that the product uses. */
export const CHANNELS = ['alipay', 'wechat', 'pingpp', 'stripe'] as const;
export type Channel = (typeof CHANNELS)[number];

/** The providers of SMS; they are no channels, since no money goes by them. */
export const SMS_PROVIDERS = ['aliyun', 'tencent'] as const;
export type SmsProvider = (typeof SMS_PROVIDERS)[number];

/** What a gateway is given to work with. */
export interface GatewayContext {
  /** Folder for its keys. */
  readonly folder: string;
  /** Where it is reached, without a trailing slash: `http://127.0.0.1:3101`. */
  readonly baseUrl: string;
  /** Where a buyer's browser finds the cashier page of a trade. */
  readonly cashierUrl: (tradeNo: string) => string;
  /** Where the merchant wants to be told, at providers that keep one address for all events. */
  readonly webhookUrl: () => string;
  readonly store: Store;
  readonly trades: TradeBook;
  readonly refunds: RefundDesk;
  readonly payouts: PayoutDesk;
  readonly bills: BillDesk;
  readonly faults: Faults;
  /** Provider time in epoch ms. Signatures and their time windows use the real clock. */
  readonly now: () => number;
  /** Told of errors that are the sandbox's own. */
  readonly report: (error: unknown) => void;
}

/** One provider: its HTTP API, its words for things, and how it tells the merchant what happened. */
export interface Gateway {
  readonly channel: Channel;
  /** The provider's API, to be served on the gateway's own port. */
  readonly app: Express;
  /** What `GET /keys` shows: public keys, merchant ids, paths; never a secret. */
  readonly publicFacts: Readonly<Record<string, string>>;
  /** The product's environment variables for this provider, by their exact names. */
  readonly merchantEnvironment: Readonly<Record<string, string>>;
  /** How long a trade waits for its buyer when the merchant set no limit, in ms. */
  readonly tradeLifeMs: number;
  newTradeNo(): string;
  /** The id of a buyer who did not say who he is. */
  newBuyer(): string;
  /** The provider's own word for the trade's status. */
  providerStatus(trade: Trade): string;
  /**
   * The buyer's app opens what the merchant handed it.
   * @param strings every text inside the credential
   * @throws Refusal when it is nothing that this provider would open
   */
  openCredential(strings: readonly string[]): Trade;
  /** Where the buyer's browser goes after paying; null when it stays on the cashier page. */
  returnUrl(trade: Trade): string | null;
  readonly notifications: NotificationWire;
}

/** How one provider tells of disputes. */
export interface DisputeWire {
  newDisputeNo(): string;
  /** What the notification says; kept with the event, so that every delivery says the same. */
  facts(dispute: Dispute, twist: Twist): EventFacts;
}

/** How one provider tells of payouts. */
export interface PayoutWire {
  /** Its own word for the payout's status. */
  providerStatus(payout: Payout): string;
  /** Whether what became of a payout is told of; `asked` is what the settling call said, null when nothing. */
  tellsOf(payout: Payout, asked: boolean | null): boolean;
  /** What the notification says; kept with the event, so that every delivery says the same. */
  facts(payout: Payout, twist: Twist): EventFacts;
}

/** What is wrong with what a notification says, although its signature is right. */
export interface Twist {
  readonly wrongMerchant: boolean;
}

/** How one provider notifies. */
export interface NotificationWire {
  /** Pauses before each further delivery, counted from the one before, in ms of provider time. */
  readonly retryDelaysMs: readonly number[];
  /** How long the provider waits for the merchant's answer, in ms of real time. */
  readonly answerWithinMs: number;
  newEventId(): string;
  /** What the notification says; kept with the event, so that every delivery says the same. */
  facts(trade: Trade, refund: Refund | null, twist: Twist): EventFacts;
  /** Whether a settled refund is told of; `asked` is what the settling call said, null when nothing. */
  tellsOfRefund(refund: Refund, trade: Trade, asked: boolean | null): boolean;
  /** How disputes are told of; left out where the provider has none. */
  readonly disputes?: DisputeWire;
  /** How payouts are told of; left out where the provider pays nothing out. */
  readonly payouts?: PayoutWire;
  /** Signs the event for one delivery. */
  render(event: NotificationEvent, treatment: SendTreatment): Promise<RenderedMessage>;
  /** Whether the merchant's answer ends the deliveries. */
  acknowledges(status: number, body: string): boolean;
}
