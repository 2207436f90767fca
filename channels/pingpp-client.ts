/**
 * Ping++'s API: JSON over HTTPS, every call signed by us. Its answers carry no signature, so TLS is what they are
 * trusted by. The official client sends nothing on a connection that Node uses again, hence this one.
 */
import { type KeyObject, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../domain/errors.js';
import { DEFAULT_TIMEOUT_MS, type ProviderFacts, channelRefused, unknownOutcome } from './provider-errors.js';

export interface PingppConfig {
  /** `app_...` */
  appId: string;
  /** `sk_live_...`, or `sk_test_...` where nothing but play money moves. */
  apiKey: string;
  /** The merchant's private key: PEM. */
  privateKey: string;
  /** Ping++'s own public key, which signs its events: PEM. */
  publicKey: string;
  /** Such as `https://api.pingxx.com`. */
  baseUrl: string;
  /** Deadline of one call; 5 s when left out. */
  timeoutMs?: number | undefined;
}

export interface PingppRefusal extends ProviderFacts {
  httpStatus: number;
  /** `invalid_request_error`, `api_error` or `channel_error`. */
  type: string;
  /** The field that is wrong. */
  param: string | undefined;
}

export type PingppAnswer<T> = { ok: true; body: T } | { ok: false; refusal: PingppRefusal };

export type Query = Readonly<Record<string, string | number | boolean>>;

export interface PingppClient {
  publicKey: KeyObject;
  /** Whether real money moves under this key. */
  live: boolean;
  /** @throws HoldfastError `channel_unknown_outcome`: no answer, or one that cannot be read */
  post<T>(path: string, data: object, body: z.ZodType<T>): Promise<PingppAnswer<T>>;
  /** @throws HoldfastError `channel_unknown_outcome`: no answer, or one that cannot be read */
  get<T>(path: string, query: Query, body: z.ZodType<T>): Promise<PingppAnswer<T>>;
  /**
   * Everything that a list holds, newest first, page by page.
   * @throws HoldfastError `channel_unknown_outcome`: also for a refusal, and for a list without an end
   */
  list<T extends { id: string }>(path: string, query: Query, item: z.ZodType<T>): AsyncGenerator<T>;
}

// A page of 100 charges, each with its credential and its refunds.
const LARGEST_ANSWER_BYTES = 4 * 1024 * 1024;
const PAGE_SIZE = 100;
const MOST_PAGES = 1_000;

/** @throws HoldfastError `channel_not_configured`: a key that is none */
export function createPingppClient(config: PingppConfig): PingppClient {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = config;
  const keys = readKeys(config);
  const base = new URL(config.baseUrl);
  const prefix = base.pathname.replace(/\/$/, '');

  async function call<T>(
    method: 'GET' | 'POST',
    path: string,
    data: string,
    body: z.ZodType<T>,
  ): Promise<PingppAnswer<T>> {
    const operation = operationOf(method, path);
    // A timer that this call holds itself: what `fetch` keeps of a signal, it may let go of once the headers are here.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new Error('there was no answer in time')), timeoutMs);
    try {
      const response = await fetch(`${base.origin}${prefix}${path}`, {
        method,
        headers: headersOf(config.apiKey, keys.privateKey, `${prefix}${path}`, data),
        ...(method === 'POST' ? { body: data } : {}),
        // A signature holds for one address, and the key is not to be handed on.
        redirect: 'error',
        signal: deadline.signal,
      });
      const answer: unknown = JSON.parse(await readText(response, deadline.signal));
      if (response.ok) return { ok: true, body: body.parse(answer) };
      const { error } = errorSchema.parse(answer);
      return { ok: false, refusal: toRefusal(operation, response.status, error) };
    } catch (error) {
      throw unknownOutcome({ channel: 'pingpp', operation }, error);
    } finally {
      clearTimeout(timer);
    }
  }

  const get = <T>(path: string, query: Query, body: z.ZodType<T>) =>
    call('GET', withQuery(path, query), '', body);

  return {
    publicKey: keys.publicKey,
    live: config.apiKey.startsWith('sk_live_'),
    post: (path, data, body) => call('POST', path, JSON.stringify(data), body),
    get,
    async *list(path, query, item) {
      const pageSchema = z.object({ has_more: z.boolean(), data: z.array(item) });
      let after: string | undefined;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const asked = {
          ...query,
          limit: PAGE_SIZE,
          ...(after === undefined ? {} : { starting_after: after }),
        };
        const answer = await get(path, asked, pageSchema);
        if (!answer.ok) throw unknownOutcome(answer.refusal);
        yield* answer.body.data;
        after = answer.body.data.at(-1)?.id;
        if (!answer.body.has_more || after === undefined) return;
      }
      throw unknownOutcome({
        channel: 'pingpp',
        operation: operationOf('GET', path),
        providerMessage: 'a list without an end',
      });
    },
  };
}

/** Only these refusals are final; every other one may be followed by a yes to the same call. */
export function isFinal({ httpStatus, type }: PingppRefusal): boolean {
  return httpStatus === 400 && type === 'invalid_request_error';
}

/** What a refused call that opens something comes to: no for good, or nothing that is known. */
export function toRefusalError(refusal: PingppRefusal): HoldfastError {
  const { httpStatus, type } = refusal;
  // 403 is Ping++'s word for too many calls.
  const isPassing = httpStatus >= 500 || httpStatus === 403 || httpStatus === 429 || type === 'api_error';
  return isPassing ? unknownOutcome(refusal) : channelRefused(refusal);
}

/** Numbers of charges, refunds and transfers are no part of the operation's name. */
function operationOf(method: string, path: string): string {
  return `${method} ${path.replace(/\?.*$/, '').replaceAll(/\/(ch|re|tr)_[^/]+/g, '/$1_')}`;
}

function withQuery(path: string, query: Query): string {
  const entries = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return entries.length === 0 ? path : `${path}?${new URLSearchParams(entries).toString()}`;
}

/** What is signed is the body, the address without its host, and the second, joined by nothing. */
function headersOf(apiKey: string, privateKey: KeyObject, address: string, data: string) {
  const second = String(Math.floor(Date.now() / 1000));
  const signature = sign('RSA-SHA256', Buffer.from(`${data}${address}${second}`), privateKey);
  return {
    authorization: `Basic ${Buffer.from(`${apiKey}:`).toString('base64')}`,
    'content-type': 'application/json; charset=UTF-8',
    'pingplusplus-request-timestamp': second,
    'pingplusplus-signature': signature.toString('base64'),
  };
}

async function readText({ body }: Response, deadline: AbortSignal): Promise<string> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  // Ends a read that waits, whether or not the signal still reaches the connection.
  const giveUp = (): void => void reader.cancel(deadline.reason).catch(() => undefined);
  deadline.addEventListener('abort', giveUp, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      deadline.throwIfAborted();
      if (done) return Buffer.concat(chunks).toString('utf8');
      size += value.byteLength;
      if (size > LARGEST_ANSWER_BYTES) throw new Error('the answer is too large');
      chunks.push(value);
    }
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    deadline.removeEventListener('abort', giveUp);
  }
}

const errorSchema = z.object({
  error: z.object({
    type: z.string(),
    code: z.string().nullish(),
    message: z.string().nullish(),
    param: z.string().nullish(),
  }),
});

function toRefusal(
  operation: string,
  httpStatus: number,
  { type, code, message, param }: z.infer<typeof errorSchema>['error'],
): PingppRefusal {
  return {
    channel: 'pingpp',
    operation,
    httpStatus,
    type,
    param: param ?? undefined,
    providerCode: code ?? type,
    providerMessage: message ?? undefined,
  };
}

function readKeys({ apiKey, privateKey, publicKey }: PingppConfig) {
  if (!/^sk_(live|test)_/.test(apiKey)) {
    throw new HoldfastError('channel_not_configured', {
      message: 'pingpp: the API key is sk_live_... or sk_test_...',
    });
  }
  try {
    return { privateKey: createPrivateKey(privateKey), publicKey: createPublicKey(publicKey) };
  } catch (cause) {
    throw new HoldfastError('channel_not_configured', {
      message: 'pingpp: the private key and the Ping++ public key must be PEM keys',
      cause,
    });
  }
}
