import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A man in the middle, for tests: passes calls on as they are, and changes the answers. */
export interface TamperingProxy {
  /** With a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

const PASSED_ON = ['authorization', 'content-type', 'accept', 'wechatpay-serial'];

/**
 * @param target base URL of the gateway
 * @param change sees an answer's bytes as latin1, one character each
 */
export async function tamperingProxy(
  target: string,
  change: (body: string) => string,
): Promise<TamperingProxy> {
  const server = createServer((req, res) => {
    void (async () => {
      const headers = Object.fromEntries(
        PASSED_ON.flatMap((name) => {
          const value = req.headers[name];
          return typeof value === 'string' ? [[name, value]] : [];
        }),
      );
      const sent = await readAll(req);
      const answer = await fetch(new URL(req.url ?? '', target), {
        method: req.method ?? 'GET',
        headers,
        ...(sent.length > 0 ? { body: sent } : {}),
      });
      const original = Buffer.from(await answer.arrayBuffer());
      const body = Buffer.from(change(original.toString('latin1')), 'latin1');
      const kept = [...answer.headers].filter(([name]) => /^(wechatpay-|content-type)/.test(name));
      res.writeHead(answer.status, { ...Object.fromEntries(kept), 'content-length': body.length }).end(body);
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readAll(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
