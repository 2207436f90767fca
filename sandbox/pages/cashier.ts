import { renderSVG } from 'uqr';
import type { Channel } from '../gateway.js';
import type { Trade, TradeStatus } from '../state/trades.js';
import { toCst } from '../values/times.js';
import { yuanFromFen } from '../values/yuan.js';
import { page, text } from './html.js';

const WALLETS = {
  alipay: 'Alipay',
  wechat: 'WeChat Pay',
  pingpp: 'Ping++',
  stripe: 'Stripe',
} as const satisfies Record<Channel, string>;

/** What the cashier page shows beside the trade itself. */
export interface CashierView {
  readonly trade: Trade;
  readonly cashierUrl: string;
  /** Where a paid buyer goes on to. */
  readonly returnUrl: string | null;
  /** The buyer has just left without paying. */
  readonly left: boolean;
}

/** The cashier page of a trade: what is paid, for how much, and the buyer's three ways out. */
export function cashierPage(view: CashierView): string {
  const { trade } = view;
  const amount = `¥${yuanFromFen(trade.paidAmount ?? trade.amount)}`;
  const wallet = WALLETS[trade.channel];
  const { sentence, title } = STATES[trade.status](view);
  return page(
    `${title}: ${amount} by ${wallet}`,
    `<p class="note">${wallet} sandbox. No real money moves.</p>
<h1>${text(amount)}</h1>
<p class="subject">${text(trade.subject)}</p>
<p class="state ${trade.status}" role="status">${text(sentence)}</p>
${actions(view, amount)}
<dl>
<dt>Merchant</dt><dd>Sandbox merchant</dd>
<dt>Order</dt><dd>${text(trade.outTradeNo)}</dd>
<dt>Trade</dt><dd>${text(trade.tradeNo)}</dd>
${timeRow(trade)}
</dl>
${trade.status === 'unpaid' ? qrFigure(view.cashierUrl) : ''}`,
  );
}

/** The page for a number that no trade has. */
export function unknownTradePage(no: string): string {
  return page(
    'No such payment',
    `<p class="note">Payment sandbox. No real money moves.</p>
<h1>No such payment</h1>
<p>There is no trade with the number ${text(no)} here. Open the payment again from the merchant's page.</p>`,
  );
}

const STATES = {
  unpaid: ({ left }) =>
    left
      ? { title: 'Not paid', sentence: 'You left without paying. You can still pay.' }
      : { title: 'Pay', sentence: 'Waiting for your payment' },
  paid: ({ trade }) => ({
    title: 'Paid',
    sentence:
      trade.refundedAmount > 0 ? `Paid. ¥${yuanFromFen(trade.refundedAmount)} went back to you.` : 'Paid',
  }),
  refunded: () => ({ title: 'Refunded', sentence: 'All of it went back to you.' }),
  failed: () => ({ title: 'Failed', sentence: 'The payment failed. Nothing was taken.' }),
  closed: ({ trade }) =>
    trade.expired
      ? { title: 'Expired', sentence: 'The time to pay has run out. Nothing was taken.' }
      : { title: 'Closed', sentence: 'The merchant closed this payment. Nothing was taken.' },
} as const satisfies Record<TradeStatus, (view: CashierView) => { title: string; sentence: string }>;

function actions({ trade, returnUrl }: CashierView, amount: string): string {
  if (trade.status === 'unpaid') {
    return [
      button(trade, 'pay', `Pay ${amount}`, 'main'),
      button(trade, 'fail', 'Let the payment fail', ''),
      button(trade, 'leave', 'Leave without paying', ''),
    ].join('\n');
  }
  const back = trade.paidAmount === null ? trade.returnUrl : returnUrl;
  return back === null ? '' : `<p><a class="button main" href="${text(back)}">Back to the merchant</a></p>`;
}

function button(trade: Trade, act: string, label: string, style: string): string {
  const action = `/cashier/${encodeURIComponent(trade.tradeNo)}/${act}`;
  return `<form method="post" action="${text(action)}"><button class="${style}">${text(label)}</button></form>`;
}

function timeRow(trade: Trade): string {
  if (trade.paidAt !== null) return row('Paid at', trade.paidAt);
  return trade.closedAt === null ? row('Pay before', trade.expiresAt) : row('Closed at', trade.closedAt);
}

function row(name: string, at: number): string {
  return `<dt>${name}</dt><dd><time datetime="${new Date(at).toISOString()}">${toCst(at)}</time> (UTC+8)</dd>`;
}

function qrFigure(url: string): string {
  const svg = renderSVG(url, { border: 2 }).replace(
    '<svg ',
    '<svg role="img" aria-label="QR code of this page" ',
  );
  return `<figure>${svg}<figcaption>This page as a QR code</figcaption></figure>`;
}
