/** WeChat Pay's API v3 through `wechatpay-axios-plugin`: one signed call, one verified answer. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Wechatpay } from 'wechatpay-axios-plugin';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { DEFAULT_TIMEOUT_MS, type ProviderFacts, channelRefused, unknownOutcome } from './provider-errors.js';
import type { TransferSceneId } from './wechat-transfer-scenes.js';

// Answers are a few hundred bytes.
const LARGEST_ANSWER_BYTES = 256 * 1024;
const API_V3_KEY_BYTES = 32;

export interface WechatConfig {
  appId: string;
  mchId: string;
  /** Serial number of the merchant's certificate, hexadecimal. */
  serial: string;
  /** The merchant's private key: PEM. */
  privateKey: string;
  /** 32 bytes; it opens the notifications. */
  apiV3Key: string;
  /** `PUB_KEY_ID_...`: the name of WeChat Pay's public key. */
  publicKeyId: string;
  /** WeChat Pay's public key: PEM. */
  publicKey: string;
  /** Such as `https://api.mch.weixin.qq.com/`. */
  baseUrl: string;
  /** For what payouts are made, out of the scenes that the merchant was granted; 1005 when left out. */
  transferSceneId?: TransferSceneId | undefined;
  /** Deadline of one call; 5 s when left out. */
  timeoutMs?: number | undefined;
}

export type WechatAnswer<T> = { ok: true; body: T } | { ok: false; refusal: ProviderFacts };

export interface WechatClient {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** Deadline of one call. */
  timeoutMs: number;
  /** @throws HoldfastError `channel_unknown_outcome` */
  post<T>(
    path: string,
    data: object,
    body: z.ZodType<T>,
    headers?: Record<string, string>,
  ): Promise<WechatAnswer<T>>;
  /** @throws HoldfastError `channel_unknown_outcome` */
  get<T>(path: string, params: Record<string, string>, body: z.ZodType<T>): Promise<WechatAnswer<T>>;
  /**
   * A file: the call is signed, its answer is not, so what comes counts only by the hash that was announced.
   * @throws Error: no file, or `signal` ended it
   */
  download(
    path: string,
    params: Record<string, string>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
}

/** @throws HoldfastError `channel_not_configured`: a key that is none */
export function createWechatClient(config: WechatConfig): WechatClient {
  const timeoutMs = config.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const keys = readKeys(config);
  const client = new Wechatpay({
    mchid: config.mchId,
    serial: config.serial,
    privateKey: config.privateKey,
    certs: { [config.publicKeyId]: keys.publicKey },
    baseURL: config.baseUrl,
    timeout: timeoutMs,
    maxRedirects: 0,
    maxContentLength: LARGEST_ANSWER_BYTES,
    // The call is signed for this very host; a proxy that the environment names has no part in it.
    proxy: false,
  });
  // `timeout` bounds silence, the signal bounds the whole call.
  const withDeadline = () => ({ signal: AbortSignal.timeout(timeoutMs) });
  return {
    ...keys,
    timeoutMs,
    post: (path, data, body, headers = {}) =>
      settle(path, body, () => client.chain(path).post(data, { headers, ...withDeadline() })),
    get: (path, params, body) =>
      settle(path, body, () => client.chain(path).get({ params, ...withDeadline() })),
    async download(path, params, signal) {
      const response = await client.chain(path).get<unknown, { data: Readable }>({
        params,
        signal,
        responseType: 'stream',
        // It is as large as a day's business, and of none of the forms that the client reads.
        maxContentLength: Number.POSITIVE_INFINITY,
        transformResponse: [(file: unknown) => file],
      });
      return response.data;
    },
  };
}

const responseSchema = z.object({ status: z.number(), data: z.unknown() });
const failureSchema = z.object({ response: responseSchema });
const errorBodySchema = z.object({ code: z.string(), message: z.string().optional() });

async function settle<T>(
  path: string,
  body: z.ZodType<T>,
  call: () => Promise<unknown>,
): Promise<WechatAnswer<T>> {
  // Numbers of trades, refunds and payouts are no part of the operation's name.
  const operation = path.replace(/\/(out-trade-no|refunds|out-bill-no)\/[^/]+/, '/$1');
  try {
    const response = responseSchema.parse(await call());
    return { ok: true, body: body.parse(response.data) };
  } catch (error) {
    const refusal = readRefusal(operation, error);
    if (refusal === undefined) throw unknownOutcome({ channel: 'wechat', operation }, error);
    if (isPassing(refusal.httpStatus)) throw unknownOutcome(refusal, error);
    return { ok: false, refusal };
  }
}

/**
 * WeChat's refusal in a failed call. The plugin reports an answer that fails verification as an error with
 * status 200: that one is no refusal, since the request has been served.
 */
function readRefusal(
  operation: string,
  error: unknown,
): (ProviderFacts & { httpStatus: number }) | undefined {
  const failure = failureSchema.safeParse(error);
  if (!failure.success) return undefined;
  const { status, data } = failure.data.response;
  const body = errorBodySchema.safeParse(data);
  if (status < 400 || !body.success) return undefined;
  const { code, message } = body.data;
  return {
    channel: 'wechat',
    operation,
    providerCode: code,
    providerMessage: message,
    httpStatus: status,
  };
}

/** Server errors and "too many calls" say nothing about the trade; the same call may be made again. */
function isPassing(httpStatus: number): boolean {
  return httpStatus >= 500 || httpStatus === 429;
}

// Paid already: a create that is refused for that must be asked for, not given up.
const PAID_CODES: ReadonlySet<string> = new Set(['ORDERPAID', 'ORDER_PAID']);

export function saysPaid(refusal: ProviderFacts): boolean {
  return refusal.providerCode !== undefined && PAID_CODES.has(refusal.providerCode);
}

/** What a refused call that opens a trade comes to: no for good, or a trade to ask for. */
export function toRefusalError(refusal: ProviderFacts): HoldfastError {
  return saysPaid(refusal) ? unknownOutcome(refusal) : channelRefused(refusal);
}

function readKeys(config: WechatConfig): { privateKey: KeyObject; publicKey: KeyObject } {
  if (Buffer.byteLength(config.apiV3Key) !== API_V3_KEY_BYTES) {
    throw new HoldfastError('channel_not_configured', {
      message: `wechat: the API v3 key has ${API_V3_KEY_BYTES} bytes`,
    });
  }
  try {
    return {
      privateKey: createPrivateKey(config.privateKey),
      publicKey: createPublicKey(config.publicKey),
    };
  } catch (cause) {
    throw new HoldfastError('channel_not_configured', {
      message: 'wechat: the private key and the WeChat Pay public key must be PEM keys',
      cause,
    });
  }
}
