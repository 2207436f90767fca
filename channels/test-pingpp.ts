/** A Ping++ on the loopback that answers whatever a test wants, and events that are signed or forged. */
import { createPingpp } from './pingpp.js';
import { NO, merchantKeys, providerKeys } from './test-gateways.js';
import { type Loopback, type LoopbackAnswer, signRsa, startLoopback } from './test-support.js';
import type { RawNotification } from './channel.js';

export const APP = 'app_1Gqj58ynP0mHeX1q';
export const CHARGE = 'ch_9f8e7d6c5b4a3921abcdefgh';
const TIMEOUT_MS = 400;

export interface PingppAsked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  /** As it came: what is signed. */
  raw: string;
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

const started: Loopback[] = [];

export async function stopPingpp(): Promise<void> {
  await Promise.all(started.splice(0).map((gateway) => gateway.stop()));
}

export function pingppConfig(url: string, changes: { apiKey?: string; publicKey?: string } = {}) {
  return {
    appId: APP,
    apiKey: 'sk_live_abcdefghijklmnopqrstuvwx',
    privateKey: merchantKeys.privateKey,
    publicKey: providerKeys.publicKey,
    baseUrl: url,
    timeoutMs: TIMEOUT_MS,
    ...changes,
  };
}

export async function pingppThatHears(answer: (asked: PingppAsked) => LoopbackAnswer | undefined) {
  const asked: PingppAsked[] = [];
  const gateway = await startLoopback((request, raw) => {
    const url = new URL(request.url ?? '', 'http://127.0.0.1');
    const one = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body: raw === '' ? {} : (JSON.parse(raw) as Record<string, unknown>),
      raw,
      url: request.url ?? '',
      headers: request.headers,
    };
    asked.push(one);
    return answer(one);
  });
  started.push(gateway);
  return { pingpp: createPingpp(pingppConfig(gateway.url)), asked, url: gateway.url };
}

export const say = (content: unknown): LoopbackAnswer => ({ body: JSON.stringify(content) });

/** A page of a list, the last one unless a test says otherwise. */
export const list = (data: readonly object[], has_more = false): LoopbackAnswer =>
  say({ object: 'list', url: '/v1/any', has_more, data });

export function refusePingpp(
  status: number,
  type: 'invalid_request_error' | 'api_error' | 'channel_error',
  more: { code?: string; param?: string } = {},
): LoopbackAnswer {
  return { status, body: JSON.stringify({ error: { type, message: '文字', ...more } }) };
}

export function makeCharge(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: CHARGE,
    object: 'charge',
    created: 1_795_550_400,
    livemode: true,
    paid: false,
    refunded: false,
    reversed: false,
    app: APP,
    channel: 'alipay_qr',
    order_no: NO,
    client_ip: '127.0.0.1',
    amount: 1230,
    amount_settle: 1230,
    currency: 'cny',
    subject: '一小时设计咨询',
    body: '一小时设计咨询',
    extra: {},
    time_paid: null,
    time_expire: 1_893_553_445,
    time_settle: null,
    transaction_no: null,
    refunds: { object: 'list', url: `/v1/charges/${CHARGE}/refunds`, has_more: false, data: [] },
    amount_refunded: 0,
    failure_code: null,
    failure_msg: null,
    metadata: {},
    credential: { object: 'credential', alipay_qr: 'https://qr.alipay.com/bax01' },
    description: null,
    ...changes,
  };
}

export const PAID = { paid: true, time_paid: 1_795_550_460, credential: {} };

export function makeRefundObject(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 're_9f8e7d6c5b4a3921abcdefgh',
    object: 'refund',
    order_no: 'abcdefgh',
    amount: 530,
    created: 1_795_550_500,
    succeed: true,
    status: 'succeeded',
    time_succeed: 1_795_550_560,
    description: `${NO}r1 课程取消`,
    failure_code: null,
    failure_msg: null,
    metadata: {},
    charge: CHARGE,
    charge_order_no: NO,
    transaction_no: null,
    ...changes,
  };
}

export function makeTransfer(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'tr_9f8e7d6c5b4a3921abcdefgh',
    object: 'transfer',
    type: 'b2c',
    created: 1_795_550_500,
    time_transferred: null,
    livemode: true,
    status: 'pending',
    app: APP,
    channel: 'alipay',
    order_no: 'payout0123456789',
    amount: 5_000,
    currency: 'cny',
    recipient: 'seller@example.com',
    description: '提现',
    transaction_no: null,
    failure_msg: null,
    extra: {},
    ...changes,
  };
}

export function makeEvent(type: string, object: unknown): string {
  const event = {
    id: 'evt_401150901213300000000001',
    created: 1_795_550_500,
    livemode: true,
    type,
    data: { object },
  };
  return JSON.stringify({ ...event, object: 'event', pending_webhooks: 0, request: 'iar_1' });
}

export function signPingpp(body: string, privateKey = providerKeys.privateKey): RawNotification {
  return {
    body: Buffer.from(body),
    headers: { 'content-type': 'application/json', 'x-pingplusplus-signature': signRsa(body, privateKey) },
    receivedAt: new Date('2026-11-24T20:00:00Z'),
  };
}
