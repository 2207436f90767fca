/** Keys, signatures and a loopback gateway for the channels' tests: what a provider could send, good or forged. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Aes } from 'wechatpay-axios-plugin';
import { HoldfastError } from '../domain/errors.js';
import { fen } from '../domain/money.js';
import type { Scene } from '../domain/order.js';
import type {
  Attempt,
  Channel,
  Credential,
  KnownAttempt,
  Posting,
  RawNotification,
  RefundRequest,
  RefundState,
} from './channel.js';

export interface KeyPair {
  privateKey: string;
  publicKey: string;
}

export function makeKeys(): KeyPair {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

export function makeAttempt(scene: Scene, changes: Partial<Attempt> = {}): Attempt {
  return {
    outTradeNo: '9f8e7d6c5b4a3921',
    credential: null,
    createdAt: new Date(),
    scene,
    amountFen: fen(1230),
    currency: 'CNY',
    subject: '一小时设计咨询',
    expiresAt: new Date('2030-01-02T03:04:05.678Z'),
    notifyUrl: 'http://127.0.0.1:9/webhooks/any',
    ...changes,
  };
}

/** The attempt as its channel is asked about it; without a credential its posting had no answer. */
export function makeKnown(outTradeNo: string, credential: Credential | null = null): KnownAttempt {
  return { outTradeNo, credential, createdAt: new Date() };
}

export function signRsa(text: string, privateKey: string, algorithm = 'RSA-SHA256'): string {
  return createSign(algorithm).update(text, 'utf8').sign(privateKey, 'base64');
}

/** The text that Alipay signs in a notification: all but `sign` and `sign_type`, sorted, joined by `&`. */
export function toAlipayText(parameters: Record<string, string>): string {
  return Object.keys(parameters)
    .filter((name) => name !== 'sign' && name !== 'sign_type')
    .sort()
    .map((name) => `${name}=${parameters[name]}`)
    .join('&');
}

export function toForm(parameters: Record<string, string>): RawNotification {
  return {
    body: Buffer.from(new URLSearchParams(parameters).toString()),
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    receivedAt: new Date(),
  };
}

export function signAlipayForm(parameters: Record<string, string>, privateKey: string): RawNotification {
  const sign = signRsa(toAlipayText(parameters), privateKey);
  return toForm({ ...parameters, sign_type: 'RSA2', sign });
}

export interface WechatNotice {
  body: string;
  receivedAt: Date;
  timestamp: number;
  nonce: string;
  serial: string;
}

export function signWechat(notice: WechatNotice, privateKey: string): RawNotification {
  const { body, receivedAt, timestamp, nonce, serial } = notice;
  return {
    body: Buffer.from(body),
    headers: {
      'wechatpay-serial': serial,
      'wechatpay-timestamp': String(timestamp),
      'wechatpay-nonce': nonce,
      'wechatpay-signature': signRsa(`${timestamp}\n${nonce}\n${body}\n`, privateKey),
      'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
    },
    receivedAt,
  };
}

export function toWechatEnvelope(
  resource: object,
  apiV3Key: string,
  changes: { eventType?: string; originalType?: string } = {},
): string {
  const nonce = 'abcdefghijkl';
  const associated = changes.originalType ?? 'transaction';
  return JSON.stringify({
    id: 'EV-2018022511223320873',
    create_time: '2026-11-24T20:00:01+08:00',
    resource_type: 'encrypt-resource',
    event_type: changes.eventType ?? 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource: {
      original_type: associated,
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: Aes.AesGcm.encrypt(JSON.stringify(resource), apiV3Key, nonce, associated),
      associated_data: associated,
      nonce,
    },
  });
}

export interface LoopbackAnswer {
  status?: number;
  headers?: Record<string, string>;
  body: string;
  /** In place of the body, a file. */
  bytes?: Uint8Array;
  /** Sends the body's bytes again and again, and never ends. */
  trickles?: true;
}

export interface Loopback {
  url: string;
  stop(): Promise<void>;
}

/** A gateway on a free port. Undefined as the answer means that it never answers. */
export async function startLoopback(
  answer: (request: IncomingMessage, body: string) => LoopbackAnswer | undefined,
): Promise<Loopback> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const said = answer(request, Buffer.concat(chunks).toString());
      if (said === undefined) return;
      response.writeHead(said.status ?? 200, said.headers);
      if (said.trickles) {
        const trickle = setInterval(() => response.write(said.body), 50);
        response.on('close', () => clearInterval(trickle));
      } else {
        response.end(said.bytes ?? said.body);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The error that a call throws, as `{code, details}`; fails when it throws none of ours. */
export async function failureOf(call: () => unknown): Promise<HoldfastError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
  throw new Error('the call was expected to fail, and did not');
}

export function makeRefund(changes: Partial<RefundRequest> = {}): RefundRequest {
  return {
    outTradeNo: '9f8e7d6c5b4a3921',
    providerTradeNo: 'T-9f8e7d6c5b4a3921',
    refundNo: '9f8e7d6c5b4a3921r1',
    amountFen: fen(530),
    capturedFen: fen(1230),
    currency: 'CNY',
    reason: '课程取消',
    notifyUrl: 'http://127.0.0.1:9/webhooks/any',
    ...changes,
  };
}

const underWay = new Set<string>();

/** What is under way, kept in memory, by the refund's number. */
function postingOf({ refundNo }: RefundRequest): Posting {
  return {
    async begin() {
      const free = !underWay.has(refundNo);
      underWay.add(refundNo);
      return free;
    },
    async end() {
      underWay.delete(refundNo);
    },
  };
}

export interface Refunds {
  refund: (request: RefundRequest, posting?: Posting) => Promise<RefundState>;
  queryRefund: (request: RefundRequest) => Promise<RefundState>;
}

/** The refunds of a channel that has them. */
export function refunds(channel: Channel): Refunds {
  const has = <T>(answer: T | undefined): T => {
    if (answer === undefined) throw new Error(`${channel.name} has no refunds`);
    return answer;
  };
  return {
    refund: (request, posting = postingOf(request)) => has(channel.refund?.(request, posting)),
    queryRefund: (request) => has(channel.queryRefund?.(request)),
  };
}
