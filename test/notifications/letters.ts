/** Notifications as the sandbox's own providers render and sign them, and what can be wrong with one. */
import type { KeyObject } from 'node:crypto';
import path from 'node:path';
import { signWechat } from '../../channels/test-support.js';
import type { NotificationWire } from '../../sandbox/gateway.js';
import { loadAccount as loadAlipay } from '../../sandbox/gateways/alipay/account.js';
import { alipayNotifications } from '../../sandbox/gateways/alipay/notifications.js';
import { signParams } from '../../sandbox/gateways/alipay/wire.js';
import { type WechatAccount, loadAccount as loadWechat } from '../../sandbox/gateways/wechat/account.js';
import { wechatNotifications } from '../../sandbox/gateways/wechat/notifications.js';
import type { NotificationEvent, RenderedMessage } from '../../sandbox/notify/events.js';
import type { Trade } from '../../sandbox/state/trades.js';
import { toCst } from '../../sandbox/values/times.js';
import { yuanFromFen } from '../../sandbox/values/yuan.js';

/** The channels whose notifications the sandbox's own code writes here, to be damaged in every way. */
export const LETTER_CHANNELS = ['alipay', 'wechat'] as const;
export type LetterChannel = (typeof LETTER_CHANNELS)[number];

/** What a provider says; all but the first two are about no payment. */
export type Says = 'paid' | 'finished' | 'closed' | 'failed' | 'waiting' | 'refunded';

export const DAMAGES = {
  alipay: {
    tampered: ['content', 'number', 'status', 'added'],
    'wrong key': ['forger', 'our own', 'no signature'],
  },
  wechat: {
    tampered: ['content', 'id', 'timestamp', 'nonce'],
    'wrong key': ['forger', 'serial', 'probe'],
  },
} as const;
export type Damage = (typeof DAMAGES)[LetterChannel]['tampered' | 'wrong key'][number];

export interface Told {
  eventKey: string;
  outTradeNo: string;
  tradeNo: string;
  amountFen: number;
  currency: 'CNY' | 'USD';
  says: Says;
  /** Whom the money went to, when not to us. */
  merchant: 'ours' | 'other app' | 'other account';
  damage: Damage | null;
  /** How long ago it was signed. */
  agoMs: number;
}

export type Letter = RenderedMessage;
export type Post = (told: Told) => Promise<Letter>;

const OTHER_APP = { alipay: '2021000000000001', wechat: 'wx0000000000000001' };
const OTHER_ACCOUNT = { alipay: '2088000000000001', wechat: '1900000001' };
const NOBODYS_NUMBER = 'ffffffffffffffff';

function tradeOf(channel: LetterChannel, told: Told): Trade {
  const at = Date.now() - told.agoMs;
  return {
    channel,
    tradeNo: told.tradeNo,
    outTradeNo: told.damage === 'number' ? NOBODYS_NUMBER : told.outTradeNo,
    scene: 'app',
    amount: told.amountFen,
    currency: 'CNY',
    // What needs encoding is in it.
    subject: '一小时设计咨询 100% + 1',
    body: null,
    attach: null,
    status: told.says === 'closed' || told.damage === 'status' ? 'closed' : 'paid',
    paidAmount: told.amountFen,
    refundedAmount: 0,
    buyer: '2088000000000009',
    notifyUrl: null,
    returnUrl: null,
    createdAt: at - 1_000,
    expiresAt: at + 3_600_000,
    paidAt: at,
    closedAt: null,
    expired: false,
    request: '',
    credential: {},
    credentialAt: at,
  };
}

const eventOf = (told: Told, facts: object): NotificationEvent =>
  ({ eventId: told.eventKey, facts, createdAt: Date.now() - told.agoMs }) as unknown as NotificationEvent;

const treatmentOf = ({ damage }: Told) => ({
  tamper: damage === 'content',
  wrongKey: damage === 'forger' || damage === 'serial',
  signtest: damage === 'probe',
});

const factsOf = (wire: NotificationWire, channel: LetterChannel, told: Told) =>
  wire.facts(tradeOf(channel, told), null, { wrongMerchant: false }) as Record<string, unknown>;

const ALIPAY_WORDS = {
  paid: 'TRADE_SUCCESS',
  finished: 'TRADE_FINISHED',
  closed: 'TRADE_CLOSED',
  // Alipay has one word for both.
  failed: 'TRADE_CLOSED',
  waiting: 'WAIT_BUYER_PAY',
  refunded: 'TRADE_SUCCESS',
} as const;

type Form = Record<string, string>;

/** What is changed after signing; a form that is signed by our own key is changed in its signature alone. */
const ALIPAY_CHANGES: Partial<Record<Damage, (form: Form, told: Told, ourKey: KeyObject) => Form>> = {
  number: (form, { outTradeNo }) => ({ ...form, out_trade_no: outTradeNo }),
  status: (form) => ({ ...form, trade_status: 'TRADE_SUCCESS' }),
  added: (form) => ({ ...form, gmt_refund: toCst(Date.now()) }),
  'no signature': (form) => ({ ...form, sign: '', sign_type: '' }),
  // The key that signs our calls must not vouch for what Alipay says.
  'our own': ({ sign: _, sign_type: __, ...form }, _told, ourKey) => ({ ...signParams(form, ourKey) }),
};

async function alipayPost(folder: string): Promise<Post> {
  const account = await loadAlipay(folder);
  const wire = alipayNotifications(account);
  return async (told) => {
    const { says, damage, merchant, currency } = told;
    const facts = {
      ...factsOf(wire, 'alipay', told),
      trade_status: damage === 'status' ? 'TRADE_CLOSED' : ALIPAY_WORDS[says],
      ...(merchant === 'other app' && { app_id: OTHER_APP.alipay, auth_app_id: OTHER_APP.alipay }),
      ...(merchant === 'other account' && { seller_id: OTHER_ACCOUNT.alipay }),
      ...(currency !== 'CNY' && { trans_currency: currency }),
      ...(says === 'refunded' && { refund_fee: yuanFromFen(told.amountFen), out_biz_no: told.eventKey }),
    };
    const letter = await wire.render(eventOf(told, facts), treatmentOf(told));
    const change = damage === null ? undefined : ALIPAY_CHANGES[damage];
    if (change === undefined) return letter;
    const form = Object.fromEntries(new URLSearchParams(letter.body));
    const changed = change(form, told, account.merchant.privateKey);
    return { ...letter, body: new URLSearchParams(changed).toString() };
  };
}

const WECHAT_WORDS = {
  paid: 'SUCCESS',
  finished: 'SUCCESS',
  closed: 'CLOSED',
  failed: 'PAYERROR',
  waiting: 'NOTPAY',
  refunded: 'SUCCESS',
} as const;

const refundOf = (told: Told) => ({
  out_trade_no: told.outTradeNo,
  transaction_id: told.tradeNo,
  out_refund_no: told.eventKey,
  refund_status: 'SUCCESS',
  amount: { total: told.amountFen, refund: told.amountFen },
});

function wechatFacts(wire: NotificationWire, told: Told): Record<string, unknown> {
  const facts = factsOf(wire, 'wechat', told);
  if (told.says === 'refunded') {
    return { ...facts, originalType: 'refund', eventType: 'REFUND.SUCCESS', resource: refundOf(told) };
  }
  const resource = facts['resource'] as { amount: object };
  return {
    ...facts,
    resource: {
      ...resource,
      trade_state: WECHAT_WORDS[told.says],
      amount: { ...resource.amount, currency: told.currency },
      ...(told.merchant === 'other app' && { appid: OTHER_APP.wechat }),
      ...(told.merchant === 'other account' && { mchid: OTHER_ACCOUNT.wechat }),
    },
  };
}

/** What is changed after signing, beside what the sandbox itself can do. */
const WECHAT_CHANGES: Partial<Record<Damage, (letter: Letter, account: WechatAccount) => Letter>> = {
  id: ({ headers, body }) => ({ headers, body: body.replace('"id":"', '"id":"another-') }),
  timestamp: ({ headers, body }) => ({
    headers: { ...headers, 'Wechatpay-Timestamp': String(Number(headers['Wechatpay-Timestamp']) + 1) },
    body,
  }),
  nonce: ({ headers, body }) => ({ headers: { ...headers, 'Wechatpay-Nonce': 'another' }, body }),
  // A forger who names himself honestly.
  serial: ({ headers, body }, { serial }) => ({ headers: { ...headers, 'Wechatpay-Serial': serial }, body }),
};

/** A good signature, of then: what somebody has who recorded a delivery. */
function signedAgo({ body }: Letter, { agoMs, eventKey }: Told, account: WechatAccount): Letter {
  const timestamp = Math.floor((Date.now() - agoMs) / 1000);
  const key = account.provider.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const notice = { body, receivedAt: new Date(), timestamp, nonce: eventKey, serial: account.publicKeyId };
  const { headers } = signWechat(notice, key);
  return { headers: { ...(headers as Letter['headers']), 'content-type': 'application/json' }, body };
}

async function wechatPost(folder: string): Promise<Post> {
  const account = await loadWechat(folder);
  const wire = wechatNotifications(account);
  return async (told) => {
    const letter = await wire.render(eventOf(told, wechatFacts(wire, told)), treatmentOf(told));
    if (told.agoMs > 0) return signedAgo(letter, told, account);
    const change = told.damage === null ? undefined : WECHAT_CHANGES[told.damage];
    return change?.(letter, account) ?? letter;
  };
}

/** @param home of the sandbox: the keys that its providers sign by are there */
export async function openPosts(home: string): Promise<Record<LetterChannel, Post>> {
  const folder = path.join(home, 'sandbox');
  return { alipay: await alipayPost(folder), wechat: await wechatPost(folder) };
}

/** In each provider's own words. */
export const ANSWERS: Record<LetterChannel, Record<'success' | 'refused', string>> = {
  alipay: { success: '200 success', refused: '400 fail' },
  wechat: { success: '200 {"code":"SUCCESS"}', refused: '400 {"code":"FAIL","message":"失败"}' },
};
