/** A WeChat Pay trade, as the query answers it and as a notification carries it: the same object. */
import { z } from 'zod';
import { fen } from '../domain/money.js';
import type { ProviderPayment } from './channel.js';

export const tradeSchema = z.object({
  appid: z.string().optional(),
  mchid: z.string().optional(),
  out_trade_no: z.string(),
  transaction_id: z.string().optional(),
  trade_state: z.string(),
  success_time: z.string().optional(),
  amount: z.object({ total: z.number().optional(), currency: z.string().optional() }).optional(),
});

export type WechatTrade = z.infer<typeof tradeSchema>;

// What a trade needs to be money. Amounts come as integer fen.
const paidSchema = z.object({
  appid: z.string(),
  mchid: z.string(),
  out_trade_no: z.string().min(1),
  transaction_id: z.string().min(1),
  success_time: z.iso.datetime({ offset: true }),
  amount: z.object({ total: z.int().nonnegative(), currency: z.string().default('CNY') }),
});

/** The payment of a trade whose state says that it was paid; undefined when a fact is missing or unreadable. */
export function toPayment(trade: WechatTrade): ProviderPayment | undefined {
  const paid = paidSchema.safeParse(trade);
  if (!paid.success) return undefined;
  const { appid, mchid, out_trade_no, transaction_id, success_time, amount } = paid.data;
  return {
    outTradeNo: out_trade_no,
    providerTradeNo: transaction_id,
    amountFen: fen(amount.total),
    currency: amount.currency,
    merchant: toMerchant(appid, mchid),
    paidAt: new Date(success_time),
  };
}

export function toMerchant(appId: string, mchId: string): string {
  return `${appId}/${mchId}`;
}
