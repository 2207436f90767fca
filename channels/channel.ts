/**
 * What a payment channel is to the rest of the product: one object per provider. Optional methods are its
 * capabilities. Everything a provider says is checked and translated here; an unknown provider status is
 * pending, never paid.
 */
import type { Fen } from '../domain/money.js';
import type { ProviderChannel, Scene } from '../domain/order.js';

/** What the payer's device needs: a QR text, a URL, or the parameters of the provider's client library. */
export type Credential = Record<string, string>;

/** An attempt as we know it: its credential is null where it was never posted, or its posting had no answer. */
export interface KnownAttempt {
  outTradeNo: string;
  /** What the last `create` answered: it holds the provider's own numbers where it cannot be asked by ours. */
  credential: Credential | null;
  /** When it was made, before it was first posted. */
  createdAt: Date;
}

/** One payment attempt, as a provider needs it. The number and the expiry never change between calls. */
export interface Attempt extends KnownAttempt {
  scene: Scene;
  amountFen: Fen;
  currency: 'CNY';
  /** At most 127 characters are shown by every provider. */
  subject: string;
  /** Absolute; the provider refuses payments after it. At Stripe a trade stays open until it is closed. */
  expiresAt: Date;
  /** Where the provider sends its notification. */
  notifyUrl: string;
  /** jsapi only: the payer as the provider knows them. */
  openid?: string;
  /** h5 only. */
  clientIp?: string;
  /** page and h5: where the payer's browser goes afterwards. */
  returnUrl?: string;
}

/** A payment that the provider has verified. Its facts are compared with the attempt's before money moves. */
export interface ProviderPayment {
  outTradeNo: string;
  /** The provider's own number: with the channel's name it is the key of the money. */
  providerTradeNo: string;
  amountFen: Fen;
  currency: string;
  /** The merchant that the provider says was paid: equal to the channel's `merchant` or the money is not ours. */
  merchant: string;
  paidAt: Date;
}

export type TradeState =
  | { state: 'paid'; payment: ProviderPayment }
  /** No trade yet, or the payer has not paid: both can still be paid. */
  | { state: 'unpaid' }
  | { state: 'closed' }
  /** A word that this version does not know: asked again later. */
  | { state: 'unknown'; providerStatus: string };

/** One refund, as a provider needs it. Nothing of it ever changes between calls, least of all the number. */
export interface RefundRequest {
  /** The attempt whose payment is refunded, in full or in part. */
  outTradeNo: string;
  /** The provider's number of that payment. */
  providerTradeNo: string;
  /** Ours: at most 64 letters, digits and `_`. Whatever is asked with it is refunded once. */
  refundNo: string;
  amountFen: Fen;
  /** The whole amount of the attempt's payment, whatever was refunded of it before. */
  capturedFen: Fen;
  currency: 'CNY';
  /** The payer may be shown it: 256 characters of it at Alipay, 80 at WeChat Pay. */
  reason: string;
  /** Where the refund's notification goes. Alipay has no such thing, and posts the payment's to its own address. */
  notifyUrl: string;
}

/**
 * Keeps a refund from being posted twice at the same time where its provider would make two of it: what may be under
 * way is on record, over crashes too. A posting without an answer counts as under way for half a minute.
 */
export interface Posting {
  /** Right before it is posted. False while another posting may be under way, one without an answer: then wait. */
  begin(): Promise<boolean>;
  /** The provider has answered, whatever it said: nothing is under way any more. */
  end(): Promise<void>;
}

export type RefundState =
  /** The provider's own number of the refund; Alipay has none and goes by ours. */
  | { state: 'succeeded'; providerRefundNo: string; settledAt: Date }
  /** Accepted and under way: asked again later. */
  | { state: 'processing' }
  /** Ended without reaching the payer. `ABNORMAL` at WeChat Pay: the money is stuck there, and a person must act. */
  | { state: 'failed'; providerStatus: string }
  /**
   * Neither refunded nor failed for certain: the provider shows no such refund (it never came, or came to
   * nothing), or says a word that this version does not know. The same refund may be posted again; a new number
   * could refund twice.
   */
  | { state: 'unknown'; providerStatus: string };

/** One payout, as a provider needs it. Nothing of it ever changes between calls, least of all the number. */
export interface PayoutRequest {
  /** Ours: 16 to 32 letters and digits. Whatever is asked with it is paid once. */
  payoutNo: string;
  amountFen: Fen;
  currency: 'CNY';
  /**
   * Who receives it, as the provider knows them: a login or user id at Alipay, an openid at WeChat Pay, `acct_...` at
   * Stripe.
   */
  account: { no: string; name: string };
  /** The receiver may be shown it. */
  remark: string;
  notifyUrl: string;
}

export type PayoutState =
  | { state: 'paid'; providerPayoutNo: string; paidAt: Date }
  /** Accepted and under way: asked again later. */
  | { state: 'processing' }
  /** WeChat Pay: the receiver has 24 hours to take it, with this package, in their own app. */
  | { state: 'awaiting_receiver'; packageInfo: string }
  /** Ended, and the money is ours again: the only answer on which it goes back to its owner (promise M9). */
  | { state: 'failed'; providerStatus: string; message: string }
  /** It was paid, and the receiver's bank sent it back. */
  | { state: 'bounced'; providerStatus: string; message: string }
  /** The provider shows no such payout (yet), or says a word that this version does not know: never a failure. */
  | { state: 'unknown'; providerStatus: string };

/** One line of a provider's bill, in our words. A payout that came back has a second line, which says `failed`. */
export interface BillRow {
  kind: 'payment' | 'refund' | 'payout';
  /** Ours: the attempt's `outTradeNo`, the refund's or the payout's number. */
  no: string;
  /** For a refund, the attempt whose payment it gives back. */
  outTradeNo?: string;
  providerNo: string;
  /** Never negative: the kind says which way the money went. */
  amountFen: Fen;
  /** What the provider keeps; negative where it gives a part of it back. */
  feeFen: number;
  status: 'succeeded' | 'failed' | 'processing' | 'unknown';
  at: Date;
}

export type Notification = {
  /** Constant over the provider's re-sends of one event, where the provider promises that. */
  eventKey: string;
  /** Empty when the event is about none of our payments, such as a payout. */
  outTradeNo: string;
  /** The provider's words, for people: no secrets in it. */
  facts: Record<string, string>;
} & (
  | { kind: 'paid'; payment: ProviderPayment }
  /** Something became of a refund. A hint: what became of it is asked for, and nothing moves on this alone. */
  | { kind: 'refund'; refundNo: string; providerStatus: string }
  /** Something became of a payout. A hint likewise. */
  | { kind: 'payout'; payoutNo: string; providerStatus: string }
  /** The payer's bank takes the money back, or has decided about it. `amount` is in its currency's smallest unit. */
  | {
      kind: 'dispute';
      dispute: {
        disputeNo: string;
        providerTradeNo: string;
        amount: number;
        currency: string;
        status: 'opened' | 'won' | 'lost';
        reason: string;
      };
    }
  /** Closed, failed, a refund without a number of ours, ...: kept, and never un-pays an order (promise M7). */
  | { kind: 'other'; providerStatus: string }
);

export interface RawNotification {
  body: Buffer;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  receivedAt: Date;
}

export interface Acknowledgement {
  status: number;
  contentType: string;
  body: string;
}

export interface Channel {
  name: ProviderChannel;
  /** Who we are to the provider, such as an app id and a seller id joined by `/`. */
  merchant: string;
  scenes: readonly Scene[];
  defaultScene: Scene;
  /** How long a credential can be used after it was made; then the same attempt is posted again. */
  credentialLivesMs(scene: Scene): number;
  /**
   * Opens the trade; the same attempt may be posted again and opens no second one, but at Ping++, where two charges
   * of one number may come of it, and the payment of the second goes back. The credential is `{qrCode}`,
   * `{orderString}`, `{url}` or `{tradeNo}` at Alipay; `{codeUrl}`, `{h5Url}`, or the parameters of
   * `wx.requestPayment` or of the mobile SDK at WeChat Pay; `{chargeId, charge}` at Ping++, the latter as JSON for its
   * client library, and `{qrCode}` or `{url}` beside it where there is one; at Stripe `{paymentIntent}` and beside it
   * `{qrCode}`, `{url}` or `{clientSecret}`.
   * @throws HoldfastError `invalid_request`: the scene needs an openid, a clientIp or a returnUrl
   * @throws HoldfastError `scene_not_supported`
   * @throws HoldfastError `channel_refused`: the provider said no, for good
   * @throws HoldfastError `channel_unknown_outcome`: time-out, 5xx, an answer that fails verification
   */
  create(attempt: Attempt): Promise<Credential>;
  /** @throws HoldfastError `channel_unknown_outcome` */
  query(attempt: KnownAttempt): Promise<TradeState>;
  /** Whether an unpaid trade of this scene can be closed at the provider, so that nobody pays it any more. */
  canClose(scene: Scene): boolean;
  /**
   * Closes an unpaid trade. Answers what the trade is afterwards: `paid` when the payer was faster, and
   * `unpaid` when the provider has no such trade (yet), so that nothing was closed and money may still come
   * until the attempt's expiry.
   * @throws HoldfastError `channel_unknown_outcome`
   */
  close(attempt: KnownAttempt): Promise<TradeState>;
  /**
   * Refunds a payment, in full or in part; the same number again refunds once and tells how it stands. May take
   * two calls of the provider, each with its own deadline.
   * @throws HoldfastError `channel_refused`: the provider said no for good, and shows no refund of this number,
   * so no money moved or will move
   * @throws HoldfastError `channel_unknown_outcome`: everything else, such as a balance that is too low today.
   * The same refund is posted again later
   */
  refund?(request: RefundRequest, posting: Posting): Promise<RefundState>;
  /** @throws HoldfastError `channel_unknown_outcome` */
  queryRefund?(request: RefundRequest): Promise<RefundState>;
  /**
   * Pays money out; the same number again pays once and tells how it stands.
   * @throws HoldfastError `channel_refused`: the provider said no for good, and shows no payout of this number
   * @throws HoldfastError `channel_unknown_outcome`: everything else, such as our balance being too low today. The
   * same payout is posted again later
   */
  payout?(request: PayoutRequest): Promise<PayoutState>;
  /** @throws HoldfastError `channel_unknown_outcome` */
  queryPayout?(request: PayoutRequest): Promise<PayoutState>;
  /** Takes back a payout that its receiver has not taken; answers how it stands afterwards. */
  cancelPayout?(request: PayoutRequest): Promise<PayoutState>;
  /**
   * The provider's bill of one day in China, row by row, so that no bill is ever whole in memory.
   * @param date such as `2026-11-23`
   * @throws HoldfastError `bill_not_ready`: the provider has not made it yet
   * @throws HoldfastError `channel_unknown_outcome`
   */
  bill?(date: string): AsyncIterable<BillRow>;
  /**
   * Verifies on the raw bytes and translates. Nothing in the body counts before the signature does.
   * @throws HoldfastError `notification_refused`, with `details.reason` out of a closed list (RefusalReason)
   */
  verifyNotification(raw: RawNotification): Notification;
  /**
   * `success` once the notification is stored; `failure` for one that was refused. When the fault is ours, the
   * failure's body goes out with 503: the provider sends again either way.
   */
  acknowledgement: { success: Acknowledgement; failure: Acknowledgement };
}
