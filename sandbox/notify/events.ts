import type { Channel } from '../gateway.js';

/** What a notification says, in the provider's own fields. */
export type EventFacts = Readonly<Record<string, unknown>>;

/** What is done to the first delivery of a notification on its way; re-sends are left alone. */
export interface SendTreatment {
  /** The body is changed after signing. */
  readonly tamper: boolean;
  /** Signed by a key that is not the provider's. */
  readonly wrongKey: boolean;
  /** WeChat's probe: a signature that starts with `WECHATPAY/SIGNTEST/` and must be refused. */
  readonly signtest: boolean;
}

/** One notification: something that happened, to be delivered until the merchant acknowledges it. */
export interface NotificationEvent {
  /** The provider's id of the event, the same in each delivery (Alipay notify_id, WeChat id). */
  readonly eventId: string;
  readonly channel: Channel;
  /** Of a payout, the merchant's and the provider's number of that. */
  readonly outTradeNo: string;
  readonly tradeNo: string;
  readonly kind: 'payment' | 'refund' | 'payout' | 'dispute';
  readonly url: string;
  readonly facts: EventFacts;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly state: 'due' | 'acknowledged' | 'exhausted' | 'dropped';
  /** When the next delivery is due, epoch ms of the real clock. */
  readonly dueAt: number;
  /** Waits for another notification to go first. */
  readonly held: boolean;
  /** Deliveries made, extra ones included. */
  readonly attempts: number;
  /** How far the retry schedule has been used up. */
  readonly resends: number;
  /** Extra copies of the first delivery. */
  readonly duplicate: number;
  readonly treatment: SendTreatment;
}

/** One delivery attempt and how it was answered. */
export interface Delivery {
  readonly channel: Channel;
  readonly outTradeNo: string;
  readonly tradeNo: string;
  readonly eventId: string;
  readonly kind: NotificationEvent['kind'];
  readonly url: string;
  /** From 1. */
  readonly attempt: number;
  /** Epoch ms. */
  readonly sentAt: number;
  readonly durationMs: number;
  /** HTTP status; null when there was no answer. */
  readonly status: number | null;
  /** Why there was no answer. */
  readonly error: string | null;
  /** The answer's body. */
  readonly body: string | null;
  readonly acknowledged: boolean;
}

/** A message ready to be posted. */
export interface RenderedMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
