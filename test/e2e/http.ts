/** A JSON client, as a merchant's back end would write one. */
import { randomUUID } from 'node:crypto';

/** Every call has an end: a server that was killed may have left its connection hanging. */
const TIMEOUT_MS = 20_000;

export interface Answer<T> {
  status: number;
  body: T;
  headers: Headers;
}

export interface CallOptions {
  /** Instead of the client's own credential. */
  token?: string;
  /** Every POST has a new one unless it is named here. */
  idempotencyKey?: string;
}

export interface Http {
  get<T>(path: string, options?: CallOptions): Promise<Answer<T>>;
  put<T>(path: string, body: unknown): Promise<Answer<T>>;
  post<T>(path: string, body?: unknown, options?: CallOptions): Promise<Answer<T>>;
  delete<T>(path: string): Promise<Answer<T>>;
}

/**
 * @param base such as `http://127.0.0.1:3000`
 * @param credential read at every call, since the key is made when the product first starts
 */
export function httpClient(base: string, credential?: () => string): Http {
  const call = async <T>(
    method: string,
    path: string,
    body: unknown,
    { token, idempotencyKey }: CallOptions = {},
  ): Promise<Answer<T>> => {
    const bearer = token ?? credential?.();
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(method === 'POST' && { 'idempotency-key': idempotencyKey ?? randomUUID() }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return {
      status: response.status,
      body: (isJson ? JSON.parse(text) : text) as T,
      headers: response.headers,
    };
  };
  return {
    get: (path, options) => call('GET', path, undefined, options),
    put: (path, body) => call('PUT', path, body),
    post: (path, body = {}, options = {}) => call('POST', path, body, options),
    delete: (path) => call('DELETE', path, undefined),
  };
}
