import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { RenderedMessage } from './events.js';

// Enough to see what a merchant answered; more is not kept.
const BODY_LIMIT = 4_096;

/** What the merchant answered. */
export interface PostAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Posts a notification on a connection of its own, following no redirect.
 * @throws Error that says why there was no whole answer within `timeoutMs`, or that `signal` ended it.
 */
export async function post(
  url: string,
  message: RenderedMessage,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<PostAnswer> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await exchange(url, message, AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (deadline.aborted && !signal.aborted) {
      throw new Error(`no answer within ${timeoutMs} ms`, { cause: error });
    }
    throw error;
  }
}

function exchange(url: string, message: RenderedMessage, signal: AbortSignal): Promise<PostAnswer> {
  const open = url.startsWith('https:') ? httpsRequest : httpRequest;
  const headers = { ...message.headers, 'content-length': Buffer.byteLength(message.body) };
  return new Promise((resolve, reject) => {
    const request = open(url, { method: 'POST', headers, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = (): void =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, Math.max(0, BODY_LIMIT - size)));
        size += chunk.length;
        if (size < BODY_LIMIT) return;
        finish();
        request.destroy();
      });
      response.on('end', finish);
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(message.body);
  });
}
