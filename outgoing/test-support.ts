/** A merchant's server on the loopback, which answers as a test wishes. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Outgoing } from './post.js';

export interface Received {
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Receiver {
  url: string;
  port: number;
  /** Every request whose body has come, in its order. */
  received: Received[];
  /** Connections that were made, whatever came of them. */
  connections(): number;
  /** How the next requests are answered; 204 at first. */
  answer: (response: ServerResponse, request: Received) => void;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { headers: request.headers, body: Buffer.concat(chunks).toString() };
      receiver.received.push(one);
      receiver.answer(response, one);
    });
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/`,
    port,
    received: [],
    connections: () => connections,
    answer: answering(204),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

export const answering =
  (status: number, body = '', headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, headers).end(body);
  };

/** Takes the request, and never says a word. */
export const hanging = (): void => undefined;

export const postTo = (outgoing: Outgoing, url: string, timeoutMs = 10_000) =>
  outgoing.post({ url, headers: { 'content-type': 'application/json' }, body: '{}', timeoutMs });
