/** Orders of courses, as front ends that call the provider themselves know them. */

/** A number with two parts of the order's own: what a front end hands to a provider. */
const TRADE_NO = /^([1-9]\d{0,14})-[0-9a-f]{4}-[0-9a-f]{4}$/;

/** Providers that a front end may hand a trade number to. */
export const RELAYED_CHANNELS = ['alipay', 'wechat'] as const;
export type RelayedChannel = (typeof RELAYED_CHANNELS)[number];

/** Who is paid where this installation has no credentials of the channel, and goes by the relay's signature alone. */
export const RELAY_MERCHANT = 'relay';

/** Letters and hyphens: WeChat Pay takes them, Alipay's own rules have letters, digits and `_` alone. */
export function tradeNoOf({ seq, orderNo }: { seq: number; orderNo: string }): string {
  return `${seq}-${orderNo.slice(0, 4)}-${orderNo.slice(4, 8)}`;
}

/** @returns the order's number in its sequence; whether the rest is right, `tradeNoOf` says */
export function seqOf(tradeNo: string): number | undefined {
  const digits = TRADE_NO.exec(tradeNo)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
